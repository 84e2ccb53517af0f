"""What of a trial's rows this process takes: its part of every batch, and the validation rows that it sums over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import Infeasible
from .averaging import Workers
from .batches.placement import count, part, place


@dataclass(frozen=True, kw_only=True)
class Share:
    """The rows of a batch that are this process's own; all of them, if it trains alone."""

    batch: int
    """Rows of a batch, of all workers together."""
    own: slice
    """Which of them are this process's: a contiguous run, and not every worker's need be as long."""

    @property
    def rows(self) -> int:
        """How many are its own."""
        return int(self.own.stop - self.own.start)

    @property
    def fraction(self) -> float:
        """Its own rows over the batch's: the weight of what it averages with the other workers."""
        return self.rows / self.batch


def share_batch(batch: int, workers: Workers | None) -> Share:
    """This process's part of batches of ``batch`` rows. Raises Infeasible if a worker would get fewer than two."""
    if workers is None:
        return Share(batch=batch, own=slice(0, batch))
    if batch < 2 * workers.size:
        raise Infeasible(
            f"a batch needs 2 rows for each of its workers, but got {batch} rows for {workers.size} workers; make "
            f"batch_size (and the training set) at least {2 * workers.size}, or train with {max(1, batch // 2)} workers"
        )
    return Share(batch=batch, own=workers.share(batch))


@dataclass(frozen=True, kw_only=True)
class RowsOnDevice:
    """A trial's rows by field, where the loop takes them from: on the device, or on the host if they do not fit."""

    train: Mapping[str, Tensor]
    """All training rows: any of them may be in this process's share of a batch."""
    valid: Mapping[str, Tensor]
    """The validation rows that are this process's own."""
    valid_counts: bool
    """False where there are fewer validation rows than workers and none is left for this one. ``valid`` is then the
    first row and its sums become zeros: only the model knows what sums there are."""


def place_rows(
    train: Mapping[str, Tensor], valid: Mapping[str, Tensor], workers: Workers | None, device: torch.device
) -> RowsOnDevice:
    """Both sets on ``device``, of the validation rows only this process's own."""
    own = slice(None) if workers is None else workers.share(count(valid))
    counts = workers is None or own.stop > own.start
    own_valid = {name: part(rows, own if counts else slice(1)) for name, rows in valid.items()}
    return RowsOnDevice(train=place(train, device), valid=place(own_valid, device), valid_counts=counts)
