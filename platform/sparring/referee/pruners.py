"""Which trials stop early: judged at rungs, from best-so-far objectives; lower is better (the referee flips signs).

A pruner holds no hidden state: ``learn`` is told every best so far in any order, ``judge`` is asked at a rung, so one
that is rebuilt from the ledger decides as the first one would have.
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
"""Of the trials that reach a rung, one in three goes on (eta in the papers)."""


class Pruner(Protocol):
    rungs: tuple[int, ...]

    def learn(self, epoch: int, best: float) -> None: ...

    def judge(self, epoch: int, best: float) -> bool:
        """Should a trial whose best objective up to ``epoch`` is ``best`` stop? It has been learnt already."""
        ...


class _Compared:
    """What pruners that compare share: who reached each rung, with which best."""

    rungs: tuple[int, ...] = ()

    def __init__(self) -> None:
        self._at: dict[int, list[float]] = defaultdict(list)

    def learn(self, epoch: int, best: float) -> None:
        if epoch in self.rungs:
            insort(self._at[epoch], best)


class SuccessiveHalving(_Compared):
    """Asynchronous successive halving, stopping form (arXiv:1810.05934): at each rung the best third goes on.

    Rungs lie at epochs/3, epochs/9, epochs/27. A trial is compared with those that reached the rung before it, so
    nobody waits; the first at a rung always passes.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.rungs = tuple(sorted({epochs // REDUCTION**k for k in (1, 2, 3)} - {0, epochs}))

    def judge(self, epoch: int, best: float) -> bool:
        seen = self._at[epoch]
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
        seen = self._at[epoch]
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
    "successive_halving": SuccessiveHalving,
    "median": Median,
    "none": Never,
}


def make_pruner(name: str, epochs: int) -> Pruner:
    """The pruner called ``name``; raises UnknownName with the list of those there are."""
    if name not in _PRUNERS:
        raise UnknownName(f"--pruner: no pruner {name!r}; there are: {', '.join(PRUNERS)}")
    return _PRUNERS[name](epochs)
