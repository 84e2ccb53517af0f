"""The published command line of the AdvVAE, and what every verb owes its user."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.verbs import break_about

from sparring.errors import ConfigError
from sparring.production import read_trained

pytestmark = pytest.mark.slow  # all together


TINY = ["--n_epochs", "2", "--batch_size", "400", "--hidden_dims", "4", "8", "--latent_dim", "4", "--size", "8"]


TINY += ["--num_samples", "4"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Path:
    """What the published command line trained."""
    folder = tmp_path_factory.mktemp("published") / "advvae"
    words = ["train", "advvae", "--train", "--no_wandb", "--dataset", "digits", *TINY, "--lr", "1e-3"]
    assert run_verb(*words, "--sample_and_save_frequency", "2", "--kld_weight", "0.5", "-o", folder) == 0
    return folder


def test_the_published_command_line_trains_what_it_says(published):
    config = json.loads((published / "config.json").read_text())
    asked = {"epochs": 2, "batch_size": 400, "hidden_dims": [4, 8], "latent_dim": 4, "image_size": 8, "lr_gen": 1e-3}
    assert {key: config[key] for key in asked} == asked
    assert config["kld_weight"] == 0.5
    assert config["gen_weight"] == 0.002
    assert read_trained(published).about.dataset == "digits"
    (snapshot,) = (published / "snapshots").iterdir()
    assert snapshot.name == "epoch-00002"
    assert {path.name for path in snapshot.glob("*.png")} == {"came-back-image.png", "drawn-image.png"}


def test_its_pinned_file_trains_the_same_weights_and_snapshots_change_nothing(published, tmp_path, run_verb):
    assert run_verb("train", published / "pinned.toml", "-o", tmp_path) == 0
    again, before = (load_file(folder / "model.safetensors") for folder in (tmp_path, published))
    for name, tensor in before.items():
        assert torch.equal(again[name], tensor), name


def test_the_published_verbs_work_on_what_it_wrote(published, ood, tmp_path, monkeypatch, run_verb):
    asked = ["train", "advvae", *TINY]
    one = ["--checkpoint", published]
    assert run_verb(*asked, "--sample", *one, "-o", tmp_path / "s") == 0
    with np.load(tmp_path / "s" / "samples.npz") as arrays:
        assert arrays["image"].shape == (4, 1, 8, 8)
    assert run_verb(*asked, "--test", *one, "-o", tmp_path / "t") == 0
    assert (tmp_path / "t" / "errors.parquet").is_file()
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    words = ["--outlier_detection", "--discriminator_checkpoint", published, "--out_dataset", "imagenet"]
    assert run_verb(*asked, *words, "--data-path", ood, "-o", tmp_path / "o") == 0
    assert json.loads((tmp_path / "o" / "outliers.json").read_text())["scores"].keys() == {
        "reconstruction", "discriminator",
    }  # fmt: skip


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No set has been fetched, and whoever tries is refused."""
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    return tmp_path / "data"


def test_without_a_data_set_it_is_the_published_one_or_offline_the_digits(offline, tmp_path, run_verb, capsys):
    assert run_verb("train", "advvae", "--n_epochs", "1", "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "data set mnist: it could not be fetched" in said
    assert "get train-images-idx3-ubyte.gz" in said
    assert f"put it into {offline / 'mnist'}, and run the same command again" in said
    assert said.endswith("as --data-path; or train on embedded images, offline, with --dataset digits\n")
    assert not (tmp_path / "out").exists()
    assert run_verb("train", "advvae", "--dataset", "cifar10", "-o", tmp_path / "out") == 2
    assert "embedded images" not in capsys.readouterr().err  # who names a set means it


def test_a_foreign_set_that_is_not_there_is_asked_for_by_the_flag_that_takes_it(
    published, offline, tmp_path, run_verb, capsys
):
    asked = ["outliers", published, "--out-dataset", "fashionmnist"]
    assert run_verb(*asked) == 2
    assert capsys.readouterr().err.endswith("or give the folder that holds it as --out-path\n")
    assert run_verb(*asked, "--out-path", tmp_path) == 2
    assert "data set fashionmnist: --out-path must hold train-images" in capsys.readouterr().err
    asked = ["train", "advvae", "--outlier_detection", "--checkpoint", published]
    assert run_verb(*asked) == 2
    said = capsys.readouterr().err
    assert "data set fashionmnist: it could not be fetched" in said
    assert said.endswith("or give the folder that holds it as --data-path\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["advvae", "--learning_rate", "1"], "advvae: unrecognized arguments: --learning_rate 1"),
        (["advvae", "--sample", "--checkpoint", "nowhere"], "nowhere: no such folder"),
        (
            ["advvae", "--outlier_detection", "--checkpoint", "a", "--discriminator_checkpoint", "b"],
            "one folder holds both nets",
        ),
        (["auxgan"], "train: auxgan has no published arguments; pin a configuration"),
        (["best.toml", "--lr", "1"], "train: no option '--lr' of a pinned configuration"),
    ],
)
def test_what_train_cannot_take_is_refused_in_one_sentence(words, said, tmp_path, monkeypatch, capsys, run_verb):
    monkeypatch.chdir(tmp_path)
    assert run_verb("train", *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["sample", "reconstruct", "predict", "outliers"])
def test_every_verb_has_help_and_a_door(verb, checkout, run_verb, capsys):
    assert run_verb(verb, "--help") == 0
    assert "Usage" in capsys.readouterr().out
    assert f'main("{verb}")' in (checkout / "platform" / f"{verb}.py").read_text(encoding="utf-8")


def test_errors_of_a_torn_file_are_of_their_kinds(trained, tmp_path):
    folder = tmp_path / "aegan"
    shutil.copytree(trained("aegan"), folder)
    (folder / "checksums.json").unlink()
    break_about(folder)
    with pytest.raises(ConfigError):
        read_trained(folder)
