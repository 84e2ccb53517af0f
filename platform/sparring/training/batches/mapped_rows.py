"""Rows on disk that answer the loop as a tensor of rows would, from a memory map.

Only the rows of one batch are ever in this process's own memory. The system's cache may hold more of the file, and
gives it up when memory is short.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ...data.memory_map import Mapped


class MappedRows:
    """Bytes of shape (rows, …). For ``placement.py`` and a model's ``prepare`` it is a tensor on the CPU."""

    dtype = torch.uint8
    device = torch.device("cpu")

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped
        self.shape = torch.Size(mapped.shape)

    def __len__(self) -> int:
        return len(self._mapped)

    def __getitem__(self, rows: slice | Tensor) -> Tensor:
        return self._read(rows if isinstance(rows, slice) else rows.cpu().numpy())

    def part(self, rows: slice) -> MappedRows:
        """A run of the rows, unread."""
        return MappedRows(self._mapped.part(rows))

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        assert dim == 0
        return self._read(index.cpu().numpy())

    def numel(self) -> int:
        return self.shape.numel()

    def element_size(self) -> int:
        return 1

    def to(self, device: torch.device | str) -> MappedRows | Tensor:
        """Itself on the CPU; on another device, which has the room, all rows."""
        return self if torch.device(device).type == "cpu" else self[:].to(device)

    def check(self) -> None:
        """Raises DataError if the file has changed since the search began."""
        self._mapped.check()

    def _read(self, rows: slice | np.ndarray) -> Tensor:
        return torch.from_numpy(self._mapped.read(rows))


def as_rows(arrays: Mapping[str, np.ndarray | Mapped]) -> dict[str, Tensor]:
    """By field, a tensor over the array's own memory, or ``MappedRows`` for a file."""
    with warnings.catch_warnings():  # training takes copies by index
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return {
            name: MappedRows(values) if isinstance(values, Mapped) else torch.from_numpy(values)  # type: ignore[misc]
            for name, values in arrays.items()
        }
