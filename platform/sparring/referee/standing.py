"""The trials that have ended, kept so that a look at them twice a second does not go through them all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from ..ranking import is_ranked
from ..records import Objective, Outcome, TrialRow


class Standing:
    """Every ended trial's row by its number, with what follows from all of them; a trial ends once."""

    def __init__(self, objective: Objective, rows: Iterable[TrialRow] = ()) -> None:
        self._sign = objective.sign
        self.rows: dict[int, TrialRow] = {}
        self.outcomes: Counter[Outcome] = Counter()
        self.wall_s = 0.0
        """Training time of all of them together."""
        self.best: TrialRow | None = None
        """The best that completed; of equals, the earliest: what ``ranking.best_row`` would find."""
        for row in rows:
            self.add(row)

    def add(self, row: TrialRow) -> None:
        self.rows[row.trial] = row
        self.outcomes[row.outcome] += 1
        self.wall_s += row.wall_s
        if self._place(row) < self._place(self.best):
            self.best = row

    def outcome(self, number: int) -> Outcome | None:
        """How a trial ended; None if it has not."""
        return self.rows[number].outcome if number in self.rows else None

    def __contains__(self, number: int) -> bool:
        return number in self.rows

    def __len__(self) -> int:
        return len(self.rows)

    def _place(self, row: TrialRow | None) -> tuple[float, int]:
        """Sorts before what is worse; nothing at all, and what takes no part, come last and are equal."""
        if row is None or not is_ranked(row):
            return math.inf, 0
        return self._sign * (row.value or 0.0), row.trial
