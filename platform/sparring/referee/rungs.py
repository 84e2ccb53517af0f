"""Judges trials at the rungs: each rung of a trial once, also if slots or the referee died in between."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..records import QUEUED
from .pruners import Pruner
from .running import LiveTrial
from .standing import Reached


class Judge:
    """Asks the pruner about trials, of which the pruner itself knows only figures.

    sheltered: trials with a lower number always go on: the published default and the points to try first. So there is
    something whole to compare with, and what is known is not dropped for a slow start. So do those put in line by hand.
    """

    def __init__(self, pruner: Pruner, *, sheltered: int = 1) -> None:
        self._pruner, self._sheltered = pruner, sheltered

    @property
    def rungs(self) -> Sequence[int]:
        """Epochs at which trials are judged, ascending."""
        return self._pruner.rungs

    def must_pause(self, live: LiveTrial) -> bool:
        """Judges a trial at all rungs that it has reached and was not judged at; whether it must pause."""
        failed = [rung for rung in self._rungs_of(live) if self._fails(live, rung)]
        return bool(failed)

    def _fails(self, live: LiveTrial, rung: int) -> bool:
        """Judges a rung once."""
        if rung not in live.values or rung in live.passed:
            return False
        reached = live.reached(rung)
        if reached is None:
            return False
        self._learn(live, reached)
        live.passed.add(rung)
        return not self._shelters(live) and self._pruner.judge(reached)

    def complete(self, live: LiveTrial) -> None:
        """A trial has trained its budget."""
        reached = live.reached(live.epoch)
        if reached is not None:
            self._pruner.complete(reached)

    def may_go_on(self, live: LiveTrial) -> bool:
        """Whether a paused trial would pass its rung now that others have reached it."""
        reached = live.reached(self._rung_of(live))
        return reached is not None and not self._pruner.judge(reached)

    def rank(self, live: LiveTrial) -> tuple[int, float]:
        """Sorts the most promising first: at the highest rung, then as the pruner has it."""
        rung = self._rung_of(live)
        reached = live.reached(rung)
        return -rung, math.inf if reached is None else self._pruner.score(reached)

    def must_finish(self, live: LiveTrial) -> bool:
        """Whether nobody will judge the trial any more: it is sheltered, or past the last rung."""
        is_past = live.epoch > max(self._rungs_of(live), default=0)
        return self._shelters(live) or is_past

    def next_goal(self, live: LiveTrial, epochs: int) -> int:
        """The epoch up to which the trial will train before it is judged again: its next rung, or the last one."""
        if self._shelters(live):
            return epochs
        return next((rung for rung in self._rungs_of(live) if rung > live.epoch), epochs)

    def recall(self, live: LiveTrial) -> None:
        """Takes over what an unfinished trial from the ledger reached.

        The ledger holds an epoch beyond a rung only after the rung was judged; the rung itself may be unjudged, but
        what was reached there counts for the others.
        """
        for rung in self._rungs_of(live):
            reached = live.reached(rung)
            if reached is not None and rung <= live.epoch:
                self._learn(live, reached)
                if rung < live.epoch:
                    live.passed.add(rung)

    def recall_ended(self, trial: np.ndarray, epoch: np.ndarray, figures: np.ndarray) -> None:
        """Takes over what ended trials reached, all of them at once.

        trial, epoch: (rows,) sorted by trial, then epoch; figures: (rows, objectives), lower better, the leading first.
        A row with one that is not finite ended its trial, and counts for nothing.
        """
        if not len(trial):
            return
        leading = np.where(np.isfinite(figures).all(axis=1), figures[:, 0], np.inf)
        first = np.flatnonzero(np.r_[True, trial[1:] != trial[:-1]])
        owner = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(trial)]))
        last = np.maximum.reduceat(epoch, first)
        for rung in self.rungs:
            by_then = np.where(epoch <= rung, leading, np.inf)
            best = np.minimum.reduceat(by_then, first)
            are_best = np.flatnonzero(by_then == best[owner])
            rows = are_best[np.unique(owner[are_best], return_index=True)[1]]  # of each trial its first best one
            for row in rows[(last >= rung) & np.isfinite(best)].tolist():
                figures_then = tuple(figures[row].tolist())
                self._pruner.learn(Reached(number=int(trial[row]), epoch=rung, figures=figures_then))

    def _shelters(self, live: LiveTrial) -> bool:
        return live.trial.number < self._sheltered or live.trial.source == QUEUED

    def _rungs_of(self, live: LiveTrial) -> Sequence[int]:
        return self._pruner.rungs_of(live.trial.number)

    def _rung_of(self, live: LiveTrial) -> int:
        """The last rung that the trial was judged at; 0 before the first."""
        return max(live.passed, default=0)

    def _learn(self, live: LiveTrial, reached: Reached) -> None:
        if reached.epoch not in live.learnt:
            self._pruner.learn(reached)
            live.learnt.add(reached.epoch)
