"""The AdvVAE's published command line: 22 arguments, by their names, with their defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparring.errors import ConfigError
from sparring.models.advvae_config import Config
from sparring.models.advvae_published import read_arguments

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


@pytest.mark.parametrize(("dataset", "side"), [("svhn", 32), ("tinyimagenet", 64), ("dtd", 128), ("celeba", 256)])
def test_a_data_set_brings_its_published_size(dataset, side):
    assert read_arguments(["--dataset", dataset]).values["image_size"] == side


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--trian", "unrecognized arguments: --trian"),
        ("--latent 3", "unrecognized arguments: --latent 3"),
        ("--lr much", "--lr: invalid float value: 'much'"),
        ("--lr -1", "lr_gen: Input should be greater than 0"),
        ("--loss_type l1", "--loss_type: invalid choice: 'l1'"),
        ("--train --test", "at a time, but got"),
        ("--num_samples 0", "--num_samples: wants at least 1, but got 0"),
        ("--size 28", "hidden_dims of 5 halvings need an image_size that is a multiple of 32, but got 28"),
        ("--hidden_dims", "--hidden_dims: expected at least one argument"),
        ("--hidden_dims 32 0", "hidden_dims.1: Input should be greater than or equal to 1"),
    ],
)
def test_a_bad_argument_is_one_sentence(words, said):
    with pytest.raises(ConfigError) as caught:
        read_arguments(words.split())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
