"""The referee as a Ray actor: no CPU of its own, on the driver's node, back from the ledger if it dies."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import ray
from pydantic import BaseModel
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..errors import LedgerError, SparringError
from ..ledger.checkpoints import CHECKPOINTS, CheckpointFolder
from ..ledger.weights import WEIGHTS, WeightsFolder
from ..records import Answer, EpochRow, Outcome, Snapshot, Start, StudySpec, Verdict
from ..referee.events import Event
from ..space import Space
from .metering.gauges import Gauges

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorClass

    from ..referee.referee import Referee

R = TypeVar("R")


class RefereeActor:
    """A Referee in a process of its own; by this name the dashboard shows it.

    Whoever holds its handle imports this module, slots and the driver too: Ray asks the class for its methods. So the
    referee, and Optuna with it, is imported where it is made.

    If the study cannot be opened, ``follow`` raises the reason to the driver, and slots are told that there is nothing
    left to run. Raising it in the constructor would only show as a dead actor.
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
    ) -> None:
        from ..referee.referee import Referee
        from .metering.readings import Readings

        self._referee: Referee | None = None
        self._closed_by: SparringError | None = None
        self._study = spec.name
        self._gauges, self._answer_s = Gauges(spec.name), deque[float](maxlen=1000)
        try:
            self._referee = Referee(
                folder, spec, space, checkpoints, epochs=epochs, metrics=metrics, weights=weights
            )  # fmt: skip
        except Exception as error:  # a mistake of ours too: the driver raises it, where the user sees it
            if not isinstance(error, SparringError):
                error = LedgerError(f"{folder}: the study cannot be opened: {error!r}")
            self._closed_by = error
            return
        with self._gauges.tolerating():
            self._readings = Readings(self._referee, self._answer_s)

    def __repr__(self) -> str:
        """What Ray's list of actors calls it."""
        return f"Referee of {self._study}"

    def ask(self) -> int | None:
        return self._referee.ask() if self._referee else None

    def start(self, number: int, token: str) -> Start | None:
        return self._referee.start(number, token) if self._referee else None

    def report(self, rows: Sequence[EpochRow], **about: Any) -> Answer:
        if not self._referee:
            return Answer(verdict=Verdict.STOP, durable=0)
        began = time.perf_counter()
        answer = self._referee.report(rows, **about)
        self._answer_s.append(time.perf_counter() - began)
        return answer

    def fail(self, number: int, attempt: int, outcome: Outcome, error: str, **about: Any) -> None:
        if self._referee:
            self._referee.fail(number, attempt, outcome, error, **about)

    def leave(self, number: int, attempt: int, checkpoint: bytes) -> None:
        if self._referee:
            self._referee.leave(number, attempt, checkpoint)

    def give_up(self, reason: str, *, is_certain: bool = True) -> None:
        if self._referee:
            self._referee.give_up(reason, is_certain=is_certain)

    def close(self) -> None:
        if self._referee:
            self._referee.close()

    def follow(
        self, cursor: int, *, is_over: bool = False, elapsed_s: float = 0.0
    ) -> tuple[Snapshot, list[Event], int]:
        if not self._referee:
            assert self._closed_by is not None
            raise self._closed_by
        snapshot, events, cursor = self._referee.follow(cursor, is_over=is_over, elapsed_s=elapsed_s)
        with self._gauges.tolerating():
            self._readings.hear(events)
            self._gauges.show(lambda: self._readings.take(snapshot))
        return snapshot, events, cursor


class RemoteMethod(Protocol[R]):
    """A method of an actor: ``remote`` calls it and returns at once, ``ray.get`` waits for the answer."""

    def remote(self, *arguments: object, **options: object) -> ObjectRef[R]: ...

    def options(self, *, name: str) -> RemoteMethod[R]:
        """The same under a name of its own in Ray's list of tasks."""


class RefereeHandle(Protocol):
    """The referee as the driver, the searcher and the slots hold it; ``Referee`` says what each call means."""

    ask: RemoteMethod[int | None]
    start: RemoteMethod[Start | None]
    report: RemoteMethod[Answer]
    fail: RemoteMethod[None]
    leave: RemoteMethod[None]
    give_up: RemoteMethod[None]
    follow: RemoteMethod[tuple[Snapshot, list[Event], int]]
    close: RemoteMethod[None]


def open_referee(
    folder: Path, spec: StudySpec, space: Space[BaseModel], *, epochs: int, metrics: Sequence[str]
) -> RefereeHandle:
    """Starts the referee's actor beside the driver; returns its handle at once, while it rebuilds itself."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = cast("ActorClass[RefereeActor]", ray.remote(RefereeActor))
    placed = actor.options(
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=-1,
        scheduling_strategy=here,
    )
    handle = placed.remote(
        folder, spec, space, CheckpointFolder(folder / CHECKPOINTS), epochs=epochs, metrics=metrics,
        weights=WeightsFolder(folder / WEIGHTS),
    )  # fmt: skip
    return cast("RefereeHandle", handle)
