"""How the rungs of a study sort its trials: who reached each, who stopped there, and whether it foretells the end."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow.compute as pc

from ...ledger import read_epochs
from ...records import EpochRow, Outcome, TrialRow
from ...referee.referee import Referee

SHOWN = 8
"""Rungs at most; a pruner that judges after every epoch has more, of which these are spread evenly."""

COMPARED = 200
"""The newest completed trials, between which the correlation is: all pairs of these take 2 ms."""

LEAST = 3
"""Completed trials without which nothing is said."""


class RungCounts:
    """Kept up to date by what the referee tells its follower. What earlier runs left is read once."""

    def __init__(self, referee: Referee) -> None:
        ended, live = referee.trials.ended, referee.trials.live
        self._objective = referee.spec.objective
        self.rungs = spread(referee.rungs)
        self._goals = (*self.rungs, referee.epochs)
        depth = {number: row.epochs for number, row in ended.rows.items()}
        depth |= {number: trial.epoch for number, trial in live.items()}
        self._reached = {goal: {number for number, epoch in depth.items() if epoch >= goal} for goal in self._goals}
        self._stopped = Counter(row.epochs for row in ended.rows.values() if row.outcome is Outcome.PRUNED)
        self._ended: set[int] = set()
        self._best: dict[int, float] = {}
        self._at: dict[int, dict[int, float]] = {}
        self._pairs: deque[tuple[dict[int, float], float]] = deque(maxlen=COMPARED)
        self._known: dict[int, float | None] = {}
        self._recall(referee)

    def take_epoch(self, row: EpochRow) -> None:
        """An epoch of a trial, in order."""
        if row.epoch in self._reached:
            self._reached[row.epoch].add(row.trial)
        self._see(row.trial, row.epoch, row.metrics.get(self._objective.metric, math.nan))

    def take_end(self, row: TrialRow) -> None:
        """A trial has ended. Told twice, it counts once."""
        if row.trial in self._ended:
            return
        self._ended.add(row.trial)
        self._best.pop(row.trial, None)
        at = self._at.pop(row.trial, None)
        if row.outcome is Outcome.PRUNED:
            self._stopped[row.epochs] += 1
        if row.outcome is Outcome.COMPLETED and row.value is not None and at:
            self._pairs.append((at, self._objective.sign * row.value))
            self._known.clear()

    @property
    def reached(self) -> Iterator[tuple[int, int]]:
        """(epoch, trials that trained as far), the rungs and the whole budget."""
        return ((goal, len(trials)) for goal, trials in self._reached.items())

    @property
    def stopped(self) -> Iterator[tuple[int, int]]:
        """(rung, trials that were pruned there)."""
        return ((rung, self._stopped[rung]) for rung in self.rungs)

    @property
    def correlations(self) -> Iterator[tuple[int, float]]:
        """(rung, tau-b) of those of which it is known."""
        for rung in self.rungs:
            if rung not in self._known:
                pairs = [(at[rung], value) for at, value in self._pairs if rung in at]
                self._known[rung] = tau_b(np.array(pairs)) if len(pairs) >= LEAST else None
            if (known := self._known[rung]) is not None:
                yield rung, known

    def _see(self, trial: int, epoch: int, value: float) -> None:
        if trial in self._ended:
            return
        best = self._best.setdefault(trial, math.inf)
        if math.isfinite(value):
            self._best[trial] = best = min(best, self._objective.sign * value)
        if epoch in self.rungs and math.isfinite(best):
            self._at.setdefault(trial, {})[epoch] = best

    def _recall(self, referee: Referee) -> None:
        """What trials of earlier runs had reached: those in training, and the newest of those that completed."""
        for number, live in referee.trials.live.items():
            for epoch, value in sorted(live.values.items()):
                self._see(number, epoch, value)
        completed = [row for row in referee.trials.ended.rows.values() if row.outcome is Outcome.COMPLETED]
        if not self.rungs or not completed:
            return
        newest = completed[-COMPARED:]
        wanted = (
            (pc.field("metric") == self._objective.metric)
            & (pc.field("epoch") <= self.rungs[-1])
            & pc.field("trial").isin([row.trial for row in newest])
        )
        lines = read_epochs(referee.trials.ledger.folder, wanted).table
        columns = (lines[name].to_pylist() for name in ("trial", "epoch", "value"))
        for trial, epoch, value in zip(*columns, strict=True):  # sorted by trial, attempt and epoch
            self._see(trial, epoch, value)
        for row in newest:
            self.take_end(row)


def spread(rungs: Sequence[int]) -> tuple[int, ...]:
    """At most ``SHOWN`` of them, the first and the last among those."""
    if len(rungs) <= SHOWN:
        return tuple(rungs)
    places = np.linspace(0, len(rungs) - 1, SHOWN).round().astype(int)
    return tuple(rungs[place] for place in places.tolist())


def tau_b(pairs: np.ndarray) -> float | None:
    """Kendall's rank correlation with ties (Biometrika 33, 1945, 239); (N, 2). None where all of one side are equal."""
    first, second = (np.sign(column[:, None] - column[None, :]) for column in pairs.T)
    untied = np.abs(first).sum() * np.abs(second).sum()
    return float((first * second).sum() / math.sqrt(untied)) if untied else None
