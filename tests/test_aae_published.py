"""The AAE's published command line: six arguments, by their names, with their defaults, and what it trains."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.torch import load_file

from sparring.cli.train import ARGUMENTS
from sparring.errors import ConfigError
from sparring.models.aae.config import Config
from sparring.models.aae.published import read_arguments

VALUES = {
    "dataset": "fashionmnist", "batchsize": "128", "dim": "16", "dropout": "0.25", "epochs": "3", "adversarial": "True",
}  # fmt: skip


def test_every_argument_is_taken_alone_and_with_the_rest():
    assert ARGUMENTS["aae"].split() == [f"--{name}" for name in VALUES]
    for name, value in VALUES.items():
        assert list(read_arguments([f"--{name}", value]).said) == [name]
    found = read_arguments([word for name, value in VALUES.items() for word in (f"--{name}", value)])
    assert (found.model, found.verb, found.dataset) == ("aae", "train", "fashionmnist")
    assert Config(**found.values) == Config(
        batch_size=128, latent_dim=16, width=16, width_dis=16, dropout=0.25, epochs=3, adversarial=True
    )


def test_nothing_said_is_the_published_default_and_ours():
    found = read_arguments([])
    assert Config(**found.values) == Config()
    assert (found.dataset, found.said) == ("mnist", {})
    said = {"batch_size": 64, "latent_dim": 64, "width": 64, "width_dis": 64, "dropout": 0.1, "epochs": 10}
    assert found.values == {**said, "adversarial": False}


@pytest.mark.parametrize(
    ("word", "phases"), [("True", ["recon", "dis", "reg"]), ("False", ["recon"]), ("false", ["recon"])]
)
def test_adversarial_is_what_its_word_says(word, phases):
    config = Config(**read_arguments(["--adversarial", word]).values)
    assert [phase.name for phase in config.active_phases] == phases


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--batch_size 3", "unrecognized arguments: --batch_size 3"),
        ("--adv True", "unrecognized arguments: --adv True"),
        ("--adversarial maybe", "--adversarial: wants True or False, but got 'maybe'"),
        ("--adversarial", "--adversarial: expected one argument"),
        ("--dim 0", "latent_dim: wants at least 1, but got ['--dim', '0']"),
        ("--dropout 1", "dropout: wants less than 1"),
        ("--epochs few", "--epochs: invalid int value: 'few'"),
    ],
)
def test_a_bad_argument_is_one_sentence(words, said):
    with pytest.raises(ConfigError) as caught:
        read_arguments(words.split())
    assert said in str(caught.value)
    assert str(caught.value).startswith("aae: ")
    assert "\n" not in str(caught.value)


# -- the command ------------------------------------------------------------------------------------------------------

TINY = ["--dataset", "digits", "--dim", "3", "--batchsize", "400", "--epochs", "2"]


@pytest.mark.parametrize(("word", "losses"), [("True", {"train/loss_dis", "train/loss_reg"}), ("False", set())])
def test_it_trains_what_it_says_and_keeps_the_weights_of_every_epoch(word, losses, tmp_path, run_verb):
    assert run_verb("train", "aae", *TINY, "--adversarial", word, "-o", tmp_path) == 0
    config = json.loads((tmp_path / "config.json").read_text())
    asked = {"epochs": 2, "batch_size": 400, "latent_dim": 3, "width": 3, "adversarial": word == "True"}
    assert {key: config[key] for key in asked} == asked
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert {"train/loss_dis", "train/loss_reg"} & set(figures) == losses
    kept = [load_file(tmp_path / "snapshots" / f"epoch-0000{epoch}" / "model.safetensors") for epoch in (1, 2)]
    best = load_file(tmp_path / "model.safetensors")
    assert any(all(tensor.equal(best[name]) for name, tensor in each.items()) for each in kept)
    for name, tensor in kept[0].items():
        if name.endswith("weight"):
            assert tensor.equal(kept[1][name]) == (name.startswith("critic") and word == "False"), name


def test_it_trains_one_model(capsys, run_verb):
    assert run_verb("train", "aae", "--kfold", "3") == 2
    assert "train aae: the published arguments train one model" in capsys.readouterr().err


def test_without_a_network_the_published_set_is_named_and_the_way_round_it(tmp_path, monkeypatch, capsys, run_verb):
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert run_verb("train", "aae", "--epochs", "1", "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "data set mnist: it could not be fetched" in said
    assert said.endswith("or train on embedded images, offline, with --dataset digits\n")


def test_the_published_sample_is_three_pairs_and_draws_of_the_prior(tmp_path, run_verb, capsys):
    assert run_verb("train", "aae", *TINY, "-o", tmp_path / "aae") == 0
    assert run_verb("sample", "--model_path", tmp_path / "aae", "-n", "2") == 0
    said = capsys.readouterr().out
    assert "Reconstructions of 3 validation samples" in said
    assert "2 samples" in said
    with np.load(tmp_path / "aae" / "samples" / "reconstructions" / "reconstructions.npz") as pairs:
        assert pairs["image"].shape == pairs["true_image"].shape == (3, 1, 28, 28)
    with np.load(tmp_path / "aae" / "samples" / "samples.npz") as drawn:
        assert drawn["image"].shape == (2, 1, 28, 28)
    for folder, how, count in (("a", ["--pairs", "5"], 5), ("b", [], None)):
        assert run_verb("sample", tmp_path / "aae", *how, "-o", tmp_path / folder) == 0
        path = tmp_path / folder / "reconstructions" / "reconstructions.npz"
        assert path.exists() == (count is not None)
    assert run_verb("sample") == 2
    assert run_verb("sample", tmp_path / "aae", "--model_path", tmp_path / "aae") == 2
    assert "sample: wants one FOLDER, but got none" in capsys.readouterr().err
