"""Reads the AAE's published command line, all six arguments under their names, into values of our Config.

The arguments are those of training in github.com/sachaRfd/Adversarial-Autoencoders (2025), whose one ``--dim`` is the
width of every net and the length of the code. ``--adversarial False`` is false; there, any word was true. As there, the
weights are kept after every epoch.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .. import published
from ..published import Fields, Parser, check_values, to_fields
from .config import Config

FIELDS: Fields = {
    "dataset": ("dataset",),
    "batchsize": ("batch_size",),
    "dim": ("latent_dim", "width", "width_dis"),
    "dropout": ("dropout",),
    "epochs": ("epochs",),
    "adversarial": ("adversarial",),
}


@dataclass(frozen=True, kw_only=True)
class Arguments(published.Arguments):
    """What one command line asks for."""

    model: ClassVar = "aae"
    fields: ClassVar = FIELDS


def read_arguments(words: Sequence[str]) -> Arguments:
    """The published command line as words. Raises ConfigError, one sentence, for a word or value it does not know."""
    said, given = _parser().read(words)
    values = to_fields(given, FIELDS)
    dataset = values.pop("dataset")
    check_values("aae", Config, values, words)
    return Arguments(dataset=dataset, values=values, said=said)


def _parser() -> Parser:
    parser = Parser("aae")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--batchsize", type=int, default=64)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--adversarial", type=_truth, default=False, metavar="True|False")
    return parser


def _truth(word: str) -> bool:
    if word.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"wants True or False, but got {word!r}")
    return word.lower() == "true"
