"""Rules that need nobody's code: none, blind halving, one epoch and then the best, and one that peeks."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from .curves import Curve
from .slots import WAIT, Word


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a search may spend: trials, or seconds of training over all slots. Whole trials count, so trials that are in
    training when the seconds are spent go on to their next word, as under a timeout."""

    trials: int | None = None
    seconds: float | None = None
    slots: int = 2

    def allows(self, begun: int, now: float) -> bool:
        """Whether another trial may begin. Slots that never wait have trained ``now`` seconds each."""
        return (self.trials is None or begun < self.trials) and (
            self.seconds is None or now * self.slots < self.seconds
        )


class Whole:
    """Every trial trains to its end; the frame of all rules that stop trials for good."""

    def __init__(self, budget: Budget, epochs: int) -> None:
        self.budget, self.epochs, self.begun = budget, epochs, 0

    def ask(self, now: float) -> int | None:
        if not self.budget.allows(self.begun, now):
            return None
        self.begun += 1
        return self.begun - 1

    def goal(self, number: int, epoch: int) -> int:
        return self.epochs

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        return Word.GO_ON

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        pass


class BlindHalving(Whole):
    """What `sparring search` did up to 29 November 2026: asynchronous successive halving, first at epochs/27.

    A copy of that day's rule, so that it stays what it was. Trial 0 always goes on.
    """

    REDUCTION = 3

    def __init__(self, budget: Budget, epochs: int) -> None:
        super().__init__(budget, epochs)
        self.rungs = sorted({epochs // self.REDUCTION**k for k in (1, 2, 3)} - {0, epochs})
        self.reached: dict[int, list[float]] = defaultdict(list)

    def goal(self, number: int, epoch: int) -> int:
        return next((rung for rung in self.rungs if rung > epoch), self.epochs)

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        seen = self.reached[epoch]
        insort(seen, best)
        is_worse = bisect_right(seen, best) > max(1, len(seen) // self.REDUCTION) and best > seen[0]
        return Word.STOP if number and is_worse else Word.GO_ON


class OneEpoch(Whole):
    """All trials train one epoch; the best ``top`` of them train to their end (arXiv:2307.15422).

    Of seconds, as many as let the best be finished go into first epochs, judged by the epochs so far.
    """

    def __init__(self, budget: Budget, epochs: int, top: int = 3) -> None:
        super().__init__(budget, epochs)
        self.top, self.first_s, self.pending = top, 0.0, 0
        self.seen: list[tuple[float, int]] = []
        self.left: list[int] | None = None

    def ask(self, now: float) -> int | None:
        if self.left is None and self._may_begin(now):
            self.pending += 1
            return super().ask(now)
        if self.left is None:
            if self.pending:
                return WAIT
            self.left = [number for _, number in sorted(self.seen)[: self.top]]
        return self.left.pop(0) if self.left else None

    def _may_begin(self, now: float) -> bool:
        if self.budget.seconds is None or not self.seen:
            return self.budget.allows(self.begun, now)
        epoch_s = now * self.budget.slots / len(self.seen)
        return now * self.budget.slots + self.top * (self.epochs - 1) * epoch_s < self.budget.seconds

    def goal(self, number: int, epoch: int) -> int:
        return 1 if epoch == 0 else self.epochs

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        self.pending -= 1
        self.seen.append((best, number))
        return Word.PAUSE

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        if epoch == 1:
            self.pending -= 1


class Peeking(Whole):
    """Knows every curve's end and trains no trial further than its first epoch that does not beat all before it."""

    def __init__(self, budget: Budget, epochs: int, curve_of: Callable[[int], Curve]) -> None:
        super().__init__(budget, epochs)
        self.curve_of, self.best = curve_of, float("inf")

    def goal(self, number: int, epoch: int) -> int:
        return 1 if epoch == 0 else self.epochs

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        end = self.curve_of(number).truth
        if end >= self.best:
            return Word.STOP
        self.best = end
        return Word.GO_ON
