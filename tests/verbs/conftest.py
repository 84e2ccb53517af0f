"""One trained folder per model for all tests of the verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.systems import few_rows, small, space_of
from support.verbs import OWN

from sparring.production.drawing import pictures
from sparring.space import find_space, read_space, write_toml


@pytest.fixture(autouse=True)
def _one_curve(monkeypatch):
    """A frame instead of twelve, which take most of a second; tests/test_drawing.py looks at all."""
    monkeypatch.setattr(pictures, "SHOWN_CURVES", 1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Any:
    """Trains a model once, by the command; returns its folder."""
    place = tmp_path_factory.mktemp("trained")

    def train(name: str) -> Path:
        folder: Path = place / name
        if not folder.exists():
            space = read_space(find_space(name))
            fixed = {**small(name), "epochs": 1, "batch_size": 50, **OWN.get(name, {})}
            fixed = {key: value for key, value in fixed.items() if value is not None}
            raw = {key: space[key] for key in ("model", "dataset", "objectives")}
            raw |= {"seed": 1, "fixed": fixed, "data": few_rows(space_of(name))}
            (place / f"{name}.toml").write_text(write_toml(raw), encoding="utf-8")
            assert run_verb("train", place / f"{name}.toml", "-o", folder) == 0
        return folder

    return train


@pytest.fixture(scope="session")
def ood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the data set imagenet wants it: 40 colour images of noise, 12 pixels wide and 9 high."""
    place = tmp_path_factory.mktemp("foreign")
    rng = np.random.default_rng(0)
    for part, count in (("train", 30), ("val", 10)):
        (place / part / "noise").mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / part / "noise" / f"{number}.png")
    return place
