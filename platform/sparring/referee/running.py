"""One trial that has not ended: what it has reached so far."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ..ledger.health import PATIENCE, warnings
from ..records import AttemptRow, EpochRow, Objective, Outcome, RunningTrial, StudySpec, Trial, TrialRow
from .standing import Reached
from .stopwatch import Stopwatch


class Turn(Enum):
    """Where a trial that has not ended stands."""

    WAITING = "waiting"
    """Unfinished since before this referee was made; handed out before all others, unless its slot still has it."""
    RUNNING = "running"
    """Handed to a slot."""
    PAUSING = "pausing"
    """Its slot has been told to leave it at a rung."""
    PAUSED = "paused"
    """It waits at a rung with its checkpoint."""


@dataclass(kw_only=True)
class LiveTrial:
    """Mutable; only the referee holds it. objectives: the study's."""

    trial: Trial
    objectives: Sequence[Objective]
    values: dict[int, float] = field(default_factory=dict)
    """Leading objective by epoch."""
    others: dict[int, tuple[float, ...]] = field(default_factory=dict)
    """The other objectives by epoch, times their signs."""
    wall_s: dict[int, float] = field(default_factory=dict)
    train_s: dict[int, float] = field(default_factory=dict)
    """Seconds of its slot's processor by epoch; see ``ledger.effort.train_seconds``."""
    latest: deque[EpochRow] = field(default_factory=lambda: deque(maxlen=PATIENCE))
    """Its last epochs, by which its health is judged."""
    best_epoch: int | None = None
    best_metrics: Mapping[str, float] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)
    """Rungs at which it was judged."""
    learnt: set[int] = field(default_factory=set)
    """Rungs at which the pruner knows its figure."""
    durable: int = 0
    """Its last epoch that the ledger holds."""
    turn: Turn = Turn.RUNNING
    token: str = ""
    """The slot's step that runs it; empty until it is started."""
    deaths: int = 0
    """Attempts that ended without a word since the referee was made."""
    heard: float = 0.0
    """When its slot last started it or reported an epoch, on the referee's clock."""
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def sign(self) -> float:
        """+1 when the leading objective is minimised, -1 when maximised."""
        return self.objectives[0].sign

    def take(self, row: EpochRow, train_s: float) -> None:
        """Remembers one epoch, which took ``train_s`` of its slot; taking it twice changes nothing."""
        if row.epoch not in self.values:
            self.latest.append(row)
        value = row.metrics[self.objectives[0].metric]
        self.others[row.epoch] = tuple(each.sign * row.metrics[each.metric] for each in self.objectives[1:])
        self.values[row.epoch], self.wall_s[row.epoch], self.train_s[row.epoch] = value, row.wall_s, train_s
        if math.isfinite(value) and (
            self.best_epoch is None or self.sign * value < self.sign * self.values[self.best_epoch]
        ):
            self.best_epoch, self.best_metrics = row.epoch, dict(row.metrics)

    def reached(self, epoch: int) -> Reached | None:
        """What it had reached by ``epoch``, that one included; None if it had no finite figure."""
        values = {e: self.sign * value for e, value in self.values.items() if e <= epoch and math.isfinite(value)}
        if not values:
            return None
        best = min(values, key=lambda e: (values[e], e))
        figures = (values[best], *self.others[best])
        return Reached(number=self.trial.number, epoch=epoch, figures=figures, values=values)

    @property
    def value(self) -> float | None:
        return None if self.best_epoch is None else self.values[self.best_epoch]

    @property
    def epoch(self) -> int:
        return max(self.values, default=0)

    def cause_of_death(self, now: float, spec: StudySpec) -> tuple[Outcome, str]:
        """Outcome and error once all attempts are used: timed out if its last slot went silent, else crashed."""
        if now - self.heard < spec.silence_limit_s:
            return Outcome.CRASHED, f"the slot died {self.deaths} times while it ran this trial"
        limit = f"{spec.silence_limit_s:g} s, the limit for one epoch"
        return Outcome.TIMED_OUT, f"no epoch came for {limit}, and {self.deaths} of {spec.attempts} attempts are spent"

    def row(self, outcome: Outcome, error: str | None = None) -> TrialRow:
        """The ledger's terminal row. Only a trial that completed or was pruned has a value that counts."""
        counts = outcome in (Outcome.COMPLETED, Outcome.PRUNED)
        return TrialRow(
            trial=self.trial.number,
            attempt=self.trial.attempt,
            seed=self.trial.seed,
            outcome=outcome,
            params=self.trial.params,
            value=self.value if counts else None,
            best_epoch=self.best_epoch if counts else None,
            epochs=self.epoch,
            metrics=self.best_metrics if counts else {},
            wall_s=sum(self.wall_s.values()),
            **self.stopwatch.seconds,
            error=error[:4000] if error else None,
        )

    def attempt_row(self, slot: str = "") -> AttemptRow:
        return AttemptRow(
            trial=self.trial.number,
            attempt=self.trial.attempt,
            seed=self.trial.seed,
            params=self.trial.params,
            slot=slot,
            source=self.trial.source,
        )

    def view(self, epochs: int) -> RunningTrial:
        found = warnings(self.latest[-1].metrics) if self.latest else []
        return RunningTrial(
            number=self.trial.number, attempt=self.trial.attempt, epoch=self.epoch, epochs=epochs, value=self.value,
            warning=found[0] if found else "",
        )  # fmt: skip
