"""Batches of training rows as phases take them: fields, and what the model's ``transform_rows`` makes of them.

A row is transformed alike in every epoch, so where the results take little room they are made once: that saves 0.5 of
4.2 ms of boost_vae's step at 50 rows. Where they would take much, every batch is transformed anew: the rows themselves
are in memory once per node, for all slots.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from ...models.base import Model
from .placement import Rows, count, take, window

ROOM = 64 << 20
"""Bytes that the transformed rows may take in a slot: 2.7 million muons of six columns."""

TOGETHER = 1024
"""Rows that are transformed together: bytes of images become floats on the way, before they are made smaller."""


class Batches:
    """Training rows of which batches are taken by index.

    rows: as ``placement.place`` left them. wants: what any phase takes; other fields are left where they are.
    """

    def __init__(self, model: Model, rows: Rows, wants: Collection[str], device: torch.device) -> None:
        self._model, self._wants, self._device = model, wants, device
        self.index_device = next(iter(rows.values())).device
        """Where indices have to be."""
        of_one = self._transformed(window(rows, slice(1), device))
        size = count(rows) * sum(tensor.numel() * tensor.element_size() for tensor in of_one.values())
        self._transforms_each = size > ROOM
        if not self._transforms_each and of_one:
            n = count(rows)
            made = {name: one.new_empty((n, *one.shape[1:]), device=self.index_device) for name, one in of_one.items()}
            for start in range(0, n, TOGETHER):
                piece = slice(start, start + TOGETHER)
                for name, tensor in self._transformed(window(rows, piece, device)).items():
                    made[name][piece] = tensor  # into its place: pieces put together at the end take twice the room
            rows = {**rows, **made}
        self._rows = rows if self._transforms_each else {name: tensor for name, tensor in rows.items() if name in wants}

    def take(self, index: Tensor) -> dict[str, Tensor]:
        """The batch of the rows at ``index`` (int64), on the device."""
        batch = take(self._rows, index, self._device)
        return {**batch, **self._transformed(batch)} if self._transforms_each else batch

    @torch.no_grad()
    def _transformed(self, batch: Rows) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self._model.transform_rows(**batch).items() if name in self._wants}
