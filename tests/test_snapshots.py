"""Snapshots of a training: folders that every verb takes, with pictures, for all systems; and its curves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from support.systems import few_rows, small, space_of
from support.verbs import OWN
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sparring.models import model_names
from sparring.production import read_trained
from sparring.production.drawing import pictures
from sparring.production.inference import kept_pictures
from sparring.space import write_toml
from sparring.training import saves
from sparring.training.saves import Saves


def pin(path: Path, name: str, epochs: int = 2) -> Path:
    space = space_of(name)
    values = {**small(name), **OWN.get(name, {}), "epochs": epochs, "steps_per_epoch": 2, "batch_size": 50}
    raw = {key: space.raw[key] for key in ("model", "dataset", "objectives")}
    raw["fixed"] = {key: value for key, value in values.items() if value is not None}
    raw |= {"data": few_rows(space, n=150), "split": "80/20", "seed": 3}
    path.write_text(write_toml(raw), encoding="utf-8")
    return path


def curve(folder: Path, tag: str) -> dict[int, float]:
    events = EventAccumulator(str(folder / "tensorboard" / "00000")).Reload()
    return {each.step: each.value for each in events.Scalars(tag)}


@pytest.fixture(autouse=True)
def _one_curve(monkeypatch):
    """A frame instead of twelve, which take most of a second; tests/test_drawing.py looks at all."""
    monkeypatch.setattr(kept_pictures, "SHOWN_CURVES", 1)
    monkeypatch.setattr(pictures, "SHOWN_CURVES", 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_a_snapshot_of_a_system_is_a_trained_folder_with_pictures(name, tmp_path, run_verb):
    kept = tmp_path / "kept"
    assert run_verb("train", pin(tmp_path / "best.toml", name), "-o", kept, "--save-every", "2") == 0
    (folder,) = (kept / "snapshots").iterdir()
    assert folder.name == "epoch-00002"
    assert read_trained(folder).about.model == name
    drawn = list(folder.glob("*.png"))
    assert drawn
    for picture in drawn:
        with Image.open(picture) as read:
            read.verify()
    assert json.loads((folder / "metrics.json").read_text())["epoch"] == 2
    assert (folder / "pinned.toml").is_file()
    with safe_open(folder / "training.safetensors", "pt") as state:
        assert any("exp_avg" in key or "optimizer" in key for key in state.keys())  # noqa: SIM118 not a mapping


@pytest.mark.parametrize("name", ["mlp_aae", "advvae"])
def test_snapshots_change_nothing_and_that_of_the_best_epoch_holds_the_weights_that_are_kept(name, tmp_path, run_verb):
    pinned = pin(tmp_path / "best.toml", name)
    plain, kept = tmp_path / "plain", tmp_path / "kept"
    assert run_verb("train", pinned, "-o", plain) == 0
    assert run_verb("train", pinned, "-o", kept, "--save-every", "1") == 0
    weights = load_file(plain / "model.safetensors")
    for key, tensor in load_file(kept / "model.safetensors").items():
        assert torch.equal(tensor, weights[key]), key
    snapshots = sorted((kept / "snapshots").iterdir())
    assert [each.name for each in snapshots] == ["epoch-00001", "epoch-00002"]
    best = json.loads((kept / "metrics.json").read_text())["epoch"]
    again = load_file(snapshots[best - 1] / "model.safetensors")
    assert all(torch.equal(again[key], tensor) for key, tensor in weights.items())


def test_every_verb_of_a_system_takes_a_snapshot(tmp_path, run_verb):
    kept = tmp_path / "kept"
    assert run_verb("train", pin(tmp_path / "best.toml", "aae"), "-o", kept, "--save-every", "2") == 0
    (snapshot,) = (kept / "snapshots").iterdir()
    for verb in ("sample", "reconstruct", "encode", "outliers"):
        assert run_verb(verb, snapshot, *(["--out-dataset", "patches"] if verb == "outliers" else [])) == 0, verb


def test_a_training_has_curves_also_of_the_epochs_before_it_was_cut_off(tmp_path, monkeypatch, run_verb):
    monkeypatch.setattr(saves, "PAUSE_S", 0.0)
    pinned, folder, take = pin(tmp_path / "best.toml", "mlp_aae", epochs=3), tmp_path / "here", Saves.take

    def cut_off(self, training):
        take(self, training)
        if training.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Saves, "take", cut_off)
    assert run_verb("train", pinned, "-o", folder) == 130
    assert list(curve(folder, "val/mse_recon")) == [1, 2]
    monkeypatch.setattr(Saves, "take", take)
    assert run_verb("train", pinned, "-o", folder) == 0
    found = curve(folder, "val/mse_recon")
    assert list(found) == [1, 2, 3]
    figures = json.loads((folder / "metrics.json").read_text())
    assert found[figures["epoch"]] == pytest.approx(figures["val/mse_recon"], rel=1e-6)
