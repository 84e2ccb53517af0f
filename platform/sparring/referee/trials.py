"""The study's trials: begun, taken up again, put down, ended. What each of these leaves behind is written here.

That is the ledger's rows, checkpoints, the leaders' weights, what the sampler is shown and what a follower hears. Who
runs next and who pauses is decided in ``referee.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..ledger import Ledger, attempt_rows, refit_trials
from ..ledger.checkpoints import CheckpointFolder
from ..ledger.effort import read_effort
from ..ledger.health import Sickness, diagnose
from ..ledger.inbox import Inbox
from ..ledger.study_json import study_digest
from ..ledger.weights import WeightsFolder
from ..records import QUEUED, EpochRow, Outcome, StudySpec, Value
from .events import Events
from .journal import Journal
from .rebuild import rebuild
from .recovery import restore_attempts
from .rungs import Judge
from .running import LiveTrial, Turn
from .sampling.optuna_study import OptunaStudy
from .spending import Spending

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..space import Space


BY_HAND = "stopped by hand"
"""The reason in the ledger of a trial that somebody has stopped."""


class Trials:
    """All trials of one study, from its ledger on. Parameters as the Referee's.

    judge: it is told what the trials of the ledger had reached at the rungs.
    """

    def __init__(
        self,
        folder: Path,
        spec: StudySpec,
        space: Space[BaseModel],
        checkpoints: CheckpointFolder,
        judge: Judge,
        *,
        epochs: int,
        metrics: Sequence[str],
        weights: WeightsFolder | None,
        clock: Callable[[], float],
        wait_s: float,
    ) -> None:
        self._spec, self._checkpoints, self._weights, self._clock = spec, checkpoints, weights, clock
        self.ledger = Ledger(folder, kinds=space.kinds, metrics=metrics, wait_s=wait_s)
        self.journal = Journal(self.ledger, clock)
        self.events = Events()
        self.inbox = Inbox(folder)
        self.epochs_here = 0
        """Epochs of all trials since this was made."""
        self._digest = study_digest(folder)
        self.study = OptunaStudy(spec, space)
        restore_attempts(folder, self.ledger, checkpoints, spec, self.study.given, self._digest)
        self.ended, self.live = rebuild(folder, spec, judge, heard=clock(), study=self._digest)
        self.spending = Spending(spec, clock, read_effort(folder, spec), epochs)
        self._refit = refit_trials(folder)
        self._drop_weights()  # others were written by a referee that died before it committed the row
        sources = {attempt.trial: attempt.source for attempt in attempt_rows(folder)}
        self.queued = {number for number, source in sources.items() if source == QUEUED}
        """Trials that somebody has put in line by hand."""
        self.study.rebuild(self.ended.rows, {number: live.trial for number, live in self.live.items()}, sources)

    @property
    def begun(self) -> int:
        """How many have begun, ended or not."""
        return len(self.ended) + len(self.live)

    def begin(self, queued: Mapping[str, Value] | None = None) -> int:
        """A new trial, drawn by the sampler or of the values that somebody has put in line: its number."""
        live = LiveTrial(trial=replace(self.study.ask(queued), study=self._digest), objectives=self._spec.objectives)
        number = live.trial.number
        self.ledger.append_attempt(live.attempt_row())
        self.live[number] = live
        if queued is not None:
            self.queued.add(number)
        live.stopwatch.hand_out(self._clock())
        return number

    def begin_queued(self) -> int | None:
        """The trial that somebody has put in line first, begun: its number; None if there is none.

        The request goes once the attempt is in the ledger. Killed between the two, the next referee finds a request for
        values that have been tried, and does not try them again.
        """
        for request in self.inbox.waiting():
            if request.params is None:
                continue
            if (broken := self.study.refusal(request.params)) is not None:
                self.inbox.set_aside(request.name, broken)
                continue
            number = None if self.study.has_tried(request.params) else self.begin(request.params)
            self.inbox.remove(request)
            if number is not None:
                return number
        return None

    def stop_asked(self) -> None:
        """Ends the trials that somebody has asked to end, and sets aside what is no request."""
        for name, reason in self.inbox.strays().items():
            self.inbox.set_aside(name, reason)
        for request in self.inbox.waiting():
            if request.stop is None:
                continue
            if (live := self.live.get(request.stop)) is not None:
                if live.turn in (Turn.RUNNING, Turn.PAUSING) and live.token:
                    live.stopwatch.lose(self._clock())
                self.end(live, Outcome.STOPPED, BY_HAND)
            self.inbox.remove(request)

    def hand_out(self, live: LiveTrial) -> int:
        """Takes up a trial that was put down, in an attempt of its own: its number."""
        self.open_attempt(live)
        live.token, live.turn = "", Turn.RUNNING
        live.stopwatch.hand_out(self._clock())
        return live.trial.number

    def open_attempt(self, live: LiveTrial) -> None:
        """The trial's next attempt: an orphaned slot of the one before is fenced off."""
        live.trial = replace(live.trial, attempt=live.trial.attempt + 1)
        self.ledger.append_attempt(live.attempt_row())

    def recall(self, live: LiveTrial) -> bytes | None:
        """The checkpoint that the trial goes on from; epochs that it alone knows are taken. None if there is none."""
        recalled = self._checkpoints.recall(live.trial)
        if recalled is None:
            return None
        packed, remembered = recalled
        self.take(live, remembered)
        return packed

    def take(self, live: LiveTrial, rows: Sequence[EpochRow]) -> Sickness | None:
        """Remembers epochs that are not known yet, up to one after which the trial is to end; why, if there is one.

        A referee that died between committing a sick epoch and its trial's end leaves a trial that is sick already.
        """
        for row in rows:
            if live.latest and (sickness := diagnose(tuple(live.latest))) is not None:
                return sickness
            if row.epoch in live.values:
                continue
            self.epochs_here += 1
            live.take(row, self.spending.take(row))
            self.journal.take(row)
            self.events.add(row)
        return diagnose(tuple(live.latest)) if live.latest else None

    def keep(self, live: LiveTrial, epoch: int, checkpoint: bytes) -> None:
        """Keeps a checkpoint that holds the trial as it was after ``epoch``."""
        self._checkpoints.write(live.trial.number, live.trial.attempt, epoch, checkpoint)

    def pause(self, live: LiveTrial) -> None:
        """Its turn will come again, or never."""
        live.turn = Turn.PAUSED
        reached = live.reached(live.epoch)
        if reached is not None:
            signs = [objective.sign for objective in self._spec.objectives]
            values = [sign * figure for sign, figure in zip(signs, reached.figures, strict=True)]
            self.study.show_paused(live.trial.number, values, live.epoch)

    def end(self, live: LiveTrial, outcome: Outcome, error: str | None = None, *, weights: bytes | None = None) -> None:
        """Ends a trial for good. weights: those of its best epoch, kept if it leads or is the default."""
        row = live.row(outcome, error)
        is_kept = self.ended.would_be_kept(row)
        self.flush()
        if is_kept and weights is not None and self._weights is not None:
            self._weights.write(row.trial, weights)  # before the row: whoever leads in the ledger has its weights
        self.ledger.append_trial(row)
        del self.live[row.trial]
        self.ended.add(row)
        if is_kept:
            self._drop_weights()
        self.events.add(row)
        self.study.tell(row)
        self._checkpoints.drop(row.trial)

    def _drop_weights(self) -> None:
        """Keeps the weights of those that lead, of the default, and of winners by an earlier race."""
        if self._weights is not None:
            self._weights.keep({*self.ended.kept, *self._refit})

    def flush(self) -> None:
        """Commits the epochs that were told since the last commit."""
        for row in self.journal.flush():
            if row.trial in self.live:
                self.live[row.trial].durable = max(self.live[row.trial].durable, row.epoch)
