"""The calls a slot and the driver make. Every one is idempotent: a caller may repeat it after the referee came back.

A trial's life: ``ask`` hands out its number, ``start`` opens an attempt, ``report`` takes its epochs and answers with
a verdict; it ends through ``report`` (completed, pruned, diverged) or ``fail``, or is put down by ``leave`` until the
same study is searched again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointError
from ..ledger import Ledger, attempt_rows, epoch_rows, trial_rows
from ..records import Answer, EpochRow, Outcome, Snapshot, Start, StudySpec, Trial, TrialRow, Verdict, best_row
from .contracts import Checkpoints, stopping_instead
from .live import LiveTrial
from .pruners import make_pruner
from .study import Study

if TYPE_CHECKING:
    from ..space import Space

FORGOTTEN = "?"
"""The token of a trial that some slot may be running since before the referee came back."""

FLUSH_S = 1.0
"""Epoch rows reach the ledger at most this late; a slot keeps and repeats what is not there yet."""

COMPACT_AT = 400
"""Parts of one kind before they are merged: reading 200 one-row parts took 0.14 s."""

Event = Trial | EpochRow | TrialRow
"""What a follower sees: a trial started, an epoch, a trial ended."""


class Referee:
    """One study's referee. ``epochs``: a trial's budget, from which the rungs follow. ``clock``: monotonic seconds."""

    def __init__(
        self,
        folder: Path,
        spec: StudySpec,
        space: Space,
        checkpoints: Checkpoints,
        *,
        epochs: int,
        metrics: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
        wait_s: float = 30.0,
    ) -> None:
        self.spec, self.epochs = spec, epochs
        self.objective = spec.objectives[0].metric
        self.ledger = Ledger(folder, kinds=space.kinds, metrics=metrics, wait_s=wait_s)
        self._checkpoints, self._clock = checkpoints, clock
        self._sign = 1.0 if spec.objectives[0].goal == "minimize" else -1.0
        self._pruner = make_pruner(spec.pruner, epochs)
        self._study = Study(spec, space)
        self._live: dict[int, LiveTrial] = {}
        self._ended: dict[int, TrialRow] = {}
        self._buffer: list[EpochRow] = []
        self._events: list[Event] = []
        self._first_event = 0
        self._began = self._flushed = clock()
        self._epochs_here = 0
        self._told_to_stop = False
        self.broken: str | None = None
        self._rebuild(folder)

    def _rebuild(self, folder: Path) -> None:
        self._ended = {row.trial: row for row in trial_rows(folder)}
        for attempt in attempt_rows(folder):
            if attempt.trial not in self._ended:
                trial = Trial(number=attempt.trial, params=attempt.params, seed=attempt.seed, attempt=attempt.attempt)
                self._live[trial.number] = LiveTrial(trial=trial, sign=self._sign, token=FORGOTTEN)
        shown = {number: LiveTrial(trial=_of(row), sign=self._sign) for number, row in self._ended.items()} | self._live
        for row in epoch_rows(folder):
            if row.trial in shown:
                shown[row.trial].take(row, self.objective)
        for live in shown.values():
            live.durable = live.epoch
            # The ledger holds an epoch beyond a rung only after the rung was judged; the rung itself may be unjudged,
            # but what was reached there counts for the others.
            judged = live.epoch + (live.trial.number in self._ended)
            for rung in self._pruner.rungs:
                best = live.best_by(rung)
                if best is not None and rung <= live.epoch:
                    self._pruner.learn(rung, best)
                    live.learnt.add(rung)
                    if rung < judged:
                        live.passed.add(rung)
        self._study.rebuild(self._ended, {number: live.trial for number, live in self._live.items()})
        # Resumed trials get a new attempt when they start, so that an orphaned slot of the last search is fenced off.
        self._waiting = sorted(self._live)

    # -- handing out --------------------------------------------------------------------------------------------------

    @stopping_instead(None)
    def ask(self) -> int | None:
        """The number of the next trial to run: unfinished ones first. None when there is no more to hand out."""
        if self.is_stopping:
            return None
        if self._waiting:
            number = self._waiting.pop(0)
            self._open_attempt(self._live[number])
            self._live[number].token = ""
            return number
        if len(self._ended) + len(self._live) >= self.spec.trials:
            return None
        number, params = self._study.ask()
        live = LiveTrial(trial=Trial(number=number, params=params, seed=self.spec.seed), sign=self._sign)
        self.ledger.append_attempt(live.attempt_row())
        self._live[number] = live
        return number

    @stopping_instead(None)
    def start(self, number: int, token: str) -> Start | None:
        """Opens trial ``number`` for the slot's step ``token``; None if there is nothing left to run in it.

        Another token for a running trial means that its slot died: the next attempt begins, until the trial's attempts
        are spent. Epochs known only to the checkpoint are told first, and every rung among them is judged.
        """
        live = self._live.get(number)
        if live is None:
            return None
        if live.token not in ("", token):
            live.deaths += 1
            if live.deaths >= self.spec.attempts:
                self._end(live, Outcome.CRASHED, f"the slot died {live.deaths} times while it ran this trial")
                return None
            self._open_attempt(live)
        if live.token != token:
            live.token = token
            self._take_off_the_list(number)
            self._events.append(live.trial)
        checkpoint = self._recall(live)
        return Start(trial=live.trial, checkpoint=checkpoint, durable=live.durable) if number in self._live else None

    def _take_off_the_list(self, number: int) -> None:
        """A trial that runs or has ended is not handed out, though a referee that came back had it waiting."""
        self._waiting = [waiting for waiting in self._waiting if waiting != number]

    def _open_attempt(self, live: LiveTrial) -> None:
        live.trial = replace(live.trial, attempt=live.trial.attempt + 1)
        self.ledger.append_attempt(live.attempt_row())

    def _recall(self, live: LiveTrial) -> bytes | None:
        packed = self._checkpoints.newest(live.trial.number)
        if packed is not None:
            try:
                told = self._checkpoints.history(packed, live.trial.attempt)
            except CheckpointError:
                packed, told = None, []
            for row in told:
                if row.epoch not in live.values:
                    self._take(live, row)
        for epoch in sorted(live.values):
            if self._must_stop(live, epoch):
                self._end(live, Outcome.PRUNED)
                break
        return packed

    # -- hearing ------------------------------------------------------------------------------------------------------

    @stopping_instead(Answer(verdict=Verdict.STOP, durable=0))
    def report(self, rows: Sequence[EpochRow], *, last: bool = False, checkpoint: bytes | None = None) -> Answer:
        """Takes a trial's epochs, oldest first, and answers for the newest.

        last: the trial has trained its budget. Rows already known are passed over, so a slot repeats freely what the
        answer's ``durable`` does not cover. A row of an attempt that is no longer the trial's is not taken.
        """
        newest = rows[-1]
        live = self._live.get(newest.trial)
        if live is None:
            return Answer(verdict=_VERDICTS.get(self._outcome(newest.trial), Verdict.STOP), durable=newest.epoch)
        if newest.attempt != live.trial.attempt:
            return Answer(verdict=Verdict.STOP, durable=newest.epoch)
        self._take_off_the_list(newest.trial)
        for row in rows:
            if row.epoch in live.values:
                continue
            self._take(live, row)
            ended = Outcome.DIVERGED if not row.is_finite else None
            if ended is None and self._must_stop(live, row.epoch):
                ended = Outcome.PRUNED
            if ended is not None:
                self._end(live, ended)
                return Answer(verdict=_VERDICTS[ended], durable=row.epoch)
        if last:
            self._end(live, Outcome.COMPLETED)
            return Answer(verdict=Verdict.STOP, durable=newest.epoch)
        if checkpoint is not None:
            self._checkpoints.write(live.trial.number, live.trial.attempt, newest.epoch, checkpoint)
        if self._clock() - self._flushed >= FLUSH_S:
            self._flush()
        return Answer(verdict=Verdict.STOP if self.is_stopping else Verdict.GO_ON, durable=live.durable)

    @stopping_instead(None)
    def fail(self, number: int, attempt: int, outcome: Outcome, error: str) -> None:
        """Ends a trial that died of an error its slot could catch."""
        live = self._live.get(number)
        if live is not None and live.trial.attempt == attempt:
            self._end(live, outcome, error)

    @stopping_instead(None)
    def leave(self, number: int, attempt: int, checkpoint: bytes) -> None:
        """A slot puts a trial down because the search stops; resuming the study runs it first."""
        live = self._live.get(number)
        if live is not None and live.trial.attempt == attempt:
            self._checkpoints.write(number, attempt, live.epoch, checkpoint)
            self._flush()

    def _take(self, live: LiveTrial, row: EpochRow) -> None:
        self._epochs_here += row.epoch not in live.values
        live.take(row, self.objective)
        self._buffer.append(row)
        self._events.append(row)

    def _must_stop(self, live: LiveTrial, epoch: int) -> bool:
        """Judges a rung once. The baseline always goes on, so that there is something whole to compare with."""
        best = live.best_by(epoch)
        if epoch not in self._pruner.rungs or epoch in live.passed or best is None:
            return False
        if epoch not in live.learnt:
            self._pruner.learn(epoch, best)
            live.learnt.add(epoch)
        live.passed.add(epoch)
        return live.trial.number != 0 and self._pruner.judge(epoch, best)

    def _end(self, live: LiveTrial, outcome: Outcome, error: str | None = None) -> None:
        row = live.row(outcome, error)
        self._flush()
        self.ledger.append_trial(row)
        del self._live[row.trial]
        self._take_off_the_list(row.trial)
        self._ended[row.trial] = row
        self._events.append(row)
        self._study.tell(row)
        self._checkpoints.drop(row.trial)

    def _flush(self) -> None:
        if self._buffer:
            self.ledger.append_epochs(self._buffer)
            for row in self._buffer:
                if row.trial in self._live:
                    self._live[row.trial].durable = max(self._live[row.trial].durable, row.epoch)
            self._buffer = []
        self._flushed = self._clock()
        if max(self.ledger.part_counts().values()) > COMPACT_AT:
            self.ledger.compact()

    def _outcome(self, number: int) -> Outcome | None:
        return self._ended[number].outcome if number in self._ended else None

    # -- stopping and being watched -----------------------------------------------------------------------------------

    @property
    def is_stopping(self) -> bool:
        limit = self.spec.time_s
        return (
            self._told_to_stop
            or self.broken is not None
            or (limit is not None and self._clock() - self._began >= limit)
        )

    def stop(self) -> None:
        """Hands out nothing more; every trial in training is told to stop at its next epoch."""
        self._told_to_stop = True

    def close(self) -> None:
        """Commits what is buffered, merges the parts, and gives the ledger up."""
        self._settle()
        self.ledger.close()

    @stopping_instead(None)
    def _settle(self) -> None:
        self._flush()
        self.ledger.compact()

    def follow(self, cursor: int) -> tuple[Snapshot, list[Event], int]:
        """The state of the search, the events since ``cursor`` (0 at first), and the cursor to ask with next.

        Events before ``cursor`` are forgotten: there is one follower.
        """
        del self._events[: max(cursor - self._first_event, 0)]
        self._first_event = max(cursor, self._first_event)
        return self.snapshot(), list(self._events), self._first_event + len(self._events)

    def snapshot(self) -> Snapshot:
        elapsed = self._clock() - self._began
        waiting = set(self._waiting)
        running = [
            live.view(self.epochs) for number, live in self._live.items() if live.token and number not in waiting
        ]
        return Snapshot(
            trials=self.spec.trials,
            outcomes=Counter(row.outcome for row in self._ended.values()),
            running=tuple(running),
            best=best_row(self._ended.values(), self.spec.objectives[0]),
            baseline=self._ended.get(0),
            epochs=self._epochs_here,
            elapsed_s=elapsed,
            left_s=self._left_s(elapsed),
            stopping=self.is_stopping,
            broken=self.broken,
        )

    def _left_s(self, elapsed: float) -> float | None:
        """What is to come of the trials in training and of those to come, over the slots; never past the time limit."""
        limit = None if self.spec.time_s is None else max(self.spec.time_s - elapsed, 0.0)
        if not self._ended:
            return limit
        mean_s = sum(row.wall_s for row in self._ended.values()) / len(self._ended)
        unborn = max(self.spec.trials - len(self._ended) - len(self._live), 0)
        to_come = sum(self._to_come(live, mean_s) for live in self._live.values()) + unborn * mean_s
        left = to_come / min(self.spec.slots, max(len(self._live) + unborn, 1))
        return left if limit is None else min(left, limit)

    def _to_come(self, live: LiveTrial, mean_s: float) -> float:
        """Seconds a trial will take yet: what others took on average, but at least to its next rung or its end."""
        spent = sum(live.wall_s.values())
        if not spent:
            return mean_s
        goal = next((rung for rung in self._pruner.rungs if rung > live.epoch), self.epochs)
        return max(mean_s - spent, (goal - live.epoch) * spent / live.epoch)


_VERDICTS: dict[Outcome | None, Verdict] = {Outcome.PRUNED: Verdict.PRUNED, Outcome.DIVERGED: Verdict.DIVERGED}


def _of(row: TrialRow) -> Trial:
    return Trial(number=row.trial, params=row.params, seed=row.seed, attempt=row.attempt)
