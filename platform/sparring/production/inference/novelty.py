"""Which rows lie far from those that trained the model: there its answers are guesses, whatever its errors were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

MOST = 2_000
"""Training rows that are compared with, evenly spaced."""
USUAL = 0.99
"""Share of training rows that lie no farther from the nearest other one than the distance called far."""
NAMED = 5
"""Samples that the sentence names."""
MARK = "far from the training data"


def far_rows(train: Tensor, rows: Tensor) -> np.ndarray:
    """For each row, whether its nearest training row is farther than is usual among training rows.

    train: (M, …), rows: (N, …), of one field. Columns count in units of their standard deviation over training rows;
    those that never vary there count too, in units of the field's smallest spread, so that a change in one is seen.
    Returns (N,) bool. Distances are Euclidean; nothing is far where fewer than three rows trained.
    """
    known, asked = (values.reshape(len(values), -1).double().cpu() for values in (train, rows))
    known = known[torch.linspace(0, len(known) - 1, min(len(known), MOST)).round().long()]
    if len(known) < 3:
        return np.zeros(len(asked), dtype=bool)
    middle, spread = known.mean(0), known.std(0)
    varied = spread[spread > 0]
    spread = torch.where(spread > 0, spread, varied.min() if len(varied) else torch.ones(()).double())
    known, asked = (known - middle) / spread, (asked - middle) / spread
    among = torch.cdist(known, known)
    usual = among.fill_diagonal_(torch.inf).min(1).values.quantile(USUAL)
    far: np.ndarray = (torch.cdist(asked, known).min(1).values > usual).numpy()
    return far


def far_sentence(name: str, far: np.ndarray, ids: Sequence[str], trained: int) -> str:
    """Which samples those are, of a field; empty if none. trained: training rows that they were compared with."""
    if not far.any():
        return ""
    named = [identity for identity, is_far in zip(ids, far, strict=True) if is_far]
    shown = ", ".join(named[:NAMED]) + (", …" if len(named) > NAMED else "")
    return (
        f"{far.sum():,} of {len(far):,} by their {name} are {MARK}: {shown}. The nearest of {trained:,} training rows "
        f"is farther from them than {USUAL:.0%} of those are from each other, so expect errors that validation did not "
        "show."
    )


def marked(ids: Sequence[str], far: Mapping[str, np.ndarray]) -> list[str]:
    """The samples' names for titles, those that are far in any field with the mark."""
    if not far:
        return list(ids)
    anywhere = np.any(list(far.values()), axis=0)
    return [f"{identity}, {MARK}" if is_far else identity for identity, is_far in zip(ids, anywhere, strict=True)]
