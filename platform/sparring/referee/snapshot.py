"""The search as the driver sees it: what runs, what has ended, how long it will take yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ..records import Snapshot, StudySpec
from .ended import EndedTrials
from .running import LiveTrial


class SnapshotBuilder:
    """Makes snapshots of the referee's trials; it holds the referee's own collections, which change.

    rungs: epochs at which trials are judged, ascending; epochs: a trial's budget.
    """

    def __init__(
        self,
        spec: StudySpec,
        ended: EndedTrials,
        live: Mapping[int, LiveTrial],
        *,
        rungs: Sequence[int],
        epochs: int,
    ) -> None:
        self._spec, self._ended, self._live = spec, ended, live
        self._rungs, self._epochs = rungs, epochs

    def snapshot(
        self,
        *,
        waiting: Collection[int],
        epochs: int,
        elapsed_s: float,
        silent_s: float,
        stopping: bool,
        broken: str | None,
    ) -> Snapshot:
        """waiting: unfinished trials not handed out yet; the rest as in Snapshot."""
        running = [
            live.view(self._epochs) for number, live in self._live.items() if live.token and number not in waiting
        ]
        return Snapshot(
            trials=self._spec.trials,
            outcomes=Counter(self._ended.outcomes),
            running=tuple(running),
            best=self._ended.best,
            baseline=self._ended.rows.get(0),
            epochs=epochs,
            elapsed_s=elapsed_s,
            left_s=self._left_s(elapsed_s),
            silent_s=silent_s,
            stopping=stopping,
            broken=broken,
        )

    def _left_s(self, elapsed_s: float) -> float | None:
        """Estimated seconds to the end: what all trials have yet to take, shared among the slots.

        It is never more than the time limit leaves; without an ended trial there is only that.
        """
        limit = None if self._spec.time_s is None else max(self._spec.time_s - elapsed_s, 0.0)
        if not len(self._ended):
            return limit
        mean_s = self._ended.wall_s / len(self._ended)
        not_begun = max(self._spec.trials - len(self._ended) - len(self._live), 0)
        to_come = sum(self._to_come(live, mean_s) for live in self._live.values()) + not_begun * mean_s
        left = to_come / min(self._spec.slots, max(len(self._live) + not_begun, 1))
        return left if limit is None else min(left, limit)

    def _to_come(self, live: LiveTrial, mean_s: float) -> float:
        """Seconds a trial will take yet: what others took on average, but at least until its next rung or its end."""
        spent = sum(live.wall_s.values())
        if not spent:
            return mean_s
        goal = next((rung for rung in self._rungs if rung > live.epoch), self._epochs)
        return max(mean_s - spent, (goal - live.epoch) * spent / live.epoch)
