"""The referee as a Ray actor: no CPU of its own, on the driver's node, back from the ledger if it dies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from ..records import StudySpec
from ..referee import Referee
from ..space import Space
from ..training.checkpoint import CheckpointFolder

NAMESPACE = "sparring"


def actor_name(study: str) -> str:
    """Under which name slots find the referee of ``study`` in the namespace."""
    return f"referee-{study}"


class Court(Referee):
    """A Referee that also hands each slot its brief: the study's spec and where the data lies in the object store."""

    def __init__(
        self, folder: str, spec: StudySpec, space: Space, epochs: int, metrics: Sequence[str], material: list[Any]
    ) -> None:
        self._brief = (spec, space, material)
        super().__init__(
            Path(folder), spec, space, CheckpointFolder(Path(folder) / "checkpoints"), epochs=epochs, metrics=metrics
        )

    def brief(self) -> tuple[StudySpec, Space, list[Any]]:
        """The spec, the space, and a list holding the reference of the data (a list, so that Ray does not fetch it)."""
        return self._brief

    def pid(self) -> int:
        return os.getpid()


def open_court(
    folder: Path, spec: StudySpec, space: Space, *, epochs: int, metrics: Sequence[str], material: Any
) -> Any:
    """Starts the referee's actor beside the driver; returns its handle once the ledger is rebuilt."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    remote = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here)(Court)
    name = actor_name(spec.name)
    handle = remote.options(name=name, namespace=NAMESPACE).remote(
        str(folder), spec, space, epochs, metrics, [material]
    )
    ray.get(handle.pid.remote())
    return handle
