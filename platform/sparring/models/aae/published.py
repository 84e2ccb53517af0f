"""Reads the AAE's published command line, all six arguments under their names, into values of our Config.

The arguments are those of training in github.com/sachaRfd/Adversarial-Autoencoders (2025), whose one ``--dim`` is the
width of every net and the length of the code. ``--adversarial False`` is false; there, any word was true. As there, the
weights are kept after every epoch.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from .. import config, published
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


Asked = TypeVar("Asked", bound=Arguments)


def read_arguments(words: Sequence[str]) -> Arguments:
    """The published command line as words. Raises ConfigError, one sentence, for a word or value it does not know."""
    return read_as(Arguments, Config, "mnist", words)


def read_as(asked: type[Asked], config_class: type[config.Config], dataset: str, words: Sequence[str]) -> Asked:
    """The same for a system with this one's arguments; dataset: that is meant where none is named."""
    said, given = _parser(asked.model, dataset).read(words)
    values = to_fields(given, FIELDS)
    named = values.pop("dataset")
    check_values(asked.model, config_class, values, words)
    return asked(dataset=named, values=values, said=said)


def _parser(model: str, dataset: str) -> Parser:
    parser = Parser(model)
    parser.add_argument("--dataset", default=dataset)
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
