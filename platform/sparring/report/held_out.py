"""The test rows in a report: the figures of the last look, and what they say of winner, default and yardsticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..display import looks_sentence, show, show_interval, winner_sentence
from ..ledger.looks import Look, test_name
from ..records import Interval, Objective, TrialRow
from ..study.intervals import difference
from .yardsticks import Yardstick

LOSING = (
    "A searched network that loses to a method without a search is not ready for use: train longer, search more "
    "trials, or widen the space."
)


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What is known of the rows that had no part in training or choice."""

    objective: Objective
    """The one that leads."""
    looks: tuple[Look, ...]
    rows: int
    """Test rows; 0 where the split keeps none."""
    ended: int
    """Trials that have ended."""
    split: str
    best: int | None
    """The trial that leads now."""

    @property
    def metric(self) -> str:
        """The leading objective's name on the test rows."""
        return test_name(self.objective.metric)

    @property
    def look(self) -> Look | None:
        """The last look, if the trial that it scored leads still."""
        return self.looks[-1] if self.looks and self.looks[-1].trial == self.best else None

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """What the winner reached on them, if it was scored, and how often they were looked at."""
        winner = "" if self.look is None else winner_sentence(self.look, self.objective)
        looks = looks_sentence(self.looks, self.rows, self.ended, self.split, self.best)
        return tuple(filter(None, [winner, looks]))

    def figure(self, row: TrialRow | None, metric: str | None = None) -> Interval | None:
        """A trial's figure on the test rows, by default in the leading objective; None if it was not scored."""
        if self.look is None or row is None:
            return None
        figures = self.look.winner if row.trial == self.look.trial else self.look.default if row.trial == 0 else {}
        return figures.get(metric or self.metric)

    def verdict(self, rivals: Sequence[Yardstick]) -> str:
        """The winner against the yardsticks on the test rows; empty without a look, or without such figures."""
        compared = self._compare(rivals)
        if self.look is None or not compared:
            return ""
        start = f"On the test rows the best trial ({show(self.look.winner[self.metric].value)})"
        lost, tied = (
            [f"{rival.name} ({show(rival.test[self.metric].value)})" for rival, side in compared if side == wanted]
            for wanted in (1, 0)
        )
        if lost:
            return f"{start} loses to {together(lost)}. {LOSING}"
        if tied:
            return f"{start} cannot be told from {together(tied)}: more test rows or a better winner would."
        name, figure = compared[0][0].name, compared[0][0].test[self.metric]
        return f"{start} beats every yardstick; the closest is {name} ({show(figure.value)}, {show_interval(figure)})."

    def stronger(self, rivals: Sequence[Yardstick]) -> tuple[Yardstick, ...]:
        """Those that the winner loses to on the test rows, by more than the rows' own noise."""
        return tuple(rival for rival, side in self._compare(rivals) if side == 1)

    def _compare(self, rivals: Sequence[Yardstick]) -> list[tuple[Yardstick, int]]:
        """Those scored there, the best first, each with 1 if it beats the winner, -1 if it loses, 0 if neither is sure.

        Of too few rows for an interval the figures themselves decide.
        """
        if self.look is None or self.metric not in self.look.winner:
            return []
        winner, found = self.look.winner[self.metric], []
        for rival in rivals:
            if self.metric in rival.test:
                gap = difference(winner, rival.test[self.metric])
                low, high = (gap.value, gap.value) if gap.low is None or gap.high is None else (gap.low, gap.high)
                sides = sorted(self.objective.sign * end for end in (low, high))
                found.append((rival, 1 if sides[0] > 0 else -1 if sides[1] < 0 else 0))
        return sorted(found, key=lambda pair: self.objective.sign * pair[0].test[self.metric].value)


def together(names: Sequence[str]) -> str:
    """Names with commas, the last after an ``and``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
