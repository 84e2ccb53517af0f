"""The calls a slot and the driver make. Every one is idempotent: a caller may repeat it after the referee came back.

A trial's life: ``ask`` hands out its number, ``start`` opens an attempt, ``report`` takes its epochs and answers with
a verdict; it ends through ``report`` (completed, pruned, diverged) or ``fail``, or is put down by ``leave`` until the
same study is searched again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointError
from ..ledger import Ledger
from ..ledger.checkpoints import CheckpointFolder
from ..ledger.weights import WeightsFolder
from ..records import Answer, EpochRow, Outcome, Snapshot, Start, StudySpec, Trial, Verdict
from .events import Event, Events
from .journal import Journal
from .pruners import make_pruner
from .rebuild import rebuild
from .rungs import Judge
from .running import LiveTrial
from .sampling.optuna_study import OptunaStudy
from .snapshot import SnapshotBuilder
from .stopping import stopping_instead

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..space import Space


class Referee:
    """One study's referee. ``epochs``: a trial's budget, from which the rungs follow. ``clock``: monotonic seconds.

    weights: where those of the trials that lead are kept; None keeps none.
    """

    def __init__(
        self,
        folder: Path,
        spec: StudySpec,
        space: Space[BaseModel],
        checkpoints: CheckpointFolder,
        *,
        epochs: int,
        metrics: Sequence[str],
        weights: WeightsFolder | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait_s: float = 30.0,
    ) -> None:
        self.spec, self.epochs = spec, epochs
        self.objective = spec.objective.metric
        self.ledger = Ledger(folder, kinds=space.kinds, metrics=metrics, wait_s=wait_s)
        self._checkpoints, self._weights, self._clock = checkpoints, weights, clock
        self._judge = Judge(make_pruner(spec.pruner, epochs))
        self._journal = Journal(self.ledger, clock)
        self._events = Events()
        self._began = self._heard = clock()
        self._epochs_here = 0
        self._must_stop = False
        self._unable: str | None = None
        self._doubts = 0
        self.broken: str | None = None
        self._ended, self._live = rebuild(folder, spec.objectives, self._judge, heard=self._heard)
        if weights is not None:
            weights.keep(self._ended.leaders)  # others were written by a referee that died before it committed the row
        self._snapshots = SnapshotBuilder(spec, self._ended, self._live, rungs=self._judge.rungs, epochs=epochs)
        self.study = OptunaStudy(spec, space)
        self.study.rebuild(self._ended.rows, {number: live.trial for number, live in self._live.items()})
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
        number, params = self.study.ask()
        live = LiveTrial(trial=Trial(number=number, params=params, seed=self.spec.seed), sign=self.spec.objective.sign)
        self.ledger.append_attempt(live.attempt_row())
        self._live[number] = live
        return number

    @stopping_instead(None)
    def start(self, number: int, token: str) -> Start | None:
        """Opens trial ``number`` for the slot's step ``token``; None if there is nothing left to run in it.

        Another token for a running trial means that its slot died: the next attempt begins, until the trial's attempts
        are spent. Epochs that only the checkpoint knows are taken first, and every rung among them is judged. The
        workers of one trial share a token: the first opens the attempt, the others are given the same.
        """
        self._heard = self._clock()
        live = self._live.get(number)
        if live is None:
            return None
        if live.token not in ("", token):
            live.deaths += 1
            if live.deaths >= self.spec.attempts:
                self._end(live, *live.cause_of_death(self._heard, self.spec))
                return None
            self._open_attempt(live)
        if live.token != token:
            live.token = token
            self._take_off_the_list(number)
            self._events.add(live.trial)
        live.heard = self._heard
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
                remembered = self._checkpoints.history(packed, live.trial.attempt)
            except CheckpointError:
                packed, remembered = None, []
            for row in remembered:
                if row.epoch not in live.values:
                    self._take(live, row)
        for epoch in sorted(live.values):
            if self._judge.must_stop(live, epoch):
                self._end(live, Outcome.PRUNED)
                break
        return packed

    # -- hearing ------------------------------------------------------------------------------------------------------

    @stopping_instead(Answer(verdict=Verdict.STOP, durable=0))
    def report(
        self,
        rows: Sequence[EpochRow],
        *,
        last: bool = False,
        checkpoint: bytes | None = None,
        weights: bytes | None = None,
    ) -> Answer:
        """Takes a trial's epochs, oldest first, and answers for the newest.

        last: the trial has trained its budget. weights: those of its best epoch, with the last report; they are kept if
        the trial leads. Rows already known are passed over, so a slot repeats freely what the answer's ``durable`` does
        not cover. A row of an attempt that is no longer the trial's is not taken.
        """
        self._heard, self._doubts = self._clock(), 0
        newest = rows[-1]
        live = self._live.get(newest.trial)
        if live is None:
            outcome = self._ended.outcome(newest.trial)
            return Answer(verdict=_VERDICTS.get(outcome, Verdict.STOP), durable=newest.epoch)
        if newest.attempt != live.trial.attempt:
            return Answer(verdict=Verdict.STOP, durable=newest.epoch)
        live.heard = self._heard
        self._take_off_the_list(newest.trial)
        for row in rows:
            if row.epoch in live.values:
                continue
            self._take(live, row)
            if not row.is_finite or self._judge.must_stop(live, row.epoch):
                ended = Outcome.PRUNED if row.is_finite else Outcome.DIVERGED
                self._end(live, ended)
                return Answer(verdict=_VERDICTS[ended], durable=row.epoch)
        if last:
            self._end(live, Outcome.COMPLETED, weights=weights)
            return Answer(verdict=Verdict.STOP, durable=newest.epoch)
        if checkpoint is not None:
            self._checkpoints.write(live.trial.number, live.trial.attempt, newest.epoch, checkpoint)
        if self._journal.is_due:
            self.flush()
        return Answer(verdict=Verdict.STOP if self.is_stopping else Verdict.GO_ON, durable=live.durable)

    @stopping_instead(None)
    def fail(self, number: int, attempt: int, outcome: Outcome, error: str) -> None:
        """Ends a trial that died of an error its slot could catch."""
        self._heard = self._clock()
        live = self._live.get(number)
        if live is not None and live.trial.attempt == attempt:
            self._end(live, outcome, error)

    @stopping_instead(None)
    def leave(self, number: int, attempt: int, checkpoint: bytes) -> None:
        """A slot puts a trial down because the search stops; resuming the study runs it first."""
        self._heard = self._clock()
        live = self._live.get(number)
        if live is not None and live.trial.attempt == attempt:
            self._checkpoints.write(number, attempt, live.epoch, checkpoint)
            self.flush()

    def _take(self, live: LiveTrial, row: EpochRow) -> None:
        self._epochs_here += 1
        live.take(row, self.objective)
        self._journal.take(row)
        self._events.add(row)

    def _end(
        self, live: LiveTrial, outcome: Outcome, error: str | None = None, *, weights: bytes | None = None
    ) -> None:
        row = live.row(outcome, error)
        leads = self._ended.would_lead(row)
        self.flush()
        if leads and weights is not None and self._weights is not None:
            self._weights.write(row.trial, weights)  # before the row: whoever leads in the ledger has its weights
        self.ledger.append_trial(row)
        del self._live[row.trial]
        self._take_off_the_list(row.trial)
        self._ended.add(row)
        if leads and self._weights is not None:
            self._weights.keep(self._ended.leaders)
        self._events.add(row)
        self.study.tell(row)
        self._checkpoints.drop(row.trial)

    def flush(self) -> None:
        """Commits the epochs that were told since the last commit."""
        for row in self._journal.flush():
            if row.trial in self._live:
                self._live[row.trial].durable = max(self._live[row.trial].durable, row.epoch)

    # -- stopping and being watched -----------------------------------------------------------------------------------

    @property
    def is_stopping(self) -> bool:
        late = self.spec.time_s is not None and self._clock() - self._began >= self.spec.time_s
        return self._must_stop or self.broken is not None or late

    def give_up(self, reason: str, *, is_certain: bool = True) -> None:
        """A slot cannot train at all, whatever the trial: the search stops and says why. The first reason counts.

        If that is not certain, such as when a port was taken, it is forgiven as often as there are slots; the count
        begins anew with the next epoch that any trial reports.
        """
        self._doubts += not is_certain
        if not is_certain and self._doubts <= self.spec.slots:
            return
        self._must_stop = True
        self._unable = self._unable or reason

    def close(self) -> None:
        """Commits what is buffered, merges the parts, and gives the ledger up."""
        self._settle()
        self.ledger.close()

    @stopping_instead(None)
    def _settle(self) -> None:
        self.flush()
        self.ledger.compact()

    def follow(
        self, cursor: int, *, is_over: bool = False, elapsed_s: float = 0.0
    ) -> tuple[Snapshot, list[Event], int]:
        """The state of the search, the events since ``cursor`` (0 at first) for one follower, and the next cursor.

        is_over: the user wants the search to end. Nothing more is handed out, and every trial in training is told to
        stop at its next epoch. elapsed_s: what the last snapshot said. Both are repeated with every call, because a
        referee that came back knows neither.
        """
        self._must_stop |= is_over
        self._began = min(self._began, self._clock() - elapsed_s)
        return self.snapshot(), *self._events.since(cursor)

    def snapshot(self) -> Snapshot:
        """The state of the search."""
        now = self._clock()
        return self._snapshots.snapshot(
            waiting=set(self._waiting),
            epochs=self._epochs_here,
            elapsed_s=now - self._began,
            silent_s=now - self._heard,
            stopping=self.is_stopping,
            broken=self.broken or self._unable,
        )


_VERDICTS: dict[Outcome | None, Verdict] = {Outcome.PRUNED: Verdict.PRUNED, Outcome.DIVERGED: Verdict.DIVERGED}
