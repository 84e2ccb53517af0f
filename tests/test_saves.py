"""A training that is cut off goes on where it stood; test rows are looked at once, at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
from safetensors.torch import load_file

from sparring.production import read_trained
from sparring.production.inference.samples import read_rows
from sparring.space import write_toml
from sparring.training import saves
from sparring.training.saves import Saves

FIXED = {"epochs": 6, "hidden_size": 8, "n_hl_gen": 1, "n_hl_shared": 1, "n_hl_dis": 1, "batch_size": 16}


def pin(path: Path, split: str = "75/15/10", **fixed: Any) -> Path:
    raw = {"model": "aegan", "dataset": "exafs", "seed": 5, "split": split, "objectives": [{"metric": "val/score"}]}
    path.write_text(write_toml(raw | {"fixed": FIXED | fixed, "data": {"n": 120}}), encoding="utf-8")
    return path


class State:
    """An epoch and what would be saved of it."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def save(self) -> bytes:
        return f"epoch {self.epoch}".encode()


def names(folder: Path) -> list[str]:
    return sorted(path.name[:6] for path in folder.iterdir()) if folder.exists() else []


# -- the folder -------------------------------------------------------------------------------------------------------


def test_two_checkpoints_roll_and_none_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(saves, "PAUSE_S", 0.0)
    folder = tmp_path / "checkpoints"
    kept = Saves(folder, "1a2b3c4d")
    assert kept.newest() is None
    for epoch in range(1, 8):
        kept.take(State(epoch))
    assert names(folder) == ["e00006", "e00007"]
    assert kept.newest() == b"epoch 7"
    kept.end()
    assert not folder.exists()


def test_a_torn_checkpoint_is_passed_over_and_another_configuration_s_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(saves, "PAUSE_S", 0.0)
    kept = Saves(tmp_path, "1a2b3c4d")
    for epoch in (1, 2):
        kept.take(State(epoch))
    sorted(tmp_path.iterdir())[-1].write_bytes(b"epoch")
    assert Saves(tmp_path, "1a2b3c4d").newest() == b"epoch 1"
    assert Saves(tmp_path, "00000000").newest() is None
    assert names(tmp_path) == [], "what is trained into a folder takes the place of what was there"


def test_checkpoints_are_no_closer_than_the_pause(tmp_path):
    now = 0.0
    kept = Saves(tmp_path, "1a2b3c4d", clock=lambda: now)
    for epoch in range(1, 6):
        now = 4.0 * epoch
        kept.take(State(epoch))
    assert names(tmp_path) == ["e00003"], "10 s after the start"


# -- the command ------------------------------------------------------------------------------------------------------


def test_a_training_that_is_cut_off_goes_on_bit_for_bit(tmp_path, monkeypatch, run_verb, capsys):
    monkeypatch.setattr(saves, "PAUSE_S", 0.0)
    pinned, cut, whole = pin(tmp_path / "best.toml"), tmp_path / "cut", tmp_path / "whole"
    trained: list[int] = []
    take = Saves.take

    def cut_off(self, solo):
        take(self, solo)
        trained.append(solo.epoch)
        if trained == [1, 2, 3, 4]:
            raise KeyboardInterrupt

    monkeypatch.setattr(Saves, "take", cut_off)
    assert run_verb("train", pinned, "-o", cut) == 130
    assert not (cut / "model.safetensors").exists()
    assert run_verb("train", pinned, "-o", cut) == 0
    assert trained == [1, 2, 3, 4, 5, 6]
    assert not (cut / "checkpoints").exists()
    monkeypatch.undo()
    assert run_verb("train", pinned, "-o", whole) == 0
    assert (cut / "metrics.json").read_bytes() == (whole / "metrics.json").read_bytes()
    weights = load_file(whole / "model.safetensors")
    for name, tensor in load_file(cut / "model.safetensors").items():
        assert torch.equal(tensor, weights[name]), name
    traces = [pandas.read_parquet(folder / "epochs.parquet").drop(columns="wall_s") for folder in (cut, whole)]
    pandas.testing.assert_frame_equal(*traces)


def test_checkpoints_of_another_configuration_are_not_gone_on_from(tmp_path, monkeypatch, run_verb):
    monkeypatch.setattr(saves, "PAUSE_S", 0.0)
    folder, trained = tmp_path / "here", []
    take = Saves.take

    def cut_off(self, solo):
        take(self, solo)
        trained.append(solo.epoch)
        if trained == [1, 2, 3, 4]:
            raise KeyboardInterrupt

    monkeypatch.setattr(Saves, "take", cut_off)
    assert run_verb("train", pin(tmp_path / "a.toml"), "-o", folder) == 130
    assert run_verb("train", pin(tmp_path / "b.toml", lr_gen=1e-3), "-o", folder) == 0
    assert trained == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6]
    assert run_verb("train", tmp_path / "a.toml", "-o", folder) == 2, "it holds other weights now"


def test_test_rows_are_looked_at_once_with_the_best_weights(tmp_path, run_verb, capsys):
    folder = tmp_path / "here"
    assert run_verb("train", pin(tmp_path / "best.toml"), "-o", folder) == 0
    figures = json.loads((folder / "metrics.json").read_text())
    said = " ".join(capsys.readouterr().out.split())
    assert f"test/score {figures['test/score']:.6g} on 12 test rows, which had no part in training or choice." in said
    loaded = read_trained(folder)
    rows = read_rows(loaded, part="test")
    with torch.no_grad():
        sums = loaded.model.evaluate(**rows.fields)
    expected = {f"test/{name[4:]}": value for name, value in loaded.model.figures(sums).items()}
    assert {name: figures[name] for name in figures if name.startswith("test/")} == pytest.approx(expected, rel=1e-6)
    assert figures["test/score"] != pytest.approx(figures["val/score"], rel=1e-3), "other rows, other figures"


def test_without_test_rows_nothing_is_said_of_them(tmp_path, run_verb, capsys):
    assert run_verb("train", pin(tmp_path / "best.toml", split="80/20"), "-o", tmp_path / "here") == 0
    assert "test rows" not in capsys.readouterr().out
    assert not [
        name for name in json.loads((tmp_path / "here" / "metrics.json").read_text()) if name.startswith("test")
    ]


def test_members_have_test_figures_with_a_deviation(tmp_path, run_verb, capsys):
    assert run_verb("train", pin(tmp_path / "best.toml"), "--ensemble", "2", "-o", tmp_path / "two") == 0
    table = pandas.read_parquet(tmp_path / "two" / "members.parquet")
    scores = table[table["metric"] == "test/score"]["value"]
    assert len(scores) == 2
    assert scores.nunique() == 2
    assert "test/score" in capsys.readouterr().out


def test_a_snapshot_every_so_many_epochs_needs_a_number(run_verb):
    assert run_verb("train", "best.toml", "--save-every", "0") == 2
