"""What trials have reached at a rung, and how each stands among them. Lower is better in everything here."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Reached:
    """What one trial had reached after an epoch."""

    number: int
    """The trial's."""
    epoch: int
    figures: tuple[float, ...]
    """Every objective at its best epoch by then. The first, by which that epoch is best, leads."""
    values: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))
    """The leading objective by epoch; empty of a trial that had ended before the referee was made."""

    @property
    def best(self) -> float:
        """The best leading objective so far."""
        return self.figures[0]


class Rung:
    """The trials that have reached one rung. Each has a score: its objective; of several objectives, how many others
    stand before it by ``order``."""

    def __init__(self) -> None:
        self._figures: list[tuple[float, ...]] = []
        self._scores: list[float] = []
        self._places: dict[tuple[float, ...], float] = {}

    def add(self, figures: tuple[float, ...]) -> None:
        if len(figures) == 1:
            insort(self._scores, figures[0])
        else:
            self._figures.append(figures)

    def score(self, figures: tuple[float, ...]) -> float:
        """Of a trial that was added."""
        if len(figures) == 1:
            return figures[0]
        self._compare()
        return self._places[figures]

    @property
    def scores(self) -> Sequence[float]:
        """Of all trials, ascending."""
        self._compare()
        return self._scores

    def _compare(self) -> None:
        """Orders trials of several objectives, once after any were added."""
        if len(self._scores) < len(self._figures):
            places = order(np.array(self._figures)).tolist()
            self._places = dict(zip(self._figures, places, strict=True))
            self._scores = sorted(places)


def order(points: np.ndarray) -> np.ndarray:
    """How many of the points stand before each; equals stand alike. points: (n, objectives), lower is better.

    By fronts: first those that no other beats, then those that only these beat, and so on (non-dominated sorting). On
    one front, whoever is farther from its neighbours stands first (the crowding distance of NSGA-II, IEEE Trans. Evol.
    Comput. 6, 2002); the best in one objective have no neighbour on that side.
    """
    unique, which = np.unique(points, axis=0, return_inverse=True)
    place, left, last = np.zeros(len(unique), int), np.arange(len(unique)), 0
    while len(left):
        is_next = _front(unique[left])
        chosen, left = left[is_next], left[~is_next]
        _, place[chosen] = np.unique(-_crowding(unique[chosen]), return_inverse=True)
        place[chosen] += last
        last = place[chosen].max() + 1
    places = place[which.reshape(-1)]
    return np.searchsorted(np.sort(places), places)


def _front(points: np.ndarray) -> np.ndarray:
    """(n,) bool: which points no other beats. points: unique and sorted by their columns, the first foremost."""
    found, left = np.zeros(len(points), bool), np.arange(len(points))
    while len(left):
        found[left[0]] = True  # what could beat it would be sorted before it
        left = left[(points[left] < points[left[0]]).any(axis=1)]
    return found


def _crowding(points: np.ndarray) -> np.ndarray:
    """Of each point of a front: the sum, over the objectives, of the gap between its neighbours in units of the front's
    width; infinite at the front's ends."""
    distance = np.zeros(len(points))
    for column in points.T:
        ranked = np.argsort(column, kind="stable")
        ordered = column[ranked]
        width = ordered[-1] - ordered[0]
        gaps = np.full(len(points), np.inf)
        if width > 0:
            gaps[1:-1] = (ordered[2:] - ordered[:-2]) / width
        distance[ranked] += gaps
    return distance
