"""A published command line: how its words are read, what they ask for, and whether that is what a folder holds.

``models/advvae/published.py`` and ``models/aae/published.py`` say which words there are. Nothing here trains or loads.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from pydantic import ValidationError

from ..errors import ConfigError, UsageError, faults
from .config import Config

Fields = Mapping[str, tuple[str, ...]]
"""Argument -> what it sets: fields of the Config, or ``dataset``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments:
    """What one command line asks for."""

    model: ClassVar[str]
    """The system whose command line it is."""
    fields: ClassVar[Fields]

    verb: str = "train"
    dataset: str
    values: Mapping[str, Any]
    """By field of the system's Config; lists where it has tuples, as in TOML."""
    said: Mapping[str, Any]
    """By argument, as far as one was given."""
    num_samples: int = 16
    """How many to draw, in the picture of a snapshot too."""
    sample_and_save_frequency: int = 1
    """Epochs between two snapshots."""
    sample_interval: int | None = None
    """Training steps between two, where the published code counts those; at most one per epoch is kept."""
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What a pinned file says beside its hyperparameters: ``seed``, ``split``, ``data``."""

    def snapshot_every(self, rows: int, batch_size: int) -> int:
        """Epochs between two snapshots of a training on so many rows."""
        if self.sample_interval is None:
            return self.sample_and_save_frequency
        return max(1, self.sample_interval // max(1, rows // batch_size))

    def check_trained(self, folder: Path, model: str, dataset: str, config: Config) -> None:
        """Raises UsageError, one sentence, if ``folder`` was trained otherwise than the words say; silence agrees."""
        if model != self.model:
            raise UsageError(
                f"{self.model}: a folder of its training is wanted, but {folder} holds {model}; name another"
            )
        held = {"dataset": dataset, **dict(config)}
        for name, value in self.said.items():
            for field in self.fields.get(name, ()):
                # Without training, a batch is how many samples pass at a time, which changes no figure.
                if field != "batch_size" and _words(held[field]) != _words(value):
                    raise UsageError(
                        f"{self.model}: --{name}: {folder} was trained with {field} {_words(held[field])}, but got "
                        f"{_words(value)}; leave the argument out, or name a folder that was trained so"
                    )


class Parser(argparse.ArgumentParser):
    """Knows whole words only; raises ConfigError, one sentence, for any other and for a value it cannot read."""

    def __init__(self, model: str) -> None:
        super().__init__(prog=f"sparring train {model}", allow_abbrev=False, add_help=False)
        self.model = model

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.model}: {message}; `{self.prog} --help` lists the published arguments")

    def read(self, words: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(what was said, all of it and the defaults of the rest), by argument."""
        defaults = vars(self.parse_args([]))
        silent = argparse.Namespace(**dict.fromkeys(defaults))
        said = {name: value for name, value in vars(self.parse_args(list(words), silent)).items() if value is not None}
        return said, defaults | said


def to_fields(given: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """What arguments set; one that is None or sets nothing is passed over."""
    return {field: given[name] for name in fields if given.get(name) is not None for field in fields[name]}


def check_values(model: str, config_class: type[Config], values: Mapping[str, Any], words: Sequence[str]) -> None:
    """Raises ConfigError, one sentence, if the Config refuses ``values``, to which ``words`` led."""
    try:
        config_class(**values)
    except ValidationError as error:
        raise ConfigError(f"{model}: {faults(error)[0]}, but got {list(words)}") from error


def _words(value: object) -> str:
    """A value as it is typed."""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
