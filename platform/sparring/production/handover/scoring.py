"""The figure of a model on given rows with an interval, and the paired comparison of two models on the same rows.

Every system's ``evaluate`` gives sums over rows, so the figure of any blend of rows follows from the sums of blocks of
them. Intervals are bootstraps over blocks: 1,000 times as many blocks as there are, drawn with replacement, and the
2.5 % and 97.5 % quantiles of the figure (Efron and Tibshirani 1993, chapter 13), moved so that their draws' mean is the
figure: repeated rows are unlike what a model draws, so a distance's bootstraps all lie above it. Two models see the
same draws, so what rows are hard for both cancels. The rows are whatever part of a split the caller hands over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ...models import find_model
from ...models.base import Model
from ...records import Objective
from ...training.batches.placement import count, window
from ..loading.loaded import Loaded

BLOCKS = 64
DRAWS = 1000
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and where it lies with a chance of 95 % on other rows of the kind."""

    value: float
    low: float
    high: float
    rows: int
    part: str
    """The part of the split that the rows are."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One model against another on the same rows."""

    other: float
    """The other's figure."""
    gain: float
    """By how much the first is better; below 0 if it is worse."""
    low: float
    """The gain exceeds this with a chance of 95 %."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A model's sums over rows, by blocks."""

    model: Model
    sums: Mapping[str, Tensor]
    """(blocks, …) float64."""
    rows: int
    part: str

    def figure(self, metric: str, weights: np.ndarray | None = None) -> float:
        """The figure of all rows. weights: (blocks,), how often each block counts."""
        blocks = len(next(iter(self.sums.values())))
        counted = torch.ones(blocks, dtype=torch.float64) if weights is None else torch.from_numpy(weights)
        return self.model.figures({name: torch.tensordot(counted, sums, 1) for name, sums in self.sums.items()})[metric]

    def draws(self, metric: str) -> np.ndarray:
        """The figure of every bootstrap draw, (DRAWS,); the same draws for every model with as many blocks."""
        blocks = len(next(iter(self.sums.values())))
        chances = np.full(blocks, 1 / blocks)
        counts = np.random.default_rng(0).multinomial(blocks, chances, size=DRAWS).astype(np.float64)
        return np.array([self.figure(metric, weights) for weights in counts])

    def interval(self, metric: str) -> Interval:
        """The figure with its interval."""
        draws, value = self.draws(metric), self.figure(metric)
        low, high = value + np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) - draws.mean()
        return Interval(value=value, low=float(low), high=float(high), rows=self.rows, part=self.part)


def compare(new: Scored, old: Scored, objective: Objective) -> Comparison:
    """``new`` against ``old``, scored on the same rows; one-sided."""
    sign, metric = objective.sign, objective.metric
    gains = sign * (old.draws(metric) - new.draws(metric))
    gain = sign * (old.figure(metric) - new.figure(metric))
    return Comparison(
        other=old.figure(metric), gain=gain, low=float(gain + np.quantile(gains, 1 - LEVEL) - gains.mean())
    )


@torch.no_grad()
def score(
    loaded: Loaded,
    train: Mapping[str, Tensor],
    rows: Mapping[str, Tensor],
    *,
    part: str,
    ood: Mapping[str, Tensor] | None = None,
) -> Scored:
    """The model's sums over ``rows``, as validation takes them.

    train: the training rows, for what figures are relative to and no bundle holds. ood: samples of the
    out-of-distribution set that the Config names.
    """
    config = loaded.model.config
    model = find_model(loaded.about.model)(config, loaded.about.shapes)
    model.prepare({name: train[name] for name in config.fields})
    model.load_state_dict(loaded.model.state_dict())  # what was fitted is the bundle's own
    if ood:
        model.set_ood_samples(ood)
    model.eval()
    own = {name: rows[name] for name in config.fields}
    edges = np.linspace(0, count(own), min(BLOCKS, count(own)) + 1).astype(int)
    blocks = [
        model.evaluate(**window(own, slice(int(start), int(end)), torch.device("cpu")))
        for start, end in pairwise(edges)
    ]
    sums = {name: torch.stack([block[name].double() for block in blocks]) for name in blocks[0]}
    return Scored(model=model, sums=sums, rows=count(own), part=part)
