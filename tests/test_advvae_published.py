"""The AdvVAE's published command line: 22 arguments, by their names, with their defaults; and its verbs, which follow
the folder they are given and nothing that contradicts it.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from sparring.cli.train import ARGUMENTS
from sparring.errors import ConfigError, UsageError
from sparring.models.advvae.config import Config
from sparring.models.advvae.published import read_arguments

TABLE = [
    "train",
    "test",
    "sample",
    "dataset",
    "no_wandb",
    "batch_size",
    "n_epochs",
    "lr",
    "latent_dim",
    "hidden_dims",
    "checkpoint",
    "num_samples",
    "gen_weight",
    "recon_weight",
    "sample_and_save_frequency",
    "outlier_detection",
    "discriminator_checkpoint",
    "out_dataset",
    "loss_type",
    "kld_weight",
    "num_workers",
    "size",
]

VALUES = {
    "dataset": "octmnist", "batch_size": "64", "n_epochs": "7", "lr": "1e-3", "latent_dim": "16",
    "hidden_dims": "16 32", "checkpoint": "a/vae.pt", "num_samples": "9", "gen_weight": "0.5", "recon_weight": "0.25",
    "sample_and_save_frequency": "3", "discriminator_checkpoint": "d.pt", "out_dataset": "mnist", "loss_type": "ssim",
    "kld_weight": "0.125", "num_workers": "2", "size": "64",
}  # fmt: skip


def test_the_table_has_22_arguments_and_each_is_taken():
    assert len(set(TABLE)) == 22
    assert sorted(ARGUMENTS["advvae"].split()) == sorted(f"--{name}" for name in TABLE)
    for name in TABLE:
        read_arguments([f"--{name}", *VALUES.get(name, "").split()])
    words = [word for name in VALUES for word in (f"--{name}", *VALUES[name].split())]
    found = read_arguments(["--outlier_detection", "--no_wandb", *words])
    assert found.verb == "outlier_detection"
    assert (found.dataset, found.out_dataset) == ("octmnist", "mnist")
    assert (found.checkpoint, found.discriminator_checkpoint) == (Path("a/vae.pt"), Path("d.pt"))
    assert (found.num_samples, found.sample_and_save_frequency) == (9, 3)
    expected = Config(
        batch_size=64, epochs=7, lr_gen=1e-3, lr_dis=1e-3, latent_dim=16, hidden_dims=(16, 32),
        hidden_dims_dis=(16, 32), gen_weight=0.5, recon_weight=0.25, loss_type="ssim", kld_weight=0.125, image_size=64,
    )  # fmt: skip
    assert Config(**found.values) == expected


def test_nothing_said_is_the_published_default_and_ours():
    found = read_arguments(["--train"])
    assert Config(**found.values) == Config()
    assert (found.verb, found.dataset, found.out_dataset) == ("train", "mnist", "fashionmnist")
    assert (found.num_samples, found.sample_and_save_frequency) == (16, 5)
    assert found.checkpoint is found.discriminator_checkpoint is None
    assert read_arguments([]).verb == "train"
    assert found.said == {"train": True}


@pytest.mark.parametrize(("dataset", "side"), [("svhn", 32), ("tinyimagenet", 64), ("dtd", 128), ("celeba", 256)])
def test_a_data_set_brings_its_published_size(dataset, side):
    assert read_arguments(["--dataset", dataset]).values["image_size"] == side


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--trian", "unrecognized arguments: --trian"),
        ("--latent 3", "unrecognized arguments: --latent 3"),
        ("--lr much", "--lr: invalid float value: 'much'"),
        ("--lr -1", "lr_gen: wants more than 0"),
        ("--loss_type l1", "--loss_type: invalid choice: 'l1'"),
        ("--train --test", "at a time, but got"),
        ("--num_samples 0", "--num_samples: wants at least 1, but got 0"),
        ("--size 28", "hidden_dims of 5 halvings need an image_size that is a multiple of 32, but got 28"),
        ("--hidden_dims", "--hidden_dims: expected at least one argument"),
        ("--hidden_dims 32 0", "hidden_dims.1: wants at least 1"),
    ],
)
def test_a_bad_argument_is_one_sentence(words, said):
    with pytest.raises(ConfigError) as caught:
        read_arguments(words.split())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


# -- the verbs, on what was trained -----------------------------------------------------------------------------------

TEST_ROWS = 7


def write_mnist(folder: Path) -> Path:
    """As published, but 40 training images and a few for tests."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", TEST_ROWS)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        head = struct.pack(">HBB3I", 0, 8, 3, *images.shape)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
    return folder


SMALL = ["--size", "8", "--hidden_dims", "4", "8", "--latent_dim", "4", "--n_epochs", "1", "--lr", "1e-3"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Path:
    """On images with published test rows; the data lie beside it."""
    place = tmp_path_factory.mktemp("trained")
    words = [*SMALL, "--batch_size", "16", "--data-path", write_mnist(place / "mnist"), "-o", place / "advvae"]
    assert run_verb("train", "advvae", *words) == 0
    return place / "advvae"


@pytest.mark.parametrize("verb", ["test", "sample", "outlier_detection"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--dataset octmnist", "--dataset: {} was trained with dataset mnist, but got octmnist"),
        ("--size 16", "--size: {} was trained with image_size 8, but got 16"),
        ("--latent_dim 5", "--latent_dim: {} was trained with latent_dim 4, but got 5"),
        ("--hidden_dims 8 4", "--hidden_dims: {} was trained with hidden_dims 4 8, but got 8 4"),
        ("--gen_weight 0", "--gen_weight: {} was trained with gen_weight 0.002, but got 0.0"),
        ("--recon_weight 1", "--recon_weight: {} was trained with recon_weight 0.002, but got 1.0"),
        ("--kld_weight 7", "--kld_weight: {} was trained with kld_weight 0.0001, but got 7.0"),
        ("--loss_type ssim", "--loss_type: {} was trained with loss_type mse, but got ssim"),
        ("--n_epochs 100", "--n_epochs: {} was trained with epochs 1, but got 100"),
        ("--lr 2e-4", "--lr: {} was trained with lr_gen 0.001, but got 0.0002"),
        ("--lr -1", "--lr: {} was trained with lr_gen 0.001, but got -1.0"),
    ],
)
def test_what_contradicts_the_folder_is_refused_with_both_values(verb, words, said, trained, capsys, run_verb):
    assert run_verb("train", "advvae", f"--{verb}", "--checkpoint", trained, *words.split()) == 2
    way_out = "leave the argument out, or name a folder that was trained so"
    assert capsys.readouterr().err == f"sparring: advvae: {said.format(trained)}; {way_out}\n"


def test_the_discriminator_s_dimensions_are_held_to_their_own(trained):
    """Given together they are one argument, but a search may have found two."""
    config = Config(image_size=8, hidden_dims=(4, 8), hidden_dims_dis=(4,))
    asked = read_arguments(["--sample", "--hidden_dims", "4", "8"])
    with pytest.raises(UsageError, match="trained with hidden_dims_dis 4, but got 4 8"):
        asked.check_trained(trained, "advvae", "mnist", config)


def test_what_agrees_with_the_folder_and_what_is_left_open_is_taken(trained, tmp_path, run_verb):
    one = ["--checkpoint", trained, "-o", tmp_path]
    more = ["--dataset", "mnist", "--kld_weight", "1e-4", "--batch_size", "3", "--num_workers", "4"]
    assert run_verb("train", "advvae", "--sample", *one, *SMALL, *more, "--num_samples", "2") == 0
    with np.load(tmp_path / "samples.npz") as arrays:
        assert arrays["image"].shape == (2, 1, 8, 8)
    assert run_verb("train", "advvae", "--sample", *one) == 0


def test_a_folder_of_another_system_is_refused(trained):
    with pytest.raises(UsageError, match=r"advvae: a folder of its training is wanted, but .* holds aae; name another"):
        read_arguments(["--sample"]).check_trained(trained, "aae", "mnist", Config())


def test_published_test_rows_are_tested_where_there_are_any(trained, tmp_path, capsys, run_verb):
    assert run_verb("train", "advvae", "--test", "--checkpoint", trained, "-o", tmp_path / "t") == 0
    assert f"Reconstructions of {TEST_ROWS} test samples" in capsys.readouterr().out
    ids = pyarrow.parquet.read_table(tmp_path / "t" / "errors.parquet").column("id").to_pylist()
    assert ids == [f"test-{row + 1}" for row in range(TEST_ROWS)]
    asked = ["--outlier_detection", "--out_dataset", "digits", "--checkpoint", trained, "-o", tmp_path / "o"]
    assert run_verb("train", "advvae", *asked) == 0
    assert f"{TEST_ROWS} own test samples and 1,797 samples of digits" in capsys.readouterr().out
    assert json.loads((tmp_path / "o" / "outliers.json").read_text())["rows"]["own"] == TEST_ROWS


def test_without_any_those_that_validated_are(tmp_path, capsys, run_verb):
    few = ["--dataset", "digits", *SMALL, "--batch_size", "400"]
    assert run_verb("train", "advvae", *few, "-o", tmp_path / "advvae") == 0
    assert run_verb("train", "advvae", "--test", "--checkpoint", tmp_path / "advvae", "-o", tmp_path / "t") == 0
    assert "Reconstructions of 360 validation samples" in capsys.readouterr().out
