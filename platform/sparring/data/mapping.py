"""Some rows of a memory map, as a value that is small to send: where the map lies, and which rows.

A set larger than memory is neither copied nor put into an object store: whoever trains opens the map by path and reads
the rows of one batch. So every machine that trains must see the path.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import DataError

SHARE = 0.25
"""A map larger than this share of the machine's memory is read by batches; a smaller one is copied into memory once."""


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows ``index`` of the uint8 array of ``shape`` that begins at byte ``offset`` of the file ``path``."""

    path: str
    offset: int
    whole: tuple[int, ...]
    index: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the rows, as an array of them would have it."""
        return (len(self.index), *self.whole[1:])

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.index)

    def read(self, rows: np.ndarray | slice) -> np.ndarray:
        """A copy of some of the rows, in the order asked for; raises DataError if the file is gone."""
        found: np.ndarray = self._array[self.index[rows]]
        return found

    def part(self, rows: slice) -> Mapped:
        """A run of the rows, unread."""
        return Mapped(self.path, self.offset, self.whole, self.index[rows])

    @cached_property
    def _array(self) -> np.ndarray:
        try:
            # A plain view: np.memmap's own indexing costs a Python call per batch and field.
            return np.memmap(self.path, np.uint8, "r", self.offset, self.whole).view(np.ndarray)
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path}: the map of images that the search began with is gone: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_array"}


def select(values: np.ndarray, index: np.ndarray, *, share: float = SHARE) -> np.ndarray | Mapped:
    """The rows ``index`` of a field: in memory, or, of a map that is large for this machine, ``Mapped``."""
    if isinstance(values, np.memmap) and values.nbytes > share * _memory() and values.filename is not None:
        return Mapped(os.path.abspath(values.filename), _offset(values), values.shape, index)
    return np.ascontiguousarray(values[index])


def _offset(values: np.memmap[Any, Any]) -> int:
    """Where the array begins in its file; views of a map keep the offset of the whole."""
    base: Any = values
    while isinstance(base.base, np.memmap):
        base = base.base
    return int(base.offset + values.ctypes.data - base.ctypes.data)


def _memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
