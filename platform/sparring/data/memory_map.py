"""Some rows of a memory map, as a value that is small to send: where the map lies, and which rows.

A set larger than memory is neither copied nor put into an object store: a trial opens the map by path and reads the
rows of one batch. So every machine that trains must see the path, and the file must stay as it is: its length and time
go along and are compared before every trial.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..resources import CONTROLLERS, GROUPS, group_folders

SHARE = 0.25
"""A map larger than this share of the memory there is, is read by batches; a smaller one is copied into memory once."""


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows ``index`` of the uint8 array of ``shape`` that begins at byte ``offset`` of the file ``path``."""

    path: str
    offset: int
    whole: tuple[int, ...]
    index: np.ndarray
    stamp: tuple[int, int] = (0, 0)
    """The file's bytes and its time of change, in ns, when the search began."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the rows as an array."""
        return (len(self.index), *self.whole[1:])

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.index)

    def read(self, rows: np.ndarray | slice) -> np.ndarray:
        """A copy of some of the rows, in the order asked for; raises DataError if the file is gone."""
        values: np.ndarray = self._array[self.index[rows]]
        return values

    def part(self, rows: slice) -> Mapped:
        """A run of the rows, unread."""
        return replace(self, index=self.index[rows])

    def check(self) -> None:
        """Raises DataError if the file is not what the search began with."""
        try:
            now = _stamp(self.path)
        except OSError as error:
            raise DataError(f"{self.path}: the map of images that the search began with is gone: {error}") from error
        if now != self.stamp:
            raise DataError(
                f"{self.path}: a search needs its data unchanged, but the file, of {self.stamp[0]:,} bytes when it "
                f"began, now has {now[0]:,} or was written to; put the old file back (with its time, as cp -p copies), "
                "or search the new data under another --name"
            )

    @cached_property
    def _array(self) -> np.ndarray:
        try:
            # A plain view: np.memmap's own indexing costs a Python call per batch and field.
            return np.memmap(self.path, np.uint8, "r", self.offset, self.whole).view(np.ndarray)
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path}: the map of images that the search began with is gone: {error}") from error

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_array"}


def select(values: np.ndarray, index: np.ndarray, *, share: float = SHARE) -> np.ndarray | Mapped:
    """The rows ``index`` of a field: in memory, or, of a map that is large for this machine, ``Mapped``."""
    if isinstance(values, np.memmap) and values.nbytes > share * memory_of() and values.filename is not None:
        path = os.path.abspath(values.filename)
        return Mapped(path, _offset(values), values.shape, index, _stamp(path))
    return np.ascontiguousarray(values[index])


def _offset(values: np.memmap) -> int:
    """Where the array begins in its file; views of a map keep the offset of the whole."""
    base = values
    while isinstance(base.base, np.memmap):
        base = base.base
    return int(base.offset + values.ctypes.data - base.ctypes.data)


def _stamp(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def memory_of(groups: Path = GROUPS, root: Path = CONTROLLERS) -> int:
    """Bytes of memory of this machine, or of the control group (container, job of Slurm's) that this process is in."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder, is_second in group_folders("memory", groups, root):
        name = "memory.max" if is_second else "memory.limit_in_bytes"
        with suppress(OSError, ValueError):  # hidden; or "max"
            least = min(least, int((folder / name).read_text(encoding="utf-8")))
    return least
