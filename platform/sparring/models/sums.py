"""Validation sums on their way from batches to figures.

A model's ``evaluate`` gives tensors per batch and its ``figures`` takes their totals. In between they stay on the
device: every number fetched by itself would wait for a GPU, and an autoencoder has 220 of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def add_up(batches: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The sums of several batches, added by name in float64, one batch after the other; where they lie."""
    totals: dict[str, Tensor] = {}
    for sums in batches:
        for name, value in sums.items():
            totals[name] = totals[name] + value.double() if name in totals else value.double()
    return totals


def fetch(sums: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same sums on the CPU, in one transfer. They are of one type and on one device, as ``add_up`` gives them."""
    flat = torch.cat([total.reshape(-1) for total in sums.values()]).cpu()
    pieces = torch.split(flat, [total.numel() for total in sums.values()])
    return {name: piece.view(total.shape) for (name, total), piece in zip(sums.items(), pieces, strict=True)}
