"""A training's figures told to a tracker too, for whoever asks: ``--track http://HOST:5000``, an MLflow server, or
``--track wandb``. Without the flag nobody is told anything.

A tracker is company, never a condition: what is missing or mistyped is refused before the training, and whatever a
tracker does afterwards is said once and ends nothing. TensorBoard's files and ``epochs.parquet`` are written anyway.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from ...errors import UsageError
from ...records import EpochRow, Outcome
from ...training.single import Trained
from ..registry.mlflow import MLflow

FLAG, WANDB, PROJECT = "--track", "wandb", "sparring"
EVERY_S = 1.0
"""Between two calls: an epoch may take less than a call."""
LIMIT_S = 30.0
"""Of one call to MLflow; a training waits so long for a server that is silent, once."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a tracker is told of a training before it begins."""

    name: str
    folder: Path
    """Where the training writes; wandb's own files go there too."""
    config: Mapping[str, object]
    tags: Mapping[str, str]


class Tracker(Protocol):
    """One run at one tracker. Any call may raise whatever its library raises."""

    def begin(self, run: Run) -> None: ...

    def log(self, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None: ...

    def end(self, status: str) -> None:
        """status: FINISHED, FAILED or KILLED."""


@dataclass
class MLflowRun:
    """A run in the experiment ``sparring`` of a server."""

    server: MLflow
    _run: str = ""

    def begin(self, run: Run) -> None:
        self._run, _ = self.server.begin_run(run.name, run.tags, run.config)

    def log(self, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        self.server.log(self._run, steps)

    def end(self, status: str) -> None:
        self.server.end_run(self._run, status)


class WandbRun:
    """A run in the project ``sparring``; wandb's own variables say whose, ``WANDB_MODE=offline`` that files will do."""

    def begin(self, run: Run) -> None:
        # Read at its import: without it wandb tells its makers of its own errors, also offline.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        run.folder.mkdir(parents=True, exist_ok=True)
        # Of the machine, the program, its screen and its repository nothing is told: only figures were asked for.
        settings = wandb.Settings(
            silent=True, console="off", disable_code=True, disable_git=True, x_disable_stats=True, x_disable_meta=True
        )
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT), name=run.name, dir=str(run.folder),
            config={**run.config, **run.tags}, settings=settings,
        )  # fmt: skip

    def log(self, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        for step, figures in steps:
            self._run.log(dict(figures), step=step)

    def end(self, status: str) -> None:
        self._run.finish(exit_code=0 if status == "FINISHED" else 1)


def open_tracker(where: str) -> Tracker:
    """The tracker that ``--track`` names; nobody is told yet. Raises UsageError for what cannot be one."""
    if where != WANDB:
        if "://" not in where:
            raise UsageError(
                f"{FLAG}: wants {WANDB} or an MLflow server's address, such as http://127.0.0.1:5000, but got {where!r}"
            )
        return MLflowRun(MLflow(where, FLAG, LIMIT_S))
    spec = find_spec(WANDB)
    if spec is None or spec.origin is None:  # without one it is a folder of that name, such as wandb leaves behind
        raise UsageError(f"{FLAG} {WANDB}: wandb is not installed; pip install -e '.[wandb]', or leave {FLAG} out")
    return WandbRun()


@dataclass
class Tracking(AbstractContextManager["Tracking"]):
    """Tells several trackers of one training. warn: hears of each that failed, once; it is told nothing more."""

    trackers: Sequence[tuple[str, Tracker]]
    """Each with what the user called it."""
    warn: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    _waiting: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    _told_s: float = 0.0
    _status: str = "KILLED"

    def begin(self, run: Run) -> None:
        """Before the first epoch."""
        self._tell(lambda tracker: tracker.begin(run))

    def epoch(self, row: EpochRow) -> None:
        """One epoch's figures."""
        if self.trackers:
            self._waiting.append((row.epoch, row.metrics))
            if self.clock() - self._told_s >= EVERY_S:
                self._flush()

    def ended(self, trained: Trained) -> None:
        """How it ended, and its figures on the test rows."""
        self._status = "FINISHED" if trained.outcome is Outcome.COMPLETED else "FAILED"
        if trained.best is not None and trained.test:
            self._waiting.append((trained.epochs, trained.test))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tells what waits, and the end: of a training that was cut off, that it was."""
        self._flush()
        self._tell(lambda tracker: tracker.end(self._status))

    def _flush(self) -> None:
        steps, self._waiting = self._waiting, []
        if steps:
            self._tell(lambda tracker: tracker.log(steps))
        self._told_s = self.clock()

    def _tell(self, call: Callable[[Tracker], object]) -> None:
        kept = []
        for name, tracker in self.trackers:
            try:
                call(tracker)
                kept.append((name, tracker))
            except Exception as error:  # wandb's have no class in common, and none is worth a training
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                self.warn(f"{name} is told nothing more, and the training goes on: {reason}")
        self.trackers = kept
