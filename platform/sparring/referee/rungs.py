"""Judges trials at the rungs: each rung of a trial once, also if slots or the referee died in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from .pruners import Pruner
from .running import LiveTrial


class Judge:
    """Asks the pruner about trials, of which the pruner itself knows only figures."""

    def __init__(self, pruner: Pruner) -> None:
        self._pruner = pruner

    @property
    def rungs(self) -> Sequence[int]:
        """Epochs at which trials are judged, ascending."""
        return self._pruner.rungs

    def must_stop(self, live: LiveTrial, epoch: int) -> bool:
        """Judges a rung once. The baseline always goes on, so that there is something whole to compare with."""
        if epoch not in self.rungs or epoch in live.passed:
            return False
        best = live.best_by(epoch)
        if best is None:
            return False
        self._learn(live, epoch, best)
        live.passed.add(epoch)
        return live.trial.number != 0 and self._pruner.judge(epoch, best)

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
