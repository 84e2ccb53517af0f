"""Which trials pause early: each is judged at rungs by its best objective so far, lower being better in every case.

A trial that is judged worse is paused with its checkpoint. It is judged again as others reach its rung, and while the
budget lasts the best of those that are paused go on. A pruner holds no hidden state. It learns every trial's best so
far at the rungs, in any order, so one that is rebuilt from the ledger decides as the first one would have.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Protocol

from ..errors import UnknownName
from ..records import PRUNERS

REDUCTION = 3
"""One in three of the trials that reach a rung goes on (eta in the papers)."""


class Pruner(Protocol):
    """What decides at the rungs."""

    rungs: tuple[int, ...]
    """Epochs at which trials are judged, ascending."""

    def learn(self, epoch: int, best: float) -> None:
        """A trial has reached ``epoch`` with ``best`` as its best objective so far."""

    def judge(self, epoch: int, best: float) -> bool:
        """Should a trial whose best objective up to ``epoch`` is ``best`` pause? It has been learnt already."""
        ...


class _Compared:
    """A pruner that compares trials: it keeps the best objectives with which they reached each rung, sorted."""

    rungs: tuple[int, ...] = ()

    def __init__(self) -> None:
        self._reached: dict[int, list[float]] = defaultdict(list)

    def learn(self, epoch: int, best: float) -> None:
        if epoch in self.rungs:
            insort(self._reached[epoch], best)


class Halving(_Compared):
    """Asynchronous successive halving (arXiv:1810.05934): at each rung the best third goes on.

    Rungs lie at epochs/3 and epochs/9. A rung at epochs/27 would decide blindly: its rank correlation with the end was
    0.41 in AEGANs of 27 epochs, against 0.74 at epochs/9 and 0.90 at epochs/3. A trial is compared with those that
    reached the rung before it, so nobody waits; the first at a rung always passes.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.rungs = tuple(sorted({epochs // REDUCTION**k for k in (1, 2)} - {0, epochs}))

    def judge(self, epoch: int, best: float) -> bool:
        seen = self._reached[epoch]
        return bisect_right(seen, best) > max(1, len(seen) // REDUCTION) and best > seen[0]


class Median(_Compared):
    """Stops a trial whose best so far is worse than the median of the others' at the same epoch (Vizier, KDD 2017)."""

    STARTUP = 5
    """Trials that must have reached the epoch before anybody is stopped there."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        first = max(1, epochs // 10)
        self.rungs = tuple(range(first, epochs, first))

    def judge(self, epoch: int, best: float) -> bool:
        seen = self._reached[epoch]
        return len(seen) > self.STARTUP and best > median(seen)


class Never:
    """Every trial trains its whole budget."""

    rungs: tuple[int, ...] = ()

    def __init__(self, epochs: int) -> None:
        del epochs

    def learn(self, epoch: int, best: float) -> None:
        del epoch, best

    def judge(self, epoch: int, best: float) -> bool:
        del epoch, best
        return False


_PRUNERS: dict[str, Callable[[int], Pruner]] = {
    "halving": Halving,
    "median": Median,
    "none": Never,
}


def make_pruner(name: str, epochs: int) -> Pruner:
    """The pruner called ``name``; raises UnknownName with the list of those there are."""
    if name not in _PRUNERS:
        raise UnknownName(f"--pruner: no pruner {name!r}; there are: {', '.join(PRUNERS)}")
    return _PRUNERS[name](epochs)
