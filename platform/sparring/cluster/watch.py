"""What the driver shows of a running search: the live view, and TensorBoard's files, both from the referee's events."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from rich.console import Console

from ..display import LiveView
from ..display.tensorboard import Board
from ..ledger import attempt_rows, epoch_rows, read_looks, trial_rows
from ..ledger.mirror import Mirror
from ..records import EpochRow, Snapshot, Trial, TrialRow
from ..referee.events import Event
from ..study import Study
from .metering.gauges import Gauges
from .metering.series import Reading


def open_board(study: Study, warn: Callable[[str], object]) -> Board:
    """TensorBoard's files of a study, the figures of looks at its test rows among them. warn: hears of a full disk."""
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

    find_dashboard: the address of Ray's, empty while it starts.
    """

    def __init__(
        self, study: Study, console: Console, find_dashboard: Callable[[], str], mirror: Mirror | None = None
    ) -> None:
        spec = study.spec
        self._find_dashboard, self._mirror = find_dashboard, mirror
        self._shown_problem: str | None = None
        self._folder = study.folder
        self.view = LiveView(
            console,
            title=f"{spec.name} · {spec.model} on {spec.dataset}",
            objective=spec.objective,
            results=str(study.folder),
            tensorboard=f"tensorboard --logdir {study.folder / 'tensorboard'}",
        )
        self.board = open_board(study, self.view.note)
        self._gauges = Gauges(spec.name)
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
        if not self.view.dashboard and (dashboard := self._find_dashboard()):
            self.view.dashboard = dashboard
            self.view.note(f"Ray dashboard: {dashboard}   (token: `ray get-auth-token`)")
        problem = self._mirror.problem if self._mirror is not None else None
        if problem is not None and problem != self._shown_problem:
            self.view.note(problem)
        self._shown_problem = problem
        self._gauges.show(self._readings)
        self.view.update(snapshot, [event for event in events if isinstance(event, TrialRow)])

    def _readings(self) -> Iterator[Reading]:
        """What only the driver's process knows."""
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
