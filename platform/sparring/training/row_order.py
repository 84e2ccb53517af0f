"""Which training rows each step takes, as a function of (seed, step)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .noise import order
from .share import Share


@dataclass(frozen=True, kw_only=True)
class RowOrder:
    """Passes over the training rows, cut into batches; rows that fill no batch sit out the pass."""

    seed: int
    rows: int
    """Training rows."""
    share: Share
    """This process's part of every batch."""
    steps_per_epoch: int
    """May be a part of a pass or several passes: an epoch goes on where the one before stopped."""
    cumulative_weights: Tensor | None
    """Running sums of the rows' weights, (rows,), if rows are drawn by weight; else None."""
    device: torch.device
    """Where the row numbers have to be."""

    @property
    def steps_per_pass(self) -> int:
        """Batches of one pass over the training rows."""
        return self.rows // self.share.batch

    def of_epoch(self, epoch: int) -> Iterator[tuple[int, Tensor]]:
        """The steps of an epoch (from 0), each with this process's rows of its batch, int64."""
        first = epoch * self.steps_per_epoch
        rows = torch.empty(0)
        for step in range(first, first + self.steps_per_epoch):
            passes, batch = divmod(step, self.steps_per_pass)
            if batch == 0 or step == first:
                rows = order(self.seed, passes, self.rows, self.cumulative_weights).to(self.device)
            start = batch * self.share.batch
            yield step, rows[start + self.share.own.start : start + self.share.own.stop]
