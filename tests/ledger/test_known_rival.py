"""A search shows the best yardstick that a report has measured, of this study or of one beside it on the same data."""

from __future__ import annotations

import json

import pytest

from sparring.ledger.yardsticks import YARDSTICKS, key_of, known_rival
from sparring.records import Objective, StudySpec

SPEC = StudySpec(name="s", model="aegan", dataset="exafs", split="80/20")
IDENTITY = {"data_sha256": "abc"}


def keep(folder, figures, **key):
    """A report's file: figures by name; that of the floor is called floor."""
    folder.mkdir(exist_ok=True)
    measured = [
        {"name": name, "figures": {"val/score": value}, "is_floor": name == "floor"} for name, value in figures.items()
    ]
    document = {"key": key_of(SPEC, IDENTITY) | key, "yardsticks": measured}
    (folder / YARDSTICKS).write_text(json.dumps(document))


def test_it_is_the_best_but_never_the_floor(tmp_path):
    keep(tmp_path / "other", {"floor": 0.01, "ridge": 0.2, "trees": 0.15}, tests=True)
    assert known_rival(tmp_path / "s", SPEC, IDENTITY) == ("trees", 0.15)
    higher = StudySpec(**{**vars(SPEC), "objectives": (Objective(metric="val/score", goal="maximize"),)})
    assert known_rival(tmp_path / "s", higher, IDENTITY) == ("ridge", 0.2)


@pytest.mark.parametrize(
    "key",
    [
        {"split": "75/15/10"},
        {"data_sha256": "x"},
        {"model": "aae"},
        {"form": 1},
        {"params": {"latent_dim": 8}},
        {"data": {"data.n": 5}},
    ],
)
def test_of_anything_else_it_is_none(tmp_path, key):
    keep(tmp_path / "other", {"ridge": 0.2}, **key)
    assert known_rival(tmp_path / "s", SPEC, IDENTITY) is None


def test_a_torn_file_is_passed_over(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / YARDSTICKS).write_text('{"key": ')
    keep(tmp_path / "other", {"ridge": 0.2})
    assert known_rival(tmp_path / "s", SPEC, IDENTITY) == ("ridge", 0.2)
