"""How a study came to its best: best so far against trials that began, and against seconds of training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...ledger import read_epochs
from ...ledger.effort import slot_seconds
from ...records import Outcome, StudySpec

Numbers = NDArray[np.float64]
Axis = Literal["trials", "seconds"]
AXES: tuple[Axis, ...] = ("trials", "seconds")


@dataclass(frozen=True)
class Line:
    """The best so far along an axis, after each trial that has ended."""

    places: Numbers
    """Ascending: trials by then, in the order they began; or seconds of training by then, of all slots together as a
    budget counts them, in the order they ended."""
    best: Numbers
    """The best figure by then; NaN before a trial has completed."""

    @property
    def start(self) -> float:
        """Where it has its first best; infinite if it has none."""
        known = np.flatnonzero(np.isfinite(self.best))
        return float(self.places[known[0]]) if known.size else math.inf

    @property
    def end(self) -> float:
        """How far the study came; 0 if no trial has ended."""
        return float(self.places[-1]) if len(self.places) else 0.0

    def at(self, place: float) -> float:
        """The best by then; NaN before any, and beyond the study's end."""
        index = int(np.searchsorted(self.places, place, side="right")) - 1
        return math.nan if index < 0 or place > self.end else float(self.best[index])


@dataclass(frozen=True)
class Band:
    """Studies of several seeds along an axis: their median, and the lowest and highest of them."""

    places: Numbers
    median: Numbers
    low: Numbers
    high: Numbers


def read_lines(folder: Path, spec: StudySpec, trials: pa.Table) -> dict[Axis, Line]:
    """From the ledger. trials: the table that ``read_trials`` gives. Raises as ``read_epochs``."""
    epochs = read_epochs(folder, pc.field("metric") == spec.objective.metric).table.sort_by("seq")
    spent = np.concatenate([[0.0], np.cumsum(_numbers(slot_seconds(epochs, spec)))])
    ended = trials.sort_by("seq")
    by_then = np.searchsorted(_numbers(epochs["seq"]), _numbers(ended["seq"]), side="right")
    began = trials.sort_by("trial")
    return {
        "trials": Line(np.arange(1, len(began) + 1, dtype=np.float64), _best(began, spec)),
        "seconds": Line(spent[by_then], _best(ended, spec)),
    }


def band_of(several: Sequence[Line]) -> Band:
    """Wherever one of them goes on, from where all have a best to as far as all of them came."""
    places = np.unique(np.concatenate([line.places for line in several]))
    values = np.asarray([[line.at(place) for place in places] for line in several])
    known = np.isfinite(values).all(0)
    values, places = values[:, known], places[known]
    if not places.size:
        return Band(places, places, places, places)
    return Band(places, np.median(values, 0), values.min(0), values.max(0))


def ladder(first: float, last: float, steps: int) -> list[float]:
    """At most ``steps`` round numbers from ``first`` to ``last``, near each other towards the end."""
    rungs = [base * 10.0**power for power in range(12) for base in (1, 2, 3, 5, 7)]
    return [place for place in rungs if first <= place <= last][-steps:]


def _best(trials: pa.Table, spec: StudySpec) -> Numbers:
    """The best of the completed ones among the first 1 to N."""
    value, sign = _numbers(trials["value"]), spec.objective.sign
    completed = np.asarray(pc.equal(trials["outcome"], str(Outcome.COMPLETED)).to_pylist(), bool)
    best = np.minimum.accumulate(np.where(completed & np.isfinite(value), sign * value, math.inf))
    return np.where(np.isfinite(best), sign * best, math.nan)


def _numbers(column: pa.ChunkedArray) -> Numbers:
    """As floats; NaN for null."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
