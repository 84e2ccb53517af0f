"""The trials that have ended, with sums and the leaders kept up to date: the live view asks twice a second."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from ..ledger.health import seat
from ..ledger.ranking import dominates, is_ranked, values_of
from ..records import Objective, Outcome, TrialRow, Verdict

BASELINE = 0
"""The trial of the published default."""

VERDICTS: dict[Outcome | None, Verdict] = {
    Outcome.PRUNED: Verdict.PRUNED,
    Outcome.DIVERGED: Verdict.DIVERGED,
    Outcome.COLLAPSED: Verdict.COLLAPSED,
    Outcome.STOPPED: Verdict.PRUNED,  # its slot leaves it as it is, without a checkpoint
}
"""What a slot is told of a trial that ended so."""


class EndedTrials:
    """Every ended trial's row by its number, with what follows from all of them; a trial ends once."""

    def __init__(self, objectives: Sequence[Objective], rows: Iterable[TrialRow] = ()) -> None:
        self._objectives = objectives
        self.rows: dict[int, TrialRow] = {}
        self.outcomes: Counter[Outcome] = Counter()
        self.sick: Counter[str] = Counter()
        """Trials that diverged or collapsed, by what was sick."""
        self.wall_s = 0.0
        """Training time of all of them together."""
        self.wall_square = 0.0
        """Sum of the squares of their times."""
        self.best: TrialRow | None = None
        """The best that completed, and the earliest of equals, as ``ranking.best_row`` has it."""
        self._leading: dict[int, tuple[float, ...]] = {}
        for row in rows:
            self.add(row)

    @property
    def leaders(self) -> Collection[int]:
        """The best trial's number; under several objectives, those on the Pareto front."""
        return self._leading.keys()

    @property
    def kept(self) -> Collection[int]:
        """Trials whose weights are kept: the leaders, and the default, with which the winner is compared at the end."""
        return {BASELINE, *self.leaders}

    def would_be_kept(self, row: TrialRow) -> bool:
        """Are the weights of a trial that ends so to be kept?"""
        return self.would_lead(row) or (row.trial == BASELINE and is_ranked(row))

    def would_lead(self, row: TrialRow) -> bool:
        """Would a trial that ends so be among the leaders?"""
        if not is_ranked(row):
            return False
        if len(self._objectives) == 1:
            return self._rank(row) < self._rank(self.best)
        figures = self._figures(row)
        return not any(dominates(other, figures) for other in self._leading.values())

    def add(self, row: TrialRow) -> None:
        self.rows[row.trial] = row
        self.outcomes[row.outcome] += 1
        if row.outcome in (Outcome.DIVERGED, Outcome.COLLAPSED):
            self.sick[seat(row.error)] += 1
        self.wall_s, self.wall_square = self.wall_s + row.wall_s, self.wall_square + row.wall_s**2
        if self.would_lead(row):
            figures = self._figures(row)
            self._leading = {number: theirs for number, theirs in self._leading.items() if self._stays(theirs, figures)}
            self._leading[row.trial] = figures
        if self._rank(row) < self._rank(self.best):
            self.best = row

    def verdict(self, number: int) -> Verdict:
        """What a slot is told that reports a trial after its end."""
        outcome = self.rows[number].outcome if number in self.rows else None
        return VERDICTS.get(outcome, Verdict.STOP)

    def __contains__(self, number: int) -> bool:
        return number in self.rows

    def __len__(self) -> int:
        return len(self.rows)

    def _stays(self, leader: tuple[float, ...], newer: tuple[float, ...]) -> bool:
        """Whether a leader stays one beside a newer one: on a front, if that does not beat it."""
        return len(self._objectives) > 1 and not dominates(newer, leader)

    def _rank(self, row: TrialRow | None) -> tuple[float, int]:
        """Sorts before that of a worse row. None and rows that take no part come last, and are equal."""
        if row is None or not is_ranked(row):
            return math.inf, 0
        return self._objectives[0].sign * (row.value or 0.0), row.trial

    def _figures(self, row: TrialRow) -> tuple[float, ...]:
        """One figure per objective; lower is better."""
        values = values_of(row, self._objectives)
        return tuple(objective.sign * value for objective, value in zip(self._objectives, values, strict=True))
