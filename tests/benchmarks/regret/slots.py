"""Asynchronous slots over curves that are known: who trains when, without training. Only the clock is simulated.

A slot that is free asks the strategy for a trial, trains it to the next epoch at which the strategy wants to hear of
it, and does what it is told: go on, pause (the trial keeps what it has trained), or stop. A trial that diverged or
reached its end has ended, whatever the strategy thinks.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np

from .curves import Curve

WAIT = -1
"""A strategy's answer to a free slot while its next trial depends on those in training."""


class Word(Enum):
    """What a slot is told after an epoch."""

    GO_ON = 0
    PAUSE = 1
    STOP = 2


class Strategy(Protocol):
    """What hands out trials and judges them. Trials are numbered from 0; a paused one may be handed out again."""

    def ask(self, now: float) -> int | None:
        """The trial for a free slot; WAIT; None if this slot gets no more."""

    def goal(self, number: int, epoch: int) -> int:
        """The next epoch after ``epoch`` at which this trial's figure matters."""

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        """A trial has reached its goal, which is not its end, with ``best`` so far."""

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        """A trial has reached its end, or diverged."""


@dataclass(frozen=True, eq=False)
class Played:
    """One search as it went."""

    curves: Sequence[Curve]
    """By trial's number."""
    trained: np.ndarray
    """(trials,) epochs."""
    ended: np.ndarray
    """(trials,) simulated seconds at which the trial was whole; infinite if it never was."""
    seconds: float
    """Of training, all slots together."""
    wall_s: float
    """Simulated seconds from the first epoch to the last."""

    @property
    def named(self) -> int | None:
        """The trial that the search would name: the best of those that are whole."""
        whole = np.flatnonzero(np.isfinite(self.ended))
        return min(whole.tolist(), key=lambda number: float(self.curves[number].best[-1]), default=None)

    def named_after(self) -> list[int | None]:
        """By n from 1: what it would name if the first n trials were all."""
        named: list[int | None] = []
        for number, curve in enumerate(self.curves):
            last = named[-1] if named else None
            is_better = last is None or curve.best[-1] < self.curves[last].best[-1]
            named.append(number if np.isfinite(self.ended[number]) and is_better else last)
        return named

    @property
    def best_begun(self) -> float:
        """What the best of all trials would have reached in truth."""
        return min((curve.truth for curve in self.curves), default=np.inf)

    @property
    def best_whole(self) -> float:
        """What the best of those that are whole reaches in truth: if that is worse, the best was stopped wrongly."""
        whole = np.flatnonzero(np.isfinite(self.ended)).tolist()
        return min((self.curves[number].truth for number in whole), default=np.inf)


@dataclass
class Trace:
    """What the simulator did, for tests: (start, end, slot, trial, epoch reached)."""

    segments: list[tuple[float, float, int, int, int]] = field(default_factory=list)


def play(strategy: Strategy, curve_of: Callable[[int], Curve], slots: int, trace: Trace | None = None) -> Played:
    """Runs a search to its end. curve_of: a trial's curve, asked for once, when it is first handed out."""
    curves: list[Curve] = []
    trained: list[int] = []
    ended: list[float] = []
    order = itertools.count()
    due: list[tuple[float, int, int, int, int, float]] = []  # end, order, slot, trial, epoch, begin
    idle: list[int] = list(range(slots))
    seconds = now = 0.0

    def run(slot: int, number: int) -> None:
        curve, epoch = curves[number], trained[number]
        goal = min(max(strategy.goal(number, epoch), epoch + 1), curve.epochs)
        end = now + curve.clock[goal] - curve.clock[epoch]
        heapq.heappush(due, (end, next(order), slot, number, goal, now))

    def hand_out() -> None:
        """Gives trials to the slots that are idle, until none is left for them."""
        for slot in sorted(idle):
            number = strategy.ask(now)
            if number is None:
                idle.remove(slot)  # this one has gone home
            elif number != WAIT:
                if number == len(curves):
                    curves.append(curve_of(number))
                    trained.append(0)
                    ended.append(np.inf)
                idle.remove(slot)
                run(slot, number)

    hand_out()
    while due:
        now, _, slot, number, epoch, begin = heapq.heappop(due)
        seconds += now - begin
        trained[number], curve = epoch, curves[number]
        if trace is not None:
            trace.segments.append((begin, now, slot, number, epoch))
        best = float(curve.best[epoch - 1])
        if epoch == curve.epochs:
            ended[number] = now if curve.is_whole else np.inf
            strategy.end(number, epoch, best, now, is_whole=curve.is_whole)
        elif strategy.hear(number, epoch, best, now) is Word.GO_ON:
            run(slot, number)
            continue
        idle.append(slot)
        hand_out()
    return Played(curves, np.array(trained), np.array(ended), seconds, now)
