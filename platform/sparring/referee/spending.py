"""What a search may spend and has spent: trials, seconds of the clock, seconds of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ..ledger.effort import Effort, search_seconds, train_seconds
from ..records import EpochRow, StudySpec
from .running import LiveTrial


class Spending:
    """One study's budget. clock: monotonic seconds. effort: what earlier runs of the search have trained. epochs: a
    trial's budget."""

    def __init__(self, spec: StudySpec, clock: Callable[[], float], effort: Effort, epochs: int) -> None:
        self._spec, self._clock, self._epochs = spec, clock, epochs
        self.effort = effort
        self.taken_s = 0.0
        """Seconds of training in this run."""
        self.began = clock()
        self._trained_since = math.inf

    @property
    def limit_s(self) -> float:
        """Seconds of training that all slots together may spend over the whole study, as far as it is known now."""
        return search_seconds(self._spec, self.effort, self._epochs)

    def take(self, row: EpochRow) -> float:
        """Counts one epoch; returns the seconds it took of its slot."""
        seconds = train_seconds(row, self._spec)
        self._trained_since = min(self._trained_since, self._clock() - row.wall_s)
        self.effort, self.taken_s = self.effort.and_one(seconds), self.taken_s + seconds
        return seconds

    @property
    def training_s(self) -> float:
        """Seconds of this run since its first epoch began; 0 before the first has ended."""
        return max(self._clock() - self._trained_since, 0.0)

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self.began

    @property
    def is_late(self) -> bool:
        """Has this run of the search used its time?"""
        return self._spec.time_s is not None and self.elapsed_s >= self._spec.time_s

    @property
    def time_left_s(self) -> float:
        """Seconds until this run of the search is late; infinite without a time limit."""
        return math.inf if self._spec.time_s is None else self._spec.time_s - self.elapsed_s

    @property
    def is_spent(self) -> bool:
        """Have the seconds of training been spent?"""
        return self.effort.seconds >= self.limit_s

    def left_s(self, running: Iterable[tuple[LiveTrial, int]]) -> float:
        """Seconds of training that nobody claims. running: trials in training, each with the epoch it will come to."""
        return self.limit_s - self.effort.seconds - sum(self.cost_s(live, goal) for live, goal in running)

    def cost_s(self, live: LiveTrial, goal: int) -> float:
        """Estimated seconds from a trial's last epoch to epoch ``goal``: at its own pace, or at all trials' mean."""
        epoch_s = sum(live.train_s.values()) / len(live.train_s) if live.train_s else self.effort.epoch_s
        return max(goal - live.epoch, 0) * epoch_s
