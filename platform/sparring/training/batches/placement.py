"""Where a data set's rows lie while a trial trains, and how batches are taken from them.

They lie on the device if they take at most half of its free memory. Otherwise they stay in the host's memory, which the
slots of a node share: each batch is then gathered into pinned memory and copied while the device is still busy with the
one before. (Pinning the whole set instead would copy it once per slot.) Numbers keep their type: bytes of an image stay
bytes. A set larger than memory lies on disk (``mapped_rows.py``) and is read by batches.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .mapped_rows import MappedRows

Rows = Mapping[str, Tensor]
"""Per field of the data set a tensor (rows, …)."""


def place(rows: Rows, device: torch.device) -> dict[str, Tensor]:
    """The rows on ``device`` if they fit into half of what is free there, else as they are."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in rows.values())
    fits = device.type != "cuda" or 2 * size <= free_bytes(device)
    return {name: tensor.to(device) if fits else tensor for name, tensor in rows.items()}


def take(rows: Rows, index: Tensor, device: torch.device) -> dict[str, Tensor]:
    """The rows at ``index`` (int64, where the rows lie), on ``device``, in memory of their own."""
    if index.device.type == device.type:
        return {name: tensor.index_select(0, index) for name, tensor in rows.items()}
    batch = {}
    for name, tensor in rows.items():
        shape = (len(index), *tensor.shape[1:])
        gathered = torch.empty(shape, dtype=tensor.dtype, pin_memory=torch.cuda.is_available())
        if isinstance(tensor, MappedRows):
            gathered.copy_(tensor.index_select(0, index))
        else:
            torch.index_select(tensor, 0, index, out=gathered)
        batch[name] = gathered.to(device, non_blocking=True)
    return batch


def part(rows: Tensor, piece: slice) -> Tensor:
    """A run of rows where they lie: nothing is copied or read."""
    return rows.part(piece) if isinstance(rows, MappedRows) else rows[piece]  # type: ignore[return-value]


def window(rows: Rows, piece: slice, device: torch.device) -> dict[str, Tensor]:
    """A run of rows, on ``device``."""
    return {name: tensor[piece].to(device, non_blocking=True) for name, tensor in rows.items()}


def check(rows: Rows) -> None:
    """Raises DataError if rows that lie on disk are not what the search began with; those in memory cannot change."""
    for tensor in rows.values():
        if isinstance(tensor, MappedRows):
            tensor.check()


def count(rows: Rows) -> int:
    """How many rows there are."""
    return len(next(iter(rows.values())))


def free_bytes(device: torch.device) -> int:
    """Bytes of a GPU that this process could still take.

    They are what nobody holds, within this process's share of the GPU if it has one, and what its own allocator holds
    unused.
    """
    free, total = torch.cuda.mem_get_info(device)
    reserved = torch.cuda.memory_reserved(device)
    share = getattr(torch.cuda, "get_per_process_memory_fraction", lambda _: 1.0)(device)  # torch 2.6 has none
    room: int = min(free, int(share * total) - reserved) + reserved - torch.cuda.memory_allocated(device)
    return room
