"""What the driver shows of a running search: the live view, and TensorBoard's files, both from the referee's events."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console

from ..display import open_view
from ..errors import SparringError
from ..ledger import attempt_rows, epoch_rows, read_looks, trial_rows
from ..ledger.mirror import Mirror
from ..ledger.yardsticks import known_rival
from ..records import EpochRow, Snapshot, Trial, TrialRow
from ..referee.events import Event
from ..study import Study
from ..study.claim import claim_so_far
from ..study.conclusion.known import known_sigma
from .metering.gauges import Gauges
from .metering.series import Reading

if TYPE_CHECKING:
    from ..display.tensorboard import Board

CLAIM_S = 5.0
"""Seconds at least between two looks at what may be claimed."""


def open_board(study: Study, warn: Callable[[str], object]) -> Board:
    """TensorBoard's files of a study, the figures of looks at its test rows among them. warn: hears of a full disk."""
    from ..display.tensorboard import Board  # half a second to import, which ``connect`` does while Ray starts

    return Board(
        study.folder,
        dimensions=study.space.dimensions,
        metrics=study.config_class.emitted(),
        objective=study.spec.objective,
        tested=tuple(dict.fromkeys(name for look in read_looks(study.folder) for name in look.winner)),
        warn=warn,
    )


class Watcher:
    """Draws snapshots and writes event files; a context manager. Trials begun earlier are replayed from the ledger.

    dashboard: the address of Ray's. see: who else looks at the search.
    """

    def __init__(
        self,
        study: Study,
        console: Console,
        dashboard: str,
        mirror: Mirror | None = None,
        see: Callable[[Snapshot], object] = lambda _: None,
    ) -> None:
        spec = study.spec
        self._dashboard, self._mirror, self._see, self._spec = dashboard, mirror, see, spec
        self._shown_problem: str | None = None
        self._folder = study.folder
        self.view = open_view(
            console,
            title=f"{spec.name} · {spec.model} on {spec.dataset}",
            objective=spec.objective,
            results=str(study.folder),
            tensorboard=f"tensorboard --logdir {study.folder / 'tensorboard'}",
        )
        self.view.findings.rival = known_rival(study.folder, spec, study.identity())
        self.board = open_board(study, self.view.note)
        self._gauges = Gauges(spec.name)
        self._claim_due, self._claimed = 0.0, -1
        self._replay()

    def _replay(self) -> None:
        """Trials that ended or were in training when an earlier search stopped watching."""
        missing = {row.trial: row for row in trial_rows(self._folder) if not self.board.is_complete(row.trial)}
        ended = {row.trial for row in trial_rows(self._folder)} - missing.keys()
        begun = {row.trial: row for row in attempt_rows(self._folder) if row.trial not in ended}
        epochs: dict[int, list[EpochRow]] = defaultdict(list)
        for row in epoch_rows(self._folder, begun) if begun else []:
            epochs[row.trial].append(row)
        for number, begin in begun.items():
            self.board.start(Trial(number=number, params=begin.params, seed=begin.seed, attempt=begin.attempt))
            for row in sorted(epochs[number], key=lambda row: row.epoch):
                self.board.epoch(row)
            if number in missing:
                self.board.end(missing[number])

    def show(self, snapshot: Snapshot, events: Sequence[Event]) -> None:
        """Draws the search as it is now, and writes down what happened since the last call."""
        for event in events:
            if isinstance(event, Trial):
                self.board.start(event)
            elif isinstance(event, EpochRow):
                self.board.epoch(event)
            else:
                self.board.end(event)
        links = self.view.findings.links
        if not links["ray dashboard"]:
            links["ray dashboard"] = self._dashboard
            self.view.note(f"Ray dashboard: {self._dashboard}   (token: `ray get-auth-token`)")
        problem = self._mirror.problem if self._mirror is not None else None
        if problem is not None and problem != self._shown_problem:
            self.view.note(problem)
        self._shown_problem = problem
        self._gauges.show(self._readings)
        self._claim(snapshot)
        self._see(snapshot)
        self.view.update(snapshot, [event for event in events if isinstance(event, TrialRow)])

    def _claim(self, snapshot: Snapshot) -> None:
        """What may be said so far, when another trial has ended; it takes at most a hundredth of the driver's time."""
        began = time.monotonic()
        if snapshot.finished == self._claimed or began < self._claim_due:
            return
        self._claimed = snapshot.finished
        with suppress(SparringError):  # a part that is torn; the search's end says so
            self.view.findings.claim = claim_so_far(self._folder)
        self._claim_due = time.monotonic() + max(CLAIM_S, 100 * (time.monotonic() - began))

    def _readings(self) -> Iterator[Reading]:
        """What only the driver's process knows."""
        for state in ("ended", "to_go"):
            yield Reading("sparring_retrainings", 0, {"state": state})
        if (sigma := known_sigma(self._spec)) is not None:
            yield Reading("sparring_noise", sigma, {"of": "system"})
        if (rival := self.view.findings.rival) is not None:
            of = {"metric": self._spec.objective.metric, "yardstick": rival[0]}
            yield Reading("sparring_objective_yardstick", rival[1], of)
        if self._mirror is not None:
            yield Reading("sparring_mirror_behind_seconds", time.monotonic() - self._mirror.whole_at)

    def __enter__(self) -> Watcher:
        self.view.__enter__()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.view.__exit__(error_type, error, traceback)
        self.board.close()
