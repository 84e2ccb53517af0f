"""Bugs of what the referee makes of reports, attempts and deaths."""

from __future__ import annotations

from typing import Any

from sparring.referee import rebuild, running, trials
from sparring.referee.journal import Journal
from sparring.referee.referee import Referee
from sparring.referee.running import LiveTrial, Turn
from sparring.referee.trials import Trials

from .registry import Patch, bug


@bug
def a_repeated_epoch_counts_twice(patch: Patch) -> None:
    real = Trials.take

    def take(self: Trials, live: LiveTrial, rows: Any) -> Any:
        for row in rows:
            if row.epoch in live.values:
                self.spending.take(row)
        return real(self, live, rows)

    patch.setattr(Trials, "take", take)


@bug
def an_old_attempt_is_heard(patch: Patch) -> None:
    real = Referee.report

    def report(self: Referee, rows: Any, **about: Any) -> Any:
        live = self.trials.live.get(rows[-1].trial)
        if live is not None:
            rows = [trials.replace(row, attempt=live.trial.attempt) for row in rows]
        return real(self, rows, **about)

    patch.setattr(Referee, "report", report)


@bug
def an_old_attempt_leaves_a_checkpoint(patch: Patch) -> None:
    real = Referee.leave

    def leave(self: Referee, number: int, attempt: int, checkpoint: bytes) -> None:
        live = self.trials.live.get(number)
        real(self, number, attempt if live is None else live.trial.attempt, checkpoint)

    patch.setattr(Referee, "leave", leave)


@bug
def epochs_are_called_durable_before_the_commit(patch: Patch) -> None:
    real = LiveTrial.take

    def take(self: LiveTrial, row: Any, train_s: float) -> None:
        real(self, row, train_s)
        self.durable = row.epoch

    patch.setattr(LiveTrial, "take", take)


@bug
def a_flush_drops_its_last_epoch(patch: Patch) -> None:
    real = Journal.flush

    def flush(self: Journal) -> Any:
        self._buffer = self._buffer[:-1] if len(self._buffer) > 3 else self._buffer
        return real(self)

    patch.setattr(Journal, "flush", flush)


@bug
def a_trial_ends_before_its_epochs_are_there(patch: Patch) -> None:
    real, flush = Trials.end, Trials.flush

    def end(self: Trials, live: LiveTrial, *arguments: Any, **options: Any) -> None:
        self.flush = lambda: None  # type: ignore[method-assign]
        real(self, live, *arguments, **options)
        del self.flush
        flush(self)

    patch.setattr(Trials, "end", end)


@bug
def a_dead_slots_attempt_goes_on(patch: Patch) -> None:
    real = Trials.open_attempt

    def open_attempt(self: Trials, live: LiveTrial) -> None:
        if live.turn is not Turn.RUNNING:
            real(self, live)

    patch.setattr(Trials, "open_attempt", open_attempt)


@bug
def one_death_too_few_ends_a_trial(patch: Patch) -> None:
    real = Referee.start

    def start(self: Referee, number: int, token: str) -> Any:
        live = self.trials.live.get(number)
        if live is not None and live.token not in ("", token, rebuild.FORGOTTEN):
            live.deaths += 1
        return real(self, number, token)

    patch.setattr(Referee, "start", start)


@bug
def the_best_epoch_is_the_last(patch: Patch) -> None:
    real = LiveTrial.take

    def take(self: LiveTrial, row: Any, train_s: float) -> None:
        real(self, row, train_s)
        if running.math.isfinite(self.values[row.epoch]):
            self.best_epoch, self.best_metrics = row.epoch, dict(row.metrics)

    patch.setattr(LiveTrial, "take", take)
