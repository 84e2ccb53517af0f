"""Whose turn it is: unfinished trials, then paused ones that became promising, then new ones, then the best paused.

A paused trial waits at a rung with its checkpoint (freeze-thaw, arXiv:1406.3896). It goes on when it would pass its
rung among those that have reached it since (the promoting form of successive halving, arXiv:1810.05934). Once nothing
new could be finished, what is left of the seconds goes to the best of those that are paused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..records import StudySpec
from .rungs import Judge
from .running import LiveTrial, Turn
from .spending import Spending

PAUSED_PER_SLOT, PAUSED_LEAST = 4, 16
"""Checkpoints kept of paused trials, for each slot and at least: each is about four times the weights."""


class Order:
    """Decides among ``live``, the referee's own trials that have not ended, which change."""

    def __init__(
        self, spec: StudySpec, live: Mapping[int, LiveTrial], judge: Judge, spending: Spending, epochs: int
    ) -> None:
        self._spec, self._live, self._judge, self._spending, self._epochs = spec, live, judge, spending, epochs

    def waiting(self) -> LiveTrial | None:
        """The first unfinished trial of an earlier run of the search."""
        return min(self._in(Turn.WAITING), key=lambda live: live.trial.number, default=None)

    def promoted(self) -> LiveTrial | None:
        """The paused trial that should go on before anything new begins, those at the highest rung first."""
        ready = (live for live in self.paused if self._judge.may_go_on(live) and self._fits(live))
        return min(ready, key=self._rank, default=None)

    def may_begin(self, begun: int, *, is_known: bool) -> bool:
        """Whether a new trial may begin after ``begun`` ones. is_known: it is one of those that always finish.

        No other begins that what is left of the training seconds cannot finish: only whole trials count.
        """
        if self._spec.trials is not None and begun >= self._spec.trials:
            return False
        return self._left_s > 0 if is_known else self._left_s >= self._whole_s

    @property
    def has_time(self) -> bool:
        """Whether the time limit, if there is one, leaves time for a whole trial."""
        return self._spending.time_left_s >= self._whole_s

    def thawed(self) -> LiveTrial | None:
        """The best paused trial that can still be finished. None if a number of trials alone bounds the search."""
        if math.isinf(self._spending.limit_s) and math.isinf(self._spending.time_left_s):
            return None
        return min(filter(self._fits, self.paused), key=self._rank, default=None)

    def surplus(self) -> list[LiveTrial]:
        """The worst of the paused trials: those beyond the checkpoints that are kept."""
        room = max(PAUSED_PER_SLOT * self._spec.slots, PAUSED_LEAST)
        return sorted(self.paused, key=self._rank)[room:]

    @property
    def paused(self) -> list[LiveTrial]:
        return self._in(Turn.PAUSED)

    @property
    def running(self) -> list[LiveTrial]:
        return self._in(Turn.RUNNING, Turn.PAUSING)

    def _in(self, *turns: Turn) -> list[LiveTrial]:
        return [live for live in self._live.values() if live.turn in turns]

    def _fits(self, live: LiveTrial) -> bool:
        """Can it be finished in what is left?"""
        return self._spending.cost_s(live, self._epochs) <= min(self._left_s, self._spending.time_left_s)

    @property
    def _whole_s(self) -> float:
        """Estimated seconds of a whole trial."""
        return self._spending.effort.epoch_s * self._epochs

    @property
    def _left_s(self) -> float:
        return self._spending.left_s(
            (live, self._judge.next_goal(live, self._epochs)) for live in self._in(Turn.RUNNING)
        )

    def _rank(self, live: LiveTrial) -> tuple[int, float, int]:
        """Sorts the most promising first, and the earlier of equals."""
        return *self._judge.rank(live), live.trial.number
