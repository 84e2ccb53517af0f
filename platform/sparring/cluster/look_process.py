"""Processes of our own beside the end of a search: its driver imports neither torch nor scikit-learn.

The look at the test rows starts once a slot has nothing more to do, so that torch and the data are loaded while the
last trials end, or else while Ray shuts down. The driver holds the study's lock meanwhile. What is measured
aside is of a module that who calls names, for this room does not know it: the yardsticks of ``report``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from types import TracebackType

from rich.console import Console

from ..ledger import read_looks
from ..models.own import allowed
from ..records import Snapshot, StudySpec
from ..study import Study, is_complete
from ..study.budget import exhaustion
from ..study.look import is_due
from .watch import open_board

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from importlib import import_module; "
    "sys.exit(import_module(sys.argv[2]).main(*sys.argv[3:]))"
)
"""Imports from where this process does: the package need not be installed."""


def start_child(module: str, model: str, *arguments: str) -> subprocess.Popen[str]:
    """Runs ``main(*arguments)`` of a module; its result is the exit code.

    On its standard input stands the model as ``OwnModel.to_json`` wrote it if it is the user's own, else nothing; the
    line ends, the input does not.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, json.dumps(sys.path), module, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    own = allowed(model)
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already, and says why
        process.stdin.write("\n" if own is None else f"{own.to_json()}\n")
        process.stdin.flush()
    return process


class Aside:
    """A context manager, whose process ends with it if it was begun. module: one with a ``main(folder)``, or empty."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[str] | None = None

    def begin(self, study: Study) -> None:
        """Starts measuring. The search is over: every trial has ended, and processors fall idle."""
        if self._module:
            self._process = start_child(self._module, study.spec.model, str(study.folder))

    def finish(self, patience_s: float) -> str:
        """What it prints once the test rows have been looked at; empty if it is not there after ``patience_s``."""
        if self._process is None:
            return ""
        try:
            said, _ = self._process.communicate(timeout=patience_s)  # and ends its input: the look is over
        except subprocess.TimeoutExpired:
            return ""
        return said.strip() if self._process.returncode == 0 else ""

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


class LookProcess:
    """One look; ``finish`` waits for it. It does not begin before ``go``."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._process = start_child("sparring.study.look", study.spec.model, str(study.folder))

    def go(self) -> None:
        """The study has ended: its winner may be scored."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended already; finish says why
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def give_up(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()

    def finish(self, console: Console) -> None:
        """Waits until the figures are in the ledger and for TensorBoard; says why if they could not be had.

        Ctrl-C gives them up.
        """
        try:
            _, complaint = self._process.communicate()
        except BaseException:
            self.give_up()
            raise
        if self._process.returncode == 0:
            board = open_board(self._study, console.print)
            board.look(read_looks(self._study.folder)[-1])
            return
        reason = (complaint.strip().splitlines() or ["its process was ended"])[-1]
        rows = len(self._study.split.test)
        console.print(
            f"The {rows:,} test rows were not looked at: {reason}; the same command again looks.",
            style="yellow", soft_wrap=True, markup=False, highlight=False,
        )  # fmt: skip


class LookAhead:
    """Starts the look's process before the search has ended; a context manager, with which one that waits ends."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._waiting: LookProcess | None = None

    def see(self, snapshot: Snapshot) -> None:
        """The search as it is now."""
        if self._waiting is None and len(self._study.split.test) and is_ending(snapshot, self._study.spec):
            self._waiting = LookProcess(self._study)

    def begin(self) -> LookProcess | None:
        """Looks if the study has ended, or its space is exhausted, and trials have ended since the last look."""
        if not (has_ended(self._study) and is_due(self._study)):
            return None
        process, self._waiting = self._waiting or LookProcess(self._study), None
        process.go()
        return process

    def cancel(self) -> None:
        """Ends a process that waits: it would wait long."""
        if self._waiting is not None:
            self._waiting.give_up()
            self._waiting = None

    def __enter__(self) -> LookAhead:
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()


def begin_look(study: Study) -> LookProcess | None:
    """``LookAhead.begin`` where no search runs."""
    return LookAhead(study).begin()


def is_ending(snapshot: Snapshot, spec: StudySpec) -> bool:
    """Is a slot idle for good? Either the seconds are spent or every trial has begun."""
    is_spent = snapshot.train_limit_s is not None and snapshot.trained_s >= snapshot.train_limit_s
    begun = snapshot.finished + len(snapshot.running) + snapshot.paused
    are_begun = snapshot.trials is not None and begun >= snapshot.trials
    return snapshot.epochs > 0 and len(snapshot.running) < spec.slots and (is_spent or are_begun)


def has_ended(study: Study) -> bool:
    """Is the budget spent, or is there nothing more to try?"""
    return is_complete(study) or exhaustion(study.folder, study.space) is not None
