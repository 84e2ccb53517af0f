"""Judges trials at the rungs: each rung of a trial once, also if slots or the referee died in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from .pruners import Pruner
from .running import LiveTrial


class Judge:
    """Asks the pruner about trials, of which the pruner itself knows only figures.

    sheltered: trials with a lower number always go on: the published default and the points to try first. So there is
    something whole to compare with, and what is known is not dropped for a slow start.
    """

    def __init__(self, pruner: Pruner, *, sheltered: int = 1) -> None:
        self._pruner, self._sheltered = pruner, sheltered

    @property
    def rungs(self) -> Sequence[int]:
        """Epochs at which trials are judged, ascending."""
        return self._pruner.rungs

    def must_pause(self, live: LiveTrial) -> bool:
        """Judges a trial at all rungs that it has reached and was not judged at; whether it must pause."""
        failed = [rung for rung in self.rungs if self._fails(live, rung)]
        return bool(failed)

    def _fails(self, live: LiveTrial, epoch: int) -> bool:
        """Judges a rung once."""
        if epoch not in live.values or epoch in live.passed:
            return False
        best = live.best_by(epoch)
        if best is None:
            return False
        self._learn(live, epoch, best)
        live.passed.add(epoch)
        return live.trial.number >= self._sheltered and self._pruner.judge(epoch, best)

    def may_go_on(self, live: LiveTrial) -> bool:
        """Whether a paused trial would pass its rung now that others have reached it."""
        rung = self.rung_of(live)
        best = live.best_by(rung)
        return best is not None and not self._pruner.judge(rung, best)

    def rung_of(self, live: LiveTrial) -> int:
        """The last rung that the trial was judged at; 0 before the first."""
        return max(live.passed, default=0)

    def must_finish(self, live: LiveTrial) -> bool:
        """Whether nobody will judge the trial any more: it is sheltered, or past the last rung."""
        is_past = not self.rungs or live.epoch > self.rungs[-1]
        return live.trial.number < self._sheltered or is_past

    def next_goal(self, live: LiveTrial, epochs: int) -> int:
        """The epoch up to which the trial will train before it is judged again: its next rung, or the last one."""
        if live.trial.number < self._sheltered:
            return epochs
        return next((rung for rung in self.rungs if rung > live.epoch), epochs)

    def recall(self, live: LiveTrial) -> None:
        """Takes over what an unfinished trial from the ledger reached.

        The ledger holds an epoch beyond a rung only after the rung was judged; the rung itself may be unjudged, but
        what was reached there counts for the others.
        """
        for rung in self.rungs:
            best = live.best_by(rung)
            if best is not None and rung <= live.epoch:
                self._learn(live, rung, best)
                if rung < live.epoch:
                    live.passed.add(rung)

    def recall_ended(self, epochs: pa.Table, sign: float) -> None:
        """Takes over what ended trials reached, all of them at once.

        epochs: columns trial, epoch and value, one row per epoch, sorted by trial and epoch; sign as a trial's.
        """
        trial, epoch, value = (epochs[name].to_numpy() for name in ("trial", "epoch", "value"))
        if not len(trial):
            return
        value = np.where(np.isfinite(value), sign * value, np.inf)
        first = np.flatnonzero(np.r_[True, trial[1:] != trial[:-1]])
        last = np.maximum.reduceat(epoch, first)
        for rung in self.rungs:
            best = np.minimum.reduceat(np.where(epoch <= rung, value, np.inf), first)
            for reached in best[(last >= rung) & np.isfinite(best)].tolist():
                self._pruner.learn(rung, reached)

    def _learn(self, live: LiveTrial, epoch: int, best: float) -> None:
        if epoch not in live.learnt:
            self._pruner.learn(epoch, best)
            live.learnt.add(epoch)
