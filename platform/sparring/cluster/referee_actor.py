"""The referee as a Ray actor: no CPU of its own, on the driver's node, back from the ledger if it dies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from pydantic import BaseModel
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..errors import LedgerError, SparringError
from ..ledger.checkpoints import CheckpointFolder
from ..ledger.weights import WEIGHTS, WeightsFolder
from ..records import Snapshot, StudySpec
from ..referee.events import Event
from ..referee.referee import Referee
from ..space import Space


class RefereeActor(Referee):
    """A Referee in a process of its own; by this name the dashboard shows it.

    What keeps it from opening the study it tells whoever follows, and slots hear that nothing is left to run: an error
    raised here would reach nobody but as the actor's death.
    """

    def __init__(self, folder: Path, *parts: Any, **options: Any) -> None:
        self._closed_by: SparringError | None = None
        try:
            super().__init__(folder, *parts, **options)
        except Exception as error:
            if not isinstance(error, SparringError):
                error = LedgerError(f"{folder}: the study cannot be opened: {error!r}")
            self._closed_by, self.broken = error, str(error)

    def give_up(self, reason: str, *, is_certain: bool = True) -> None:
        if self._closed_by is None:
            super().give_up(reason, is_certain=is_certain)

    def close(self) -> None:
        if self._closed_by is None:
            super().close()

    def follow(self, cursor: int, **options: Any) -> tuple[Snapshot, list[Event], int]:
        if self._closed_by is not None:
            raise self._closed_by
        return super().follow(cursor, **options)


def open_referee(folder: Path, spec: StudySpec, space: Space[BaseModel], *, epochs: int, metrics: Sequence[str]) -> Any:
    """Starts the referee's actor beside the driver; returns its handle at once, while it rebuilds itself."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(RefereeActor)
    placed = actor.options(
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=-1,
        scheduling_strategy=here,
    )
    return placed.remote(
        folder, spec, space, CheckpointFolder(folder / "checkpoints"), epochs=epochs, metrics=metrics,
        weights=WeightsFolder(folder / WEIGHTS),
    )  # fmt: skip
