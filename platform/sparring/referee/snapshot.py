"""The search as the driver sees it: what runs, what has ended, how long it will take yet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ..ledger.prospects import prospect
from ..records import Prospect, Snapshot, StudySpec
from .ended import EndedTrials
from .running import LiveTrial, Turn
from .spending import Spending

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..space import Space


class SnapshotBuilder:
    """Makes snapshots of the referee's trials; it holds the referee's own collections, which change.

    rungs: epochs at which trials are judged, ascending; epochs: a trial's budget; queued: trials put in line by hand,
    from which no draw is foretold. A space whose configurations can be counted foretells nothing.
    """

    def __init__(
        self,
        spec: StudySpec,
        space: Space[BaseModel],
        ended: EndedTrials,
        live: Mapping[int, LiveTrial],
        spending: Spending,
        *,
        queued: Collection[int],
        rungs: Sequence[int],
        epochs: int,
    ) -> None:
        self._spec, self._ended, self._live, self._spending = spec, ended, live, spending
        self._rungs, self._epochs, self._queued = rungs, epochs, queued
        is_countable = all(dimension.is_countable for dimension in space.dimensions)
        self._known = None if is_countable else space.first
        """How many trials are given before any is drawn."""
        self._prospect: Prospect | None = None
        self._prospect_due = 0

    def snapshot(
        self,
        *,
        epochs: int,
        silent_s: float,
        stopping: bool,
        torn: tuple[str, ...],
        broken: str | None,
    ) -> Snapshot:
        """As in Snapshot."""
        live, elapsed_s = list(self._live.values()), self._spending.elapsed_s
        running = [trial.view(self._epochs) for trial in live if trial.turn is Turn.RUNNING and trial.token]
        return Snapshot(
            trials=None if self._spec.trials is None else max(self._spec.trials, len(self._ended) + len(live)),
            outcomes=Counter(self._ended.outcomes),
            running=tuple(running),
            best=self._ended.best,
            baseline=self._ended.rows.get(0),
            epochs=epochs,
            elapsed_s=elapsed_s,
            left_s=self._left_s(elapsed_s),
            prospect=self._as_many_again(),
            paused=sum(trial.turn is Turn.PAUSED for trial in live),
            trained_s=self._spending.effort.seconds,
            train_limit_s=None if math.isinf(self._spending.limit_s) else self._spending.limit_s,
            silent_s=silent_s,
            stopping=stopping,
            torn=torn,
            broken=broken,
        )

    def _as_many_again(self) -> Prospect | None:
        """Estimated anew once two trials in a hundred are new."""
        ended = len(self._ended)
        if ended >= self._prospect_due and self._known is not None:
            rows = [row for row in self._ended.rows.values() if row.trial not in self._queued]
            self._prospect = prospect(rows, self._spec.objective, known=self._known, best=self._ended.best)
            self._prospect_due = ended + 1 + ended // 50
        return self._prospect

    def _left_s(self, elapsed_s: float) -> float | None:
        """Estimated seconds to the end, never more than the time limit leaves; None before anything is known.

        What all trials have yet to take, or the seconds of training left, are shared among the slots.
        """
        limit = None if self._spec.time_s is None else max(self._spec.time_s - elapsed_s, 0.0)
        bounds = (limit, self._of_training(elapsed_s), self._of_trials())
        return min((seconds for seconds in bounds if seconds is not None), default=None)

    def _of_training(self, elapsed_s: float) -> float | None:
        """Until the seconds of training are spent, at the pace of this run."""
        spent = self._spending.effort.seconds
        if math.isinf(self._spending.limit_s) or not self._spending.taken_s:
            return None
        pace = self._spending.taken_s / max(elapsed_s, 1e-9)
        return max(self._spending.limit_s - spent, 0.0) / pace

    def _of_trials(self) -> float | None:
        """Until all trials of the budget have ended."""
        if self._spec.trials is None or not len(self._ended):
            return None
        mean_s = self._ended.wall_s / len(self._ended)
        not_begun = max(self._spec.trials - len(self._ended) - len(self._live), 0)
        unpaused = [live for live in self._live.values() if live.turn is not Turn.PAUSED]
        to_come = sum(self._to_come(live, mean_s) for live in unpaused) + not_begun * mean_s
        return to_come / min(self._spec.slots, max(len(unpaused) + not_begun, 1))

    def _to_come(self, live: LiveTrial, mean_s: float) -> float:
        """Seconds a trial will take yet: what others took on average, but at least until its next rung or its end."""
        spent = sum(live.wall_s.values())
        if not spent:
            return mean_s
        goal = next((rung for rung in self._rungs if rung > live.epoch), self._epochs)
        return max(mean_s - spent, (goal - live.epoch) * spent / live.epoch)
