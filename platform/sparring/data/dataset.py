"""A data set: named arrays with one row per sample, checked once, at the moment it is made.

Every reader makes one before anything else starts, so that training never meets a NaN, a torn row or a set too small
to split. Images stay uint8, a quarter of float32, and may be a memory map larger than memory: neither is copied. There
is no torch here: the arrays go into Ray's object store as they are.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..errors import DataError

MIN_ROWS = 10  # the fewest that leave two rows to validate on after an 80/20 split
MAX_ABS = 1e15  # squares of larger values, summed over an epoch, leave float32
MIN_SPREAD = 1e-15  # squares of smaller differences, and shares of them, leave float32 at its other end
LABEL = "label"
"""The field of ``with_label``."""
Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")


@dataclass(kw_only=True)
class Dataset:
    """Samples by field. Raises DataError unless every field is finite, of equal length and not all one row.

    It is not frozen, because it converts what it is given and because ``drop_fields`` exists; its arrays are read-only.
    """

    name: str
    """Name of its card; until the card is known, whatever a reader wants messages to call it."""
    fields: Mapping[str, np.ndarray]
    """By field, (rows, …), float32, or uint8 if given as such; C-contiguous, read-only. A memory map stays one."""
    ids: tuple[str, ...]
    """Name of each row; unique."""
    axes: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By field, where its columns lie (an energy, a wave number), float64; the card gives the unit."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By field that was read from columns of a table, what these are called. The checksum leaves them out."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """How many rows the publishers gave to train, valid and test; the rows lie in this order. Empty: no split was
    published. ``splits.py`` carves what is missing out of train, unless rows overlap."""
    rows_overlap: bool = False
    """Are the rows windows of one recording? Then ``parts`` were cut in time and no row may move to another part."""
    labels: tuple[str, ...] = ()
    """The class of each row, where the files say one; empty where they do not. Nothing trains on it, figures alone look
    at it, and the checksum leaves it out."""
    notes: tuple[str, ...] = ()
    """What the reader left out, a sentence each, for the user. The checksum leaves them out."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """By uint8 field, the SHA-256 of its bytes. A reader may give it, so that a large set is not read twice."""
    sha256: str = field(init=False)
    """Checksum of ids, fields, axes and parts: equal for equal data, wherever they came from."""

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
            self.fields = {key: _converted(value) for key, value in self.fields.items()}
        self.axes = {key: np.array(value, dtype=np.float64, order="C") for key, value in self.axes.items()}
        for arrays in (self.fields, self.axes):
            for array in arrays.values():
                array.flags.writeable = False
        self._check_rows()
        self._check_parts()
        for key in self.fields:
            self._check_values(key)
        self.digests = self._digested()
        self.sha256 = self._checksum()

    def with_label(self) -> Dataset:
        """The same set, checksum included, with one field more where it has classes: ``label``, (rows,), int64, the
        place of each row's class among all classes in alphabetical order."""
        if not self.labels or LABEL in self.fields:
            return self
        with_label = copy(self)
        numbers = np.unique(self.labels, return_inverse=True)[1].astype(np.int64)
        numbers.flags.writeable = False
        with_label.fields = {**self.fields, LABEL: numbers}
        return with_label

    def drop_fields(self) -> None:
        """Frees the arrays, once those who train have copies. Name, ids, axes, parts and checksum stay."""
        self.fields = {}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """By field, the shape of one sample."""
        return {key: value.shape[1:] for key, value in self.fields.items()}

    def _check_rows(self) -> None:
        lengths = {key: len(value) for key, value in self.fields.items()} | {"ids": len(self.ids)}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{key} {length}" for key, length in lengths.items())
            raise DataError(f"data set {self.name}: every field needs one row per sample, but got rows: {counts}")
        if len(self) < MIN_ROWS:
            raise DataError(
                f"data set {self.name}: a search needs at least {MIN_ROWS} samples to train and validate on, "
                f"but got {len(self)}; add more"
            )
        if self.labels and len(self.labels) != len(self):
            raise DataError(f"data set {self.name}: every row needs a class, but {len(self)} have {len(self.labels)}")
        name, count = Counter(self.ids).most_common(1)[0]
        if count > 1:
            raise DataError(f"data set {self.name}: ids must be unique, but {name!r} occurs {count} times; rename one")

    def _check_parts(self) -> None:
        if self.rows_overlap and not {"train", "valid"} <= self.parts.keys():
            raise DataError(f"data set {self.name}: rows that overlap need parts cut in time, but got {self.parts}")
        if not self.parts:
            return
        if not set(self.parts) <= set(PARTS) or sum(self.parts.values()) != len(self) or min(self.parts.values()) < 0:
            counts = ", ".join(f"{part} {rows}" for part, rows in self.parts.items())
            raise DataError(
                f"data set {self.name}: published parts are rows of {', '.join(PARTS)} that add up to all {len(self)}, "
                f"but got {counts}"
            )

    def _check_values(self, key: str) -> None:
        values = self.fields[key]
        # False for NaN too; every uint8 is fine, and a memory map is not read through for it
        fine = np.abs(values) <= MAX_ABS if values.dtype != np.uint8 else np.True_
        if not fine.all():
            row, *column = (int(index) for index in np.argwhere(~fine)[0])
            where = f"column {column[0] + 1}" if len(column) == 1 else f"index {tuple(column)}"
            raise DataError(
                f"data set {self.name}: {key}: values must be finite and within ±{MAX_ABS:g}, but sample "
                f"{self.ids[row]!r} (row {row + 1}) has {values[(row, *column)]} in {where}; correct or remove it"
            )
        spread = float(np.ptp(values, axis=0).max()) if values.dtype != np.uint8 and values.size else 0.0
        if 0 < spread < MIN_SPREAD:
            raise DataError(
                f"data set {self.name}: {key}: samples must differ by {MIN_SPREAD:g} or more, but they differ by "
                f"{spread:.3g} at most; give them in a smaller unit, so that the numbers are larger"
            )
        if all(np.array_equal(row, values[0]) for row in values):  # ends at the first that differs
            raise DataError(
                f"data set {self.name}: {key}: samples must differ, but all {len(self)} are the same; "
                "there is nothing to learn from them"
            )

    def _digested(self) -> dict[str, str]:
        images = {key: values for key, values in self.fields.items() if values.dtype == np.uint8}
        return {key: self.digests.get(key) or hashlib.sha256(values.data).hexdigest() for key, values in images.items()}

    def _checksum(self) -> str:
        digest = hashlib.sha256("\0".join(self.ids).encode())
        for role, arrays in (("field", self.fields), ("axis", self.axes)):
            for key in sorted(arrays):
                digest.update(f"\0{role}\0{key}\0{arrays[key].shape}\0".encode())
                if arrays[key].dtype == np.uint8:
                    digest.update(f"uint8\0{self.digests[key]}".encode())
                else:
                    digest.update(arrays[key].data)
        if self.parts:
            digest.update(f"\0parts\0{[self.parts.get(part, 0) for part in PARTS]}".encode())
        return digest.hexdigest()


def _converted(value: np.ndarray) -> np.ndarray:
    """A copy in float32; for uint8 a view of the same memory."""
    if value.dtype != np.uint8:
        return np.array(value, dtype=np.float32, order="C")
    return np.ascontiguousarray(value) if not value.flags.c_contiguous else value.view()
