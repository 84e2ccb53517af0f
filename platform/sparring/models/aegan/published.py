"""Reads XANESNET's command line for the AEGAN, ``--mode train_aegan --in_file inputs/in_aegan.yaml``, into our Config.

``input_file.py`` reads the file, of 2023 or 2026. Its data paths are not followed: ``--data-path`` of ours says where
data lie, and ``--dataset``, which is ours, which they are. ``--save``, ``--mlflow`` and ``--tensorboard`` are taken and
have no effect: weights are always kept, curves always written, and nobody is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ...errors import ConfigError
from .. import published
from ..published import Fields, Parser, check_values
from .config import Config
from .input_file import read_published

MODES: Mapping[str, str] = {
    "train_aegan": "all",
    "train_all": "all",
    "train_xyz": "train_xyz",
    "train_xanes": "train_xanes",
}
"""Published mode -> ours; the first is that of 2023, the second the same since."""
FIELDS: Fields = {"mode": ("mode",), "dataset": ("dataset",)}
EVERY = 10
"""Epochs between two snapshots; the published code keeps none."""


@dataclass(frozen=True, kw_only=True)
class Arguments(published.Arguments):
    """What one command line asks for."""

    model: ClassVar = "aegan"
    fields: ClassVar = FIELDS


def read_arguments(words: Sequence[str]) -> Arguments:
    """The published command line as words. Raises ConfigError, one sentence, for a word or value it does not know."""
    said, given = _parser().read(words)
    if given["in_file"] is None:
        raise ConfigError("aegan: --in_file: names XANESNET's input file, a .yaml; give one")
    file = read_published(given["in_file"])
    values = {**file.values, "mode": MODES[given["mode"]]}
    check_values("aegan", Config, values, words)
    more = {"seed": file.seed, "split": file.split, "data": dict(file.data_options) or None}
    return Arguments(
        dataset=given["dataset"],
        values=values,
        said=said,
        sample_and_save_frequency=EVERY,
        more={name: value for name, value in more.items() if value is not None},
    )


def _parser() -> Parser:
    parser = Parser("aegan")
    parser.add_argument("--mode", choices=tuple(MODES), default="train_aegan")
    parser.add_argument("--in_file", type=Path, default=None)
    parser.add_argument("--dataset", default="exafs")
    parser.add_argument("--save", nargs="?", const="yes", default=None)
    parser.add_argument("--mlflow", action="store_true")
    parser.add_argument("--tensorboard", action="store_true")
    return parser
