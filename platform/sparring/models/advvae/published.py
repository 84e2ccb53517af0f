"""Reads the AdvVAE's published command line, all 22 arguments under their names, into values of our Config.

The arguments are those of GenerativeZoo's ``docs/AdversarialVAE.md`` (github.com/caetas/GenerativeZoo, October 2024).
What has no counterpart is taken and has no effect: ``--no_wandb``, because nothing is ever sent anywhere, and
``--num_workers``, because images lie in memory and no process loads them. Verbs that do not train follow the folder
they are given: what is said besides must be what it was trained with, but for ``--batch_size``, which then changes no
figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ...errors import ConfigError
from .. import published
from ..published import Fields, Parser, check_values, to_fields
from .config import Config

Verb = Literal["train", "test", "sample", "outlier_detection"]
VERBS: tuple[Verb, ...] = ("train", "test", "sample", "outlier_detection")

FIELDS: Fields = {
    "dataset": ("dataset",),
    "size": ("image_size",),
    "batch_size": ("batch_size",),
    "n_epochs": ("epochs",),
    "lr": ("lr_gen", "lr_dis"),
    "latent_dim": ("latent_dim",),
    "hidden_dims": ("hidden_dims", "hidden_dims_dis"),
    "gen_weight": ("gen_weight",),
    "recon_weight": ("recon_weight",),
    "kld_weight": ("kld_weight",),
    "loss_type": ("loss_type",),
}

SIDES = {"tinyimagenet": 64, "places365": 128, "dtd": 128, "imagenet": 128, "celeba": 256}
"""Pixels a side where --size is not given; 32 for every other data set."""


@dataclass(frozen=True, kw_only=True)
class Arguments(published.Arguments):
    """What one command line asks for."""

    model: ClassVar = "advvae"
    fields: ClassVar = FIELDS

    verb: Verb = "train"
    out_dataset: str
    """The out-of-distribution set of outlier_detection."""
    checkpoint: Path | None
    discriminator_checkpoint: Path | None


def read_arguments(words: Sequence[str]) -> Arguments:
    """The published command line as words. Raises ConfigError, one sentence, for a word or value it does not know."""
    said, given = _parser().read(words)
    verbs = [verb for verb in VERBS if given[verb]] or ["train"]
    if len(verbs) > 1:
        raise ConfigError(f"advvae: one of {', '.join(f'--{verb}' for verb in VERBS)} at a time, but got {verbs}")
    for name in ("num_samples", "sample_and_save_frequency"):
        if given[name] < 1:
            raise ConfigError(f"advvae: --{name}: wants at least 1, but got {given[name]}")
    if given["size"] is None:
        given["size"] = SIDES.get(given["dataset"], 32)
    values = to_fields(given, FIELDS)
    dataset = values.pop("dataset")
    if verbs == ["train"]:
        check_values("advvae", Config, values, words)
    return Arguments(
        verb=verbs[0],
        dataset=dataset,
        values=values,
        said=said,
        out_dataset=given["out_dataset"],
        checkpoint=given["checkpoint"],
        discriminator_checkpoint=given["discriminator_checkpoint"],
        num_samples=given["num_samples"],
        sample_and_save_frequency=given["sample_and_save_frequency"],
    )


def _parser() -> Parser:
    parser = Parser("advvae")
    for verb in VERBS:
        parser.add_argument(f"--{verb}", action="store_true")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--no_wandb", action="store_true")
    parser.add_argument("--batch_size", type=int, default=128)
    parser.add_argument("--n_epochs", type=int, default=100)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--latent_dim", type=int, default=128)
    parser.add_argument("--hidden_dims", type=int, nargs="+", default=None)
    parser.add_argument("--checkpoint", type=Path, default=None)
    parser.add_argument("--num_samples", type=int, default=16)
    parser.add_argument("--gen_weight", type=float, default=0.002)
    parser.add_argument("--recon_weight", type=float, default=0.002)
    parser.add_argument("--sample_and_save_frequency", type=int, default=5)
    parser.add_argument("--discriminator_checkpoint", type=Path, default=None)
    parser.add_argument("--out_dataset", default="fashionmnist")
    parser.add_argument("--loss_type", choices=("mse", "ssim"), default="mse")
    parser.add_argument("--kld_weight", type=float, default=1e-4)
    parser.add_argument("--num_workers", type=int, default=0)
    parser.add_argument("--size", type=int, default=None)
    return parser
