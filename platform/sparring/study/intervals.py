"""Figures with intervals: what makes one from resamples, and how two on the same rows are compared. They need no torch.

``row_intervals.py`` says what the resamples are, and makes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..records import Interval

MOST_BLOCKS = 128
"""With so many the interval's width is right to 6 %, and each costs a forward of the nets."""
LEVEL = 0.95


def blocks_of(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows, which are in random order, cut into at most ``MOST_BLOCKS`` blocks as long as each other, to a row."""
    return list(np.array_split(rows, min(len(rows), MOST_BLOCKS)))


def spread(value: float, resamples: Sequence[float]) -> Interval:
    """A figure and what it was in each resample as one value; without an interval where one was not finite."""
    if not all(map(math.isfinite, (value, *resamples))):
        return Interval(value)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(resamples, [tail, 1 - tail])
    return Interval(value, min(float(low), value), max(float(high), value), tuple(resamples))


def difference(one: Interval, other: Interval) -> Interval:
    """``one`` less ``other``, measured on the same rows: its interval is much narrower than the two would suggest."""
    if len(one.resamples) != len(other.resamples):
        return Interval(one.value - other.value)
    resamples = [a - b for a, b in zip(one.resamples, other.resamples, strict=True)]
    return spread(one.value - other.value, resamples) if resamples else Interval(one.value - other.value)


def mean_of(intervals: Sequence[Interval]) -> Interval:
    """The mean of a figure over several draws of a method, measured on the same rows."""
    resamples = [float(value) for value in np.mean([each.resamples for each in intervals], axis=0)]
    value = sum(each.value for each in intervals) / len(intervals)
    return spread(value, resamples) if resamples else Interval(value)
