"""The search as the driver sees it: what runs, what has ended, how long it will take yet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ..ledger.prospects import prospect
from ..records import Prospect, Snapshot, StudySpec
from .ended import EndedTrials
from .forecast import Forecast
from .rungs import Judge
from .running import LiveTrial, Turn
from .spending import Spending

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..space import Space


class SnapshotBuilder:
    """Makes snapshots of the referee's trials; it holds the referee's own collections, which change.

    epochs: a trial's budget; queued: trials put in line by hand, from which no draw is foretold. A space whose
    configurations can be counted foretells no better ones.
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
        judge: Judge,
        epochs: int,
    ) -> None:
        self._spec, self._ended, self._live, self._spending = spec, ended, live, spending
        self._epochs, self._queued = epochs, queued
        self._forecast = Forecast(spec, ended, live, spending, judge, epochs)
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
        live = list(self._live.values())
        running = [trial.view(self._epochs) for trial in live if trial.turn is Turn.RUNNING and trial.token]
        return Snapshot(
            trials=None if self._spec.trials is None else max(self._spec.trials, len(self._ended) + len(live)),
            outcomes=Counter(self._ended.outcomes),
            running=tuple(running),
            best=self._ended.best,
            baseline=self._ended.rows.get(0),
            epochs=epochs,
            elapsed_s=self._spending.elapsed_s,
            left=self._forecast.left(),
            prospect=self._as_many_again(),
            paused=sum(trial.turn is Turn.PAUSED for trial in live),
            trained_s=self._spending.effort.seconds,
            train_limit_s=None if math.isinf(self._spending.limit_s) else self._spending.limit_s,
            silent_s=silent_s,
            sick=Counter(self._ended.sick),
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
