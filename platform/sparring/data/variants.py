"""One data set under several options of its reader: the same rows, some of their fields made otherwise.

A search may vary such options, the size of a descriptor for one. Every trial then trains and validates on the same
rows, and whatever no searched option changes is the same to the bit: both are checked whenever a variant is made.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from .cards import load_dataset, options_of, read_card, reader_of
from .dataset import PARTS, Dataset
from .memory_map import Mapped, select
from .splits import split_dataset

ROWS = ""
"""What stands for the rows among the names of fields."""

MOST = 3
"""Variants that a process keeps: that in training, and those of trials that were paused or of the same options."""

MOST_BYTES = 1 << 28
"""Bytes of variants that a process keeps beside the one in training."""

Rows = Mapping[str, np.ndarray | Mapped]


def changes_of(dataset: str) -> Mapping[str, tuple[str, ...]]:
    """The options of a set's reader that leave its rows what they are, each with the fields that it changes."""
    changes: Mapping[str, tuple[str, ...]] = getattr(reader_of(read_card(dataset)).Options, "changes", {})
    return changes


def differing(dataset: str, one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """Options in which two readings of a set have other fields, though they may have the same rows and shapes."""
    card = read_card(dataset)
    ours, theirs = (options_of(card, options) for options in (one, other))
    return [name for name in changes_of(dataset) if getattr(ours, name) != getattr(theirs, name)]


def checksums(data: Dataset, fields: Collection[str]) -> dict[str, str]:
    """SHA-256 of the rows (their names, order and parts), under ``ROWS``, and of each field's values by its name."""
    rows = json.dumps([data.ids, [data.parts.get(part, 0) for part in PARTS], data.rows_overlap])
    found = {ROWS: hashlib.sha256(rows.encode()).hexdigest()}
    for name in fields:
        values = data.fields[name]
        digest = data.digests.get(name) or hashlib.sha256(values.data).hexdigest()
        found[name] = hashlib.sha256(f"{values.dtype} {values.shape} {digest}".encode()).hexdigest()
    return found


def check_same(data: Dataset, common: Mapping[str, str], options: Mapping[str, object]) -> None:
    """Raises DataError if a variant has other rows, or other values in a field, than ``checksums`` found before."""
    for name, checksum in checksums(data, common.keys() - {ROWS}).items():
        if checksum != common[name]:
            what = "other rows" if name == ROWS else f"another {name}"
            said = ", ".join(f"{option} = {value!r}" for option, value in options.items()) or "its defaults"
            raise DataError(
                f"data set {data.name}: with {said} it has {what} than the study began with, so figures would not "
                "compare; fix that option under [data], or, if the files have changed, search under another --name"
            )


def about(data: Dataset, fields: Collection[str]) -> dict[str, object]:
    """What must be known of a trial's data beside its weights, as JSON values.

    ``shapes``, ``axes`` and ``columns`` by field, and ``sha256``.
    """
    return {
        "shapes": {name: list(data.shapes[name]) for name in fields},
        "axes": {name: data.axes[name].tolist() for name in fields if name in data.axes},
        "columns": {name: list(data.columns[name]) for name in fields if name in data.columns},
        "sha256": data.sha256,
    }


@dataclass(frozen=True, kw_only=True)
class Source:
    """How a study's variants are made, and what they have in common."""

    dataset: str
    path: str | None
    """Where the user's files lie. Every machine that trains must see them."""
    options: Mapping[str, object]
    """Those of the set that the study began with, of which the slots have a copy."""
    split: str
    fields: tuple[str, ...]
    """What the model needs."""
    common: Mapping[str, str]
    """The ``checksums`` of the rows, and of the fields that no searched option changes."""

    def load(self, options: Mapping[str, object]) -> Dataset:
        """The set under other options. Raises DataError if the reader refuses them, or what is common differs."""
        data = load_dataset(self.dataset, self.path, options)
        check_same(data, self.common, options)
        return data

    def check_path(self) -> None:
        """Raises DataError if this machine does not see the files, whatever the options."""
        if self.path is not None and not Path(self.path).exists():
            raise DataError(
                f"--data-path: a search over options of the data reads {self.path} on every machine that trains, but "
                "here it does not exist; put the files where all see them"
            )


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The rows of one variant, and what must be known of it beside them."""

    train: Rows
    valid: Rows
    about: Mapping[str, object]
    """As ``about`` says it."""

    @property
    def nbytes(self) -> int:
        """Bytes in memory; rows of a map too large to copy take none."""
        parts = [*self.train.values(), *self.valid.values()]
        return sum(0 if isinstance(rows, Mapped) else rows.nbytes for rows in parts)


class Variants:
    """The variants that this process has made last: at most ``MOST``, of at most ``MOST_BYTES`` together."""

    def __init__(self, source: Source, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self.source = source
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[str, Variant] = OrderedDict()

    def take(self, options: Mapping[str, object]) -> Variant:
        """The variant of these options, made if it is not kept. Raises DataError as ``Source.load``.

        One that is larger than ``MOST_BYTES`` is given out and not kept.
        """
        key = json.dumps(options, sort_keys=True)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        variant = _of(self.source.load(options), self.source)
        self._kept[key] = variant
        while self._kept and (len(self._kept) > self._most or self._bytes() > self._most_bytes):
            self._kept.popitem(last=False)
        return variant

    def _bytes(self) -> int:
        return sum(variant.nbytes for variant in self._kept.values())


def _of(data: Dataset, source: Source) -> Variant:
    split = split_dataset(data, source.split)
    train, valid = (
        {name: select(data.fields[name], index) for name in source.fields} for index in (split.train, split.valid)
    )
    return Variant(train=train, valid=valid, about=about(data, source.fields))
