"""What ``train`` wrote, read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.verbs import break_about

from sparring.models import find_config, model_names
from sparring.production import read_trained
from sparring.production.inference.answers import Answered, reconstruct
from sparring.production.inference.samples import read_rows

pytestmark = pytest.mark.slow  # all together


LAYER = "structure_dis.0.linear.weight"


MEASURED = [name for name in model_names() if any("/mse_recon" in metric for metric in find_config(name).emitted())]
"""Systems of whose reconstructions a metric is the mean squared error, of all fields or of one."""


@pytest.mark.parametrize("name", model_names())
def test_a_reloaded_model_holds_the_weights_that_were_written(name, trained):
    folder = trained(name)
    loaded = read_trained(folder)
    assert not loaded.model.training
    state, written = loaded.model.state_dict(), load_file(folder / "model.safetensors")
    assert state.keys() == written.keys()
    for key, tensor in written.items():
        assert torch.equal(state[key], tensor), key


@pytest.mark.parametrize("name", MEASURED)
def test_a_reloaded_model_repeats_the_figure_of_its_training(name, trained):
    folder = trained(name)
    loaded = read_trained(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    truths, answers = reconstruct(loaded, read_rows(loaded))
    found = Answered(truths=truths, answers=answers).errors()
    for field, of_rows in found.items():
        metric = metrics.get(f"val/mse_recon_{field}", metrics.get("val/mse_recon"))
        assert of_rows.mean() == pytest.approx(metric, rel=1e-4), field


def test_a_model_is_found_by_its_name_and_by_its_weights(trained, tmp_path, monkeypatch):
    folder = trained("aegan")
    assert read_trained(folder / "model.safetensors").folder == folder
    shutil.copytree(folder, tmp_path / "trained" / "aegan")
    monkeypatch.chdir(tmp_path)
    assert read_trained(Path("aegan")).folder == Path("trained/aegan")


def break_nothing_left(folder: Path) -> None:
    shutil.rmtree(folder)


def break_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])


def break_shape(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state[LAYER] = torch.zeros(3, 3)
    save_file(state, folder / "model.safetensors")


def break_names(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state["other"] = state.pop(LAYER)
    save_file(state, folder / "model.safetensors")


def break_config(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"hidden_size": 16', '"hidden_size": -16'))


def break_model(folder: Path) -> None:
    path = folder / "model.json"
    path.write_text(path.read_text().replace('"model": "aegan"', '"model": "aegam"'))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (break_nothing_left, "no such folder, and no study of that name"),
        (break_weights, "whole .safetensors file"),
        (break_shape, f"has another shape of {LAYER}"),
        (break_names, f"lacks {LAYER}, has besides other"),
        (break_config, "hidden_size = -16"),
        (break_about, "model.json"),
        (break_model, "no model 'aegam'; did you mean 'aegan'"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_in_one_sentence(harm, words, trained, tmp_path, run_verb, capsys):
    folder = tmp_path / "aegan"
    shutil.copytree(trained("aegan"), folder)
    (folder / "checksums.json").unlink()  # as a folder of before they were written
    harm(folder)
    assert run_verb("predict", folder) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
