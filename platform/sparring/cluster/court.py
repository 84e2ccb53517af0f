"""The referee as a Ray actor: no CPU of its own, on the driver's node, back from the ledger if it dies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..records import StudySpec
from ..referee.referee import Referee
from ..space import Space
from ..training.checkpoint import CheckpointFolder


class Court(Referee):
    """A Referee in a process of its own; by this name the dashboard shows it."""


def open_court(folder: Path, spec: StudySpec, space: Space, *, epochs: int, metrics: Sequence[str]) -> Any:
    """Starts the referee's actor beside the driver; returns its handle at once, while it rebuilds itself."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor: Any = ray.remote(Court)
    placed = actor.options(
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=-1,
        scheduling_strategy=here,
    )
    return placed.remote(folder, spec, space, CheckpointFolder(folder / "checkpoints"), epochs=epochs, metrics=metrics)
