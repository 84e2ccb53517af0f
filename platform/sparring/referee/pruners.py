"""Which trials pause early: each is judged at rungs by what it has reached so far.

A trial that is judged worse is paused with its checkpoint. It is judged again as others reach its rung, and while the
budget lasts the best of those that are paused go on. A pruner holds no hidden state. It learns what every trial had
reached at the rungs, in any order, so one that is rebuilt from the ledger decides as the first one would have.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import quantiles
from typing import TYPE_CHECKING, Protocol

from ..errors import UnknownName
from ..records import PRUNERS, RUNGS
from .optuna_pruners import is_significantly_worse, still_improves, study_of
from .standing import Reached, Rung

if TYPE_CHECKING:
    import optuna

REDUCTION = 3
"""One in three of the trials that reach a rung goes on (eta in the papers)."""


class Pruner(Protocol):
    """What decides at the rungs."""

    rungs: tuple[int, ...]
    """Epochs at which trials are judged, ascending."""

    def rungs_of(self, number: int) -> Sequence[int]:
        """Those of them at which trial ``number`` is judged."""

    def learn(self, reached: Reached) -> None:
        """A trial has reached an epoch. What is no rung of this trial is passed over."""

    def complete(self, reached: Reached) -> None:
        """A trial has trained its budget. After a resume it is told of the best of these alone."""

    def judge(self, reached: Reached) -> bool:
        """Should a trial that has reached a rung pause there? It has been learnt already."""
        ...

    def score(self, reached: Reached) -> float:
        """Sorts trials that have reached the same rung, the best first."""
        ...


class Never:
    """Every trial trains its whole budget."""

    rungs: tuple[int, ...] = ()

    def __init__(self, epochs: int, depth: int = RUNGS) -> None:
        del epochs, depth

    def rungs_of(self, number: int) -> Sequence[int]:
        del number
        return self.rungs

    def learn(self, reached: Reached) -> None:
        del reached

    def complete(self, reached: Reached) -> None:
        del reached

    def judge(self, reached: Reached) -> bool:
        del reached
        return False

    def score(self, reached: Reached) -> float:
        return reached.best


class Compared(Never):
    """A pruner that compares a trial with all that have reached the same rung."""

    def __init__(self, epochs: int, depth: int = RUNGS) -> None:
        super().__init__(epochs)
        self._reached: dict[int, Rung] = defaultdict(Rung)

    def learn(self, reached: Reached) -> None:
        if reached.epoch in self.rungs:
            self._reached[reached.epoch].add(reached.figures)

    def score(self, reached: Reached) -> float:
        return self._reached[reached.epoch].score(reached.figures)

    def scores(self, epoch: int) -> Sequence[float]:
        """Of all trials at a rung, ascending."""
        return self._reached[epoch].scores


class Halving(Compared):
    """Asynchronous successive halving (arXiv:1810.05934): at each rung the best third goes on.

    Rungs lie at epochs/3, epochs/9, … epochs/3^depth. Two suit most: of AEGANs of 27 epochs the rank correlation with
    the end was 0.41 at epochs/27, 0.74 at epochs/9 and 0.90 at epochs/3. A trial is compared with those that
    reached the rung before it, so nobody waits; the first at a rung always passes.
    """

    def __init__(self, epochs: int, depth: int = RUNGS) -> None:
        super().__init__(epochs)
        self.rungs = tuple(sorted({epochs // REDUCTION**k for k in range(1, depth + 1)} - {0, epochs}))

    def judge(self, reached: Reached) -> bool:
        scores = self.scores(reached.epoch)
        better = bisect_left(scores, self.score(reached))
        return better >= max(1, len(scores) // REDUCTION)


class Hyperband(Never):
    """Halving with several first rungs (arXiv:1603.06560; asynchronous: arXiv:1810.05934), from one epoch to no rung.

    Every trial belongs to a bracket and is compared within it. Bracket s has the rungs epochs/3, epochs/9, … down to
    epochs/3^s. By their numbers, trials are dealt out in the proportions of Hyperband, the most to the earliest rung.
    """

    def __init__(self, epochs: int, depth: int = RUNGS) -> None:
        super().__init__(epochs)
        del depth
        deepest = max(k for k in range(epochs.bit_length() + 1) if REDUCTION**k <= max(epochs, 1))
        self._brackets = [Halving(epochs, depth) for depth in range(deepest, -1, -1)]
        self._dealt = _deal([math.ceil((deepest + 1) / (s + 1) * REDUCTION**s) for s in range(deepest, -1, -1)])
        self.rungs = self._brackets[0].rungs

    def rungs_of(self, number: int) -> Sequence[int]:
        return self._of(number).rungs

    def learn(self, reached: Reached) -> None:
        self._of(reached.number).learn(reached)

    def judge(self, reached: Reached) -> bool:
        return self._of(reached.number).judge(reached)

    def score(self, reached: Reached) -> float:
        return self._of(reached.number).score(reached)

    def _of(self, number: int) -> Halving:
        return self._brackets[self._dealt[number % len(self._dealt)]]


def _deal(counts: Sequence[int]) -> list[int]:
    """Every index as often as its count says, so mixed that any first part is nearly in proportion."""
    dealt: list[int] = []
    for place in range(1, sum(counts) + 1):
        due = [place * count / sum(counts) - dealt.count(index) for index, count in enumerate(counts)]
        dealt.append(due.index(max(due)))
    return dealt


class Percentile(Compared):
    """A trial stops whose best so far is not among the best quarter of the others' at the same epoch.

    As Optuna's PercentilePruner, which looks at trials that completed; here also those that are stopped count.
    """

    STARTUP = 5
    """Others that must have reached the epoch before anybody is stopped there."""

    SHARE = 25
    """Per cent of the others that are good enough."""

    def __init__(self, epochs: int, depth: int = RUNGS) -> None:
        super().__init__(epochs)
        self.rungs = _tenths(epochs)

    def judge(self, reached: Reached) -> bool:
        own, others = self.score(reached), list(self.scores(reached.epoch))
        others.remove(own)
        if len(others) < self.STARTUP:
            return False
        return own > quantiles(others, n=100, method="inclusive")[self.SHARE - 1]


class Median(Percentile):
    """Stops a trial whose best so far is worse than the median of the others' at the same epoch (Vizier, KDD 2017)."""

    SHARE = 50


def _tenths(epochs: int) -> tuple[int, ...]:
    first = max(1, epochs // 10)
    return tuple(range(first, epochs, first))


class Patient(Never):
    """Halving that stops nobody who still improves (Optuna's PatientPruner).

    From halving's first rung on, a trial is judged after every epoch. It stops once it has not improved for more epochs
    than the patience and is not among the best third of the last rung that it came by.
    """

    def __init__(self, epochs: int, depth: int = RUNGS) -> None:
        super().__init__(epochs)
        self._halving = Halving(epochs, depth)
        self._patience = max(1, epochs // 9)
        self.rungs = tuple(range(min(self._halving.rungs, default=epochs), epochs))

    def learn(self, reached: Reached) -> None:
        self._halving.learn(reached)

    def judge(self, reached: Reached) -> bool:
        rung = max(epoch for epoch in self._halving.rungs if epoch <= reached.epoch)
        if still_improves(reached.values, self._patience):
            return False
        then = min(value for epoch, value in reached.values.items() if epoch <= rung)
        return self._halving.judge(Reached(number=reached.number, epoch=rung, figures=(then,)))


class Wilcoxon(Never):
    """Stops a trial whose curve lies significantly above that of the best completed one (Optuna's WilcoxonPruner)."""

    def __init__(self, epochs: int, depth: int = RUNGS) -> None:
        super().__init__(epochs)
        self.rungs = _tenths(epochs)
        self._best: optuna.Study | None = None
        self._said: dict[tuple[int, int], bool] = {}  # who is paused is judged often, and a test takes a millisecond

    def complete(self, reached: Reached) -> None:
        if self._best is None or reached.best < self._best.best_value:
            self._best = study_of(reached.values)
            self._said.clear()

    def judge(self, reached: Reached) -> bool:
        asked = reached.number, reached.epoch
        if self._best is not None and asked not in self._said:
            self._said[asked] = is_significantly_worse(reached.values, self._best)
        return self._said.get(asked, False)


_PRUNERS: dict[str, Callable[[int, int], Pruner]] = {
    "halving": Halving,
    "hyperband": Hyperband,
    "median": Median,
    "percentile": Percentile,
    "patient": Patient,
    "wilcoxon": Wilcoxon,
    "none": Never,
}


def make_pruner(name: str, epochs: int, depth: int = RUNGS) -> Pruner:
    """The pruner called ``name``; raises UnknownName with the list of those there are.

    depth: how many rungs halving has, and with how many ``patient`` compares. The others place their own.
    """
    if name not in _PRUNERS:
        raise UnknownName(f"--pruner: no pruner {name!r}; there are: {', '.join(PRUNERS)}")
    return _PRUNERS[name](epochs, depth)
