"""Reads the AdvVAE's published command line, all 22 arguments under their names, into values of our Config.

The arguments are those of GenerativeZoo's ``docs/AdversarialVAE.md`` (github.com/caetas/GenerativeZoo, October 2024).
What has no counterpart is taken and has no effect: ``--no_wandb``, because nothing is ever sent anywhere, and
``--num_workers``, because images lie in memory and no process loads them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from pydantic import ValidationError

from ..errors import ConfigError
from .advvae_config import Config

Verb = Literal["train", "test", "sample", "outlier_detection"]
VERBS: tuple[Verb, ...] = ("train", "test", "sample", "outlier_detection")

SIDES = {"tinyimagenet": 64, "places365": 128, "dtd": 128, "imagenet": 128, "celeba": 256}
"""Pixels a side where --size is not given; 32 for every other data set."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What one command line asks for."""

    verb: Verb
    dataset: str
    out_dataset: str
    """The foreign set of outlier_detection."""
    values: Mapping[str, Any]
    """By field of the AdvVAE's Config; lists where it has tuples, as in TOML."""
    checkpoint: Path | None
    discriminator_checkpoint: Path | None
    num_samples: int
    sample_and_save_frequency: int
    """Epochs between two snapshots."""


def read_arguments(words: Sequence[str]) -> Arguments:
    """The published command line as words. Raises ConfigError, one sentence, for a word or value it does not know."""
    given = _parser().parse_args(list(words))
    verbs = [verb for verb in VERBS if getattr(given, verb)]
    if len(verbs) > 1:
        raise ConfigError(f"advvae: one of {', '.join(f'--{verb}' for verb in VERBS)} at a time, but got {verbs}")
    for name in ("num_samples", "sample_and_save_frequency"):
        if getattr(given, name) < 1:
            raise ConfigError(f"advvae: --{name}: wants at least 1, but got {getattr(given, name)}")
    values: dict[str, Any] = {
        "batch_size": given.batch_size,
        "epochs": given.n_epochs,
        "image_size": given.size if given.size is not None else SIDES.get(given.dataset, 32),
        "latent_dim": given.latent_dim,
        "lr_gen": given.lr,
        "lr_dis": given.lr,
        "gen_weight": given.gen_weight,
        "recon_weight": given.recon_weight,
        "kld_weight": given.kld_weight,
        "loss_type": given.loss_type,
    }
    if given.hidden_dims is not None:
        values |= {"hidden_dims": given.hidden_dims, "hidden_dims_dis": given.hidden_dims}
    try:
        Config(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        rule = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"advvae: {f'{where}: ' if where else ''}{rule}, but got {words}") from error
    return Arguments(
        verb=verbs[0] if verbs else "train",
        dataset=given.dataset,
        out_dataset=given.out_dataset,
        values=values,
        checkpoint=given.checkpoint,
        discriminator_checkpoint=given.discriminator_checkpoint,
        num_samples=given.num_samples,
        sample_and_save_frequency=given.sample_and_save_frequency,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"advvae: {message}; `sparring train advvae --help` lists the published arguments")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sparring train advvae", allow_abbrev=False, add_help=False)
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
