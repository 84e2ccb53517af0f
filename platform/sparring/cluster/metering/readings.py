"""The figures of a running search, by the names of ``series.py``, from what the referee knows."""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import median

import numpy as np

from ...ledger.schema import OVERHEAD
from ...records import EpochRow, Outcome, Snapshot, TrialRow
from ...referee.events import Event
from ...referee.referee import Referee
from ...referee.running import Turn
from .rungs import RungCounts
from .series import Reading

HEALTH = "health/"
QUANTILES = (0.5, 0.99)


class Readings:
    """What one referee has to say. ``hear`` takes every event once; ``take`` may be called as rarely as one likes.

    answer_s: seconds in which reports were answered; whoever times them adds there.
    """

    def __init__(self, referee: Referee, answer_s: Collection[float]) -> None:
        self._referee, self._answer_s = referee, answer_s
        self._objective = referee.spec.objective
        self._rungs = RungCounts(referee)
        self._stages = StageMeans()
        rows = referee.trials.ended.rows.values()
        self._now = min((self._objective.sign * row.value for row in rows if row.value is not None), default=math.inf)
        for row in rows:
            self._stages.take(row)
        for live in referee.trials.live.values():
            self._see(live.value)

    def hear(self, events: Sequence[Event]) -> None:
        """What has happened since the last call. A trial's end that is told twice counts once."""
        for event in events:
            if isinstance(event, EpochRow):
                self._see(event.metrics.get(self._objective.metric))
                self._rungs.take_epoch(event)
            elif isinstance(event, TrialRow):
                self._stages.take(event)
                self._rungs.take_end(event)

    def take(self, snapshot: Snapshot) -> Iterator[Reading]:
        """All that is known now."""
        yield from self._goodness(snapshot)
        yield from self._pace(snapshot)
        yield from self._fairness()
        yield from self._health()
        yield from self._endurance(snapshot)

    def _see(self, value: float | None) -> None:
        if value is not None and math.isfinite(value):
            self._now = min(self._now, self._objective.sign * value)

    def _goodness(self, snapshot: Snapshot) -> Iterator[Reading]:
        of = {"metric": self._objective.metric}
        if math.isfinite(self._now):
            yield Reading("sparring_objective_now", self._objective.sign * self._now, of)
        for name, row in (("best", snapshot.best), ("default", snapshot.baseline)):
            if row is not None and row.value is not None:
                yield Reading(f"sparring_objective_{name}", row.value, of)
        if (prospect := snapshot.prospect) is not None:
            for end in ("expected", "low", "high"):
                yield Reading("sparring_forecast", getattr(prospect, end), {"end": end})
        for outcome in Outcome:
            yield Reading("sparring_trials", snapshot.outcomes.get(outcome, 0), {"outcome": outcome.value})
        yield Reading("sparring_open_trials", len(snapshot.running), {"turn": "training"})
        yield Reading("sparring_open_trials", snapshot.paused, {"turn": "paused"})

    def _pace(self, snapshot: Snapshot) -> Iterator[Reading]:
        yield Reading("sparring_slots", self._referee.spec.slots)
        yield Reading("sparring_epochs", snapshot.epochs)
        for stage, seconds in self._stages.means.items():
            yield Reading("sparring_trial_seconds", seconds, {"stage": stage})
        yield Reading("sparring_trained_seconds", snapshot.trained_s)
        if snapshot.train_limit_s is not None:
            yield Reading("sparring_train_limit_seconds", snapshot.train_limit_s)
        if snapshot.left is not None:
            yield Reading("sparring_left_seconds", snapshot.left.seconds)

    def _fairness(self) -> Iterator[Reading]:
        for rung, count in self._rungs.reached:
            yield Reading("sparring_rung_reached", count, {"rung": str(rung)})
        for rung, count in self._rungs.stopped:
            yield Reading("sparring_rung_stopped", count, {"rung": str(rung)})
        for rung, tau in self._rungs.correlations:
            yield Reading("sparring_rung_correlation", tau, {"rung": str(rung)})

    def _health(self) -> Iterator[Reading]:
        live = self._referee.trials.live.values()
        newest = [trial.latest[-1].metrics for trial in live if trial.turn is Turn.RUNNING and trial.latest]
        for name in sorted({name for figures in newest for name in figures if name.startswith(HEALTH)}):
            values = [figures[name] for figures in newest if math.isfinite(figures.get(name, math.nan))]
            for of, value in (("lowest", min), ("median", median), ("highest", max)) if values else ():
                yield Reading("sparring_health", value(values), {"figure": name.removeprefix(HEALTH), "of": of})

    def _endurance(self, snapshot: Snapshot) -> Iterator[Reading]:
        for cause, count in self._referee.lost.items():
            yield Reading("sparring_attempts_lost", count, {"cause": cause})
        ledger = self._referee.trials.ledger
        for name, seconds in (("commit", ledger.commit_s), ("answer", self._answer_s)):
            for quantile in QUANTILES if seconds else ():
                value = float(np.quantile(list(seconds), quantile))
                yield Reading(f"sparring_{name}_seconds", value, {"quantile": f"{quantile:g}"})
        yield Reading("sparring_disk_free_bytes", shutil.disk_usage(ledger.folder).free)
        yield Reading("sparring_silent_seconds", snapshot.silent_s)


class StageMeans:
    """Seconds of a trial by stage, the mean over trials whose overhead is known."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._sums: dict[str, float] = {}

    def take(self, row: TrialRow) -> None:
        """A trial that ended; twice counts once."""
        seconds = {name.removesuffix("_s"): getattr(row, name) for name in OVERHEAD} | {"train": row.wall_s}
        if row.trial in self._taken or None in seconds.values():
            return
        self._taken.add(row.trial)
        for stage, value in seconds.items():
            self._sums[stage] = self._sums.get(stage, 0.0) + value

    @property
    def means(self) -> Mapping[str, float]:
        """Empty before the first."""
        return {stage: value / len(self._taken) for stage, value in self._sums.items()}
