"""The referee as a Ray actor: no CPU of its own, on the driver's node, back from the ledger if it dies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..records import StudySpec
from ..referee.referee import Referee
from ..space import Space
from ..training.checkpoint import CheckpointFolder

NAMESPACE = "sparring"


def actor_name(study: str) -> str:
    """Under which name the referee of ``study`` is found in the namespace."""
    return f"referee-{study}"


class Court(Referee):
    """A Referee in a process of its own."""

    def pid(self) -> int:
        return os.getpid()


def open_court(folder: Path, spec: StudySpec, space: Space, *, epochs: int, metrics: Sequence[str]) -> Any:
    """Starts the referee's actor beside the driver; returns its handle at once, while it rebuilds itself."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(Court)
    named = actor.options(
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=-1,
        scheduling_strategy=here,
        name=actor_name(spec.name),
        namespace=NAMESPACE,
    )
    return named.remote(folder, spec, space, CheckpointFolder(folder / "checkpoints"), epochs=epochs, metrics=metrics)
