"""Reads the dense AAE's published command line, the ten arguments of PyTorch-GAN's ``implementations/aae/aae.py``.

Keras-GAN's ``aae.py`` has none; the arguments, their defaults and what they train are its torch twin's
(github.com/eriklindernoren/PyTorch-GAN, 2018): L1 error, batch norm, images of 32 pixels. Where the twin counts batches
between two pictures, there is one per so many epochs here, and at most one per epoch. ``--n_cpu`` has no effect: images
lie in memory. ``--b2`` can only be Adam's 0.999.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...errors import ConfigError
from .. import published
from ..published import Fields, Parser, check_values, to_fields
from .config import Config

FIELDS: Fields = {
    "dataset": ("dataset",),
    "n_epochs": ("epochs",),
    "batch_size": ("batch_size",),
    "lr": ("lr_gen", "lr_dis"),
    "b1": ("beta1",),
    "latent_dim": ("latent_dim",),
    "img_size": ("image_size",),
    "channels": ("channels",),
}
TWIN = {"loss_recon": "l1", "norm": "batch"}
"""What the twin trains otherwise than Keras-GAN, and no argument of it says."""
B2 = 0.999


@dataclass(frozen=True, kw_only=True)
class Arguments(published.Arguments):
    """What one command line asks for."""

    model: ClassVar = "mlp_aae"
    fields: ClassVar = FIELDS


def read_arguments(words: Sequence[str]) -> Arguments:
    """The published command line as words. Raises ConfigError, one sentence, for a word or value it does not know."""
    said, given = _parser().read(words)
    if given["b2"] != B2:
        raise ConfigError(f"mlp_aae: --b2: Adam's second decay is {B2} here, but got {given['b2']}; leave it out")
    if given["sample_interval"] < 1:
        raise ConfigError(f"mlp_aae: --sample_interval: wants at least 1, but got {given['sample_interval']}")
    values = to_fields(given, FIELDS) | TWIN
    dataset = values.pop("dataset")
    check_values("mlp_aae", Config, values, words)
    return Arguments(
        dataset=dataset, values=values, said=said, num_samples=100, sample_interval=given["sample_interval"]
    )


def _parser() -> Parser:
    parser = Parser("mlp_aae")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--n_epochs", type=int, default=200)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--b1", type=float, default=0.5)
    parser.add_argument("--b2", type=float, default=B2)
    parser.add_argument("--n_cpu", type=int, default=8)
    parser.add_argument("--latent_dim", type=int, default=10)
    parser.add_argument("--img_size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--sample_interval", type=int, default=400)
    return parser
