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
from ..records import Answer, EpochRow, Snapshot, Start, StudySpec
from ..referee.events import Event
from ..referee.referee import Referee
from ..space import Space
from .metering.gauges import Gauges
from .metering.readings import Readings

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorClass

R = TypeVar("R")


class RefereeActor(Referee):
    """A Referee in a process of its own; by this name the dashboard shows it.

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
        self._closed_by: SparringError | None = None
        self._study = spec.name
        self._gauges, self._answer_s = Gauges(spec.name), deque[float](maxlen=1000)
        try:
            super().__init__(folder, spec, space, checkpoints, epochs=epochs, metrics=metrics, weights=weights)
        except Exception as error:  # a mistake of ours too: the driver raises it, where the user sees it
            if not isinstance(error, SparringError):
                error = LedgerError(f"{folder}: the study cannot be opened: {error!r}")
            self._closed_by, self.broken = error, str(error)
            return
        with self._gauges.tolerating():
            self._readings = Readings(self, self._answer_s)

    def __repr__(self) -> str:
        """What Ray's list of actors calls it."""
        return f"Referee of {self._study}"

    def report(self, rows: Sequence[EpochRow], **about: Any) -> Answer:
        began = time.perf_counter()
        answer = super().report(rows, **about)
        self._answer_s.append(time.perf_counter() - began)
        return answer

    def give_up(self, reason: str, *, is_certain: bool = True) -> None:
        if self._closed_by is None:
            super().give_up(reason, is_certain=is_certain)

    def close(self) -> None:
        if self._closed_by is None:
            super().close()

    def follow(
        self, cursor: int, *, is_over: bool = False, elapsed_s: float = 0.0
    ) -> tuple[Snapshot, list[Event], int]:
        if self._closed_by is not None:
            raise self._closed_by
        snapshot, events, cursor = super().follow(cursor, is_over=is_over, elapsed_s=elapsed_s)
        with self._gauges.tolerating():
            self._readings.hear(events)
            self._gauges.show(lambda: self._readings.take(snapshot))
        return snapshot, events, cursor


class RemoteMethod(Protocol[R]):
    """A method of an actor: ``remote`` calls it and returns at once, ``ray.get`` waits for the answer."""

    def remote(self, *arguments: object, **options: object) -> ObjectRef[R]: ...


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
