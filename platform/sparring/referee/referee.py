"""The calls a slot and the driver make. Every one is idempotent: a caller may repeat it after the referee came back.

A trial's life: ``ask`` hands out its number, ``start`` opens an attempt, ``report`` takes its epochs and answers with
a verdict; it ends through ``report`` (completed, diverged, collapsed) or ``fail``, or is put down by ``leave``: paused
at a rung until its turn comes again, or until the same study is searched again. Whoever is paused when a search has
spent its budget ends as pruned. Requests from outside (``ledger.inbox``) are heard at ``ask``, ``report`` and
``follow``: a trial put in line runs next, whatever the budget, and one that is to stop ends at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..ledger.checkpoints import CheckpointFolder
from ..ledger.weights import WeightsFolder
from ..records import WAIT, Answer, EpochRow, Outcome, Snapshot, Start, StudySpec, Verdict
from .alike import common_error
from .ended import VERDICTS
from .events import Event
from .order import Order
from .pruners import make_pruner
from .rungs import Judge
from .running import Turn
from .snapshot import SnapshotBuilder
from .stopping import stopping_instead
from .trials import Trials

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..space import Space

SLOT_DIED = "slot_died"
"""Why an attempt was lost of which its slot said nothing; others are lost for an outcome."""


class Referee:
    """One study's referee. ``epochs``: a trial's budget, from which the rungs follow. ``clock``: monotonic seconds.

    weights: where those of the trials that lead, and of the default, are kept; None keeps none.
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
        self.spec, self.epochs, self._clock = spec, epochs, clock
        self._heard = clock()
        self._must_stop = False
        self._unable: str | None = None
        self._doubts = 0
        self.broken: str | None = None
        self.lost = dict.fromkeys((SLOT_DIED, Outcome.CRASHED, Outcome.OUT_OF_MEMORY, Outcome.INFEASIBLE), 0)
        """Attempts that came to nothing since this was made, by cause."""
        self._known = space.first
        self._judge = Judge(make_pruner(spec.pruner, epochs, space.rungs), sheltered=space.first)
        self.trials = Trials(
            folder, spec, space, checkpoints, self._judge, epochs=epochs, metrics=metrics, weights=weights, clock=clock,
            wait_s=wait_s,
        )  # fmt: skip
        ended, live, spending = self.trials.ended, self.trials.live, self.trials.spending
        self._order, self._spending = Order(spec, live, self._judge, spending, epochs), spending
        self._snapshots = SnapshotBuilder(
            spec, space, ended, live, spending, queued=self.trials.queued, judge=self._judge, epochs=epochs
        )

    # -- handing out --------------------------------------------------------------------------------------------------

    @stopping_instead(None)
    def ask(self) -> int | None:
        """The number of the next trial to run; WAIT while that depends on those that run; None if nothing is left."""
        self.trials.stop_asked()
        if self.is_stopping:
            return None
        while (waiting := self._order.waiting()) is not None:
            if not self._judge.must_pause(waiting):
                return self.trials.hand_out(waiting)
            self.trials.pause(waiting)
        is_known = self.trials.begun < self._known
        if not is_known and (queued := self.trials.begin_queued()) is not None:
            return queued
        if (live := self._order.promoted()) is not None:
            return self.trials.hand_out(live)
        begun = self.trials.begun
        may_begin = (is_known or not self.trials.study.exhausted) and self._order.may_begin(begun, is_known=is_known)
        if may_begin and (is_known or self._order.has_time):
            return self.trials.begin()
        if (live := self._order.thawed()) is not None:
            return self.trials.hand_out(live)
        if may_begin:  # the time limit will cut it off; it goes on when the study is resumed
            return self.trials.begin()
        if self._order.running:
            return WAIT
        for live in self._order.paused:
            self.trials.end(live, Outcome.PRUNED)
        return None

    @stopping_instead(None)
    def start(self, number: int, token: str) -> Start | None:
        """Opens trial ``number`` for the slot's step ``token``; None if there is nothing left to run in it.

        Another token for a running trial means that its slot died: the next attempt begins, until the trial's attempts
        are spent. Epochs that only the checkpoint knows are taken first, and every rung among them is judged. The
        workers of one trial share a token: the first opens the attempt, the others are given the same.
        """
        self._heard = self._clock()
        live = self.trials.live.get(number)
        if live is None:
            return None
        if live.turn in (Turn.PAUSING, Turn.PAUSED):  # its slot died after it was told to leave the trial
            if live.turn is Turn.PAUSING:
                live.stopwatch.lose(self._heard)
            self.trials.pause(live)
            return None
        if live.token not in ("", token):
            live.deaths += 1
            self.lost[SLOT_DIED] += 1
            if live.deaths >= self.spec.attempts:
                self.trials.recall(live)
                live.stopwatch.lose(self._heard)
                self.trials.end(live, *live.cause_of_death(self._heard, self.spec))
                return None
            self.trials.open_attempt(live)
        if live.token != token:
            live.stopwatch.start(self._heard)
            live.token, live.turn = token, Turn.RUNNING
            self.trials.events.add(live.trial)
        live.heard = self._heard
        checkpoint = self.trials.recall(live)
        if self._judge.must_pause(live):
            self.trials.pause(live)
            return None
        return Start(trial=live.trial, checkpoint=checkpoint, durable=live.durable)

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
        the trial leads or is the default. Rows already known are passed over: a slot repeats freely what the answer's
        ``durable`` does not cover. A row of an attempt that is no longer the trial's is not taken.
        """
        self._heard, self._doubts = self._clock(), 0
        self.trials.stop_asked()
        newest = rows[-1]
        live = self.trials.live.get(newest.trial)
        if live is None:
            return Answer(verdict=self.trials.ended.verdict(newest.trial), durable=newest.epoch)
        if newest.attempt != live.trial.attempt:
            return Answer(verdict=Verdict.STOP, durable=newest.epoch)
        live.heard = self._heard
        live.stopwatch.report(self._heard, newest.wall_s, is_repeated=newest.epoch in live.values)
        if live.turn is Turn.WAITING:  # its slot has it still; the referee alone came back
            live.turn = Turn.RUNNING
        sickness = self.trials.take(live, rows)
        if sickness is not None:
            self.trials.end(live, sickness.outcome, sickness.reason)
            return Answer(verdict=VERDICTS[sickness.outcome], durable=live.epoch)
        fails = self._judge.must_pause(live)  # also of a trial at its end: the others are compared with what it reached
        if last:
            self._judge.complete(live)
            self.trials.end(live, Outcome.COMPLETED, weights=weights)
            return Answer(verdict=Verdict.STOP, durable=newest.epoch)
        if live.turn is Turn.PAUSING or fails or (self._spending.is_spent and not self._judge.must_finish(live)):
            live.turn = Turn.PAUSING
            return Answer(verdict=Verdict.PAUSE, durable=live.durable)
        if checkpoint is not None:
            self.trials.keep(live, newest.epoch, checkpoint)
        if self.trials.journal.is_due:
            self.trials.flush()
        return Answer(verdict=Verdict.STOP if self.is_stopping else Verdict.GO_ON, durable=live.durable)

    @stopping_instead(None)
    def fail(self, number: int, attempt: int, outcome: Outcome, error: str, *, rows: Sequence[EpochRow] = ()) -> None:
        """Ends a trial that died of an error its slot could catch; and the search, if all did so (``alike.py``).

        rows: all epochs that it has trained, oldest first. A referee that has died since may have heard some of them
        and not committed them; of a trial that could not be built the checkpoint alone knows them.
        """
        self._heard = self._clock()
        live = self.trials.live.get(number)
        if live is not None and live.trial.attempt == attempt:
            self.trials.recall(live)
            self.trials.take(live, rows)
            live.stopwatch.lose(self._heard)
            self.lost[outcome] = self.lost.get(outcome, 0) + 1
            self.trials.end(live, outcome, error)
            if not any(other.epoch for other in self.trials.live.values()):
                self._must_stop |= common_error(self.trials.ended.rows.values()) is not None

    @stopping_instead(None)
    def leave(self, number: int, attempt: int, checkpoint: bytes) -> None:
        """A slot puts a trial down, because it is paused or because the search stops; then resuming runs it first."""
        self._heard = self._clock()
        live = self.trials.live.get(number)
        if live is None or live.trial.attempt != attempt:
            return
        self.trials.keep(live, live.epoch, checkpoint)
        live.stopwatch.leave(self._heard)
        self.trials.flush()
        if live.turn is Turn.PAUSING:
            self.trials.pause(live)
            for worst in self._order.surplus():
                self.trials.end(worst, Outcome.PRUNED)

    # -- stopping and being watched -----------------------------------------------------------------------------------

    @property
    def rungs(self) -> Sequence[int]:
        """Epochs at which trials are judged, ascending."""
        return self._judge.rungs

    @property
    def is_stopping(self) -> bool:
        return self._must_stop or self.broken is not None or self._spending.is_late

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
        self.trials.ledger.close()

    @stopping_instead(None)
    def _settle(self) -> None:
        self.trials.flush()
        self.trials.ledger.compact()

    def follow(
        self, cursor: int, *, is_over: bool = False, elapsed_s: float = 0.0
    ) -> tuple[Snapshot, list[Event], int]:
        """The state of the search, the events since ``cursor`` (0 at first) for one follower, and the next cursor.

        is_over: the user wants the search to end. Nothing more is handed out, and every trial in training is told to
        stop at its next epoch. elapsed_s: what the last snapshot said. Both are repeated with every call, because a
        referee that came back knows neither.
        """
        self._must_stop |= is_over
        self._spending.began = min(self._spending.began, self._clock() - elapsed_s)
        self._hear()
        return self.snapshot(), *self.trials.events.since(cursor)

    @stopping_instead(None)
    def _hear(self) -> None:
        """Ends what somebody has asked to end, also while no trial reports."""
        self.trials.stop_asked()

    def snapshot(self) -> Snapshot:
        """The state of the search."""
        return self._snapshots.snapshot(
            epochs=self.trials.epochs_here,
            silent_s=self._clock() - self._heard,
            stopping=self.is_stopping,
            torn=self.trials.ledger.torn + self.trials.inbox.torn,
            broken=self.broken or self._unable,
        )
