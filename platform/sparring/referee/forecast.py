"""How long a search will take yet: what a limit leaves of the clock, or a forecast with the range that should hold it.

A forecast is as good as the pace that it rests on, so it is never a number alone, and before there is a pace there is
none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..records import Left, StudySpec
from .ended import EndedTrials
from .rungs import Judge
from .running import LiveTrial, Turn
from .spending import Spending

NINE_IN_TEN = 1.645
"""Standard deviations on either side of a mean that hold nine values in ten."""

WAVER = 0.1
"""Share by which the pace may change yet: other programs come and go."""


class Forecast:
    """Reads the referee's own collections, which change. epochs: a trial's budget."""

    def __init__(
        self,
        spec: StudySpec,
        ended: EndedTrials,
        live: Mapping[int, LiveTrial],
        spending: Spending,
        judge: Judge,
        epochs: int,
    ) -> None:
        self._spec, self._ended, self._live, self._spending = spec, ended, live, spending
        self._judge, self._epochs = judge, epochs

    def left(self) -> Left | None:
        """Seconds to the end, by the bound that comes first; None before anything is known."""
        bounds = [left for left in (self._of_clock(), self._of_training(), self._of_trials()) if left is not None]
        if not bounds:
            return None
        return Left(*(min(ends) for ends in zip(*bounds, strict=True)))

    def _of_clock(self) -> Left | None:
        seconds = max(self._spending.time_left_s, 0.0)
        return None if math.isinf(seconds) else Left(seconds, seconds, seconds)

    def _of_training(self) -> Left | None:
        """Until the seconds of training are spent, and whoever must finish has finished, at the pace of this run.

        Epochs in training are not counted yet: the pace lies between that without them and that with all of them. As
        nothing begins that could not be finished, up to a whole trial may stay undone, or keep one slot alone.
        """
        spending, slots = self._spending, self._spec.slots
        unseen_s = slots * spending.effort.epoch_s
        if math.isinf(spending.limit_s) or spending.taken_s < 2 * unseen_s or not spending.training_s:
            return None
        slow = spending.taken_s / spending.training_s
        fast = min((spending.taken_s + unseen_s) / spending.training_s, float(slots))
        rest = max(spending.limit_s - spending.effort.seconds, 0.0)
        whole = min(spending.effort.epoch_s * self._epochs, rest)
        alone = slots * max((self._to_finish_s(live) for live in self._in(Turn.RUNNING)), default=0.0)
        return Left(
            max(rest, alone) * 2 / (slow + fast),
            max(rest - whole, alone) / fast * (1 - WAVER),
            max(rest + whole, alone) / slow * (1 + WAVER),
        )

    def _of_trials(self) -> Left | None:
        """Until all trials of the budget have ended, by what those took that have ended or are paused."""
        if self._spec.trials is None or not len(self._ended):
            return None
        paused = [sum(live.wall_s.values()) for live in self._in(Turn.PAUSED)]
        known = len(self._ended) + len(paused)
        mean = (self._ended.wall_s + sum(paused)) / known
        square = (self._ended.wall_square + sum(seconds**2 for seconds in paused)) / known
        deviation = math.sqrt(max(square - mean**2, 0.0)) if known > 1 else mean
        coming = [live for live in self._live.values() if live.turn is not Turn.PAUSED]
        not_begun = max(self._spec.trials - len(self._ended) - len(self._live), 0)
        to_come = [self._to_come(live, mean) for live in coming]
        count = len(coming) + not_begun
        total, busy = sum(to_come) + not_begun * mean, min(self._spec.slots, max(count, 1))
        spread = NINE_IN_TEN * deviation * math.sqrt(count + count**2 / known)
        longest = max(to_come, default=0.0)
        return Left(
            max(total / busy, longest),
            max((total - spread) / busy, longest) * (1 - WAVER),
            max((total + spread) / busy, longest) * (1 + WAVER),
        )

    def _to_finish_s(self, live: LiveTrial) -> float:
        """Seconds of training to the end of a trial that nobody will stop any more; 0 for others."""
        return self._spending.cost_s(live, self._epochs) if self._judge.must_finish(live) else 0.0

    def _to_come(self, live: LiveTrial, mean: float) -> float:
        """Seconds a trial will take yet: what others took on average, but at least until its next rung or its end."""
        spent = sum(live.wall_s.values())
        if not spent:
            return mean
        goal = self._judge.next_goal(live, self._epochs)
        return max(mean - spent, (goal - live.epoch) * spent / live.epoch)

    def _in(self, turn: Turn) -> list[LiveTrial]:
        return [live for live in self._live.values() if live.turn is turn]
