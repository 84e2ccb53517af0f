"""What a search may spend: trials, and seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..ledger import trial_rows
from ..records import StudySpec
from ..space.grid import LARGEST, points, points_or_none

if TYPE_CHECKING:
    from ..models.config import Config
    from ..space import Space

TRAIN_S = 135.0
"""Seconds of training of each slot that a bare ``search`` spends: with Ray's start about three minutes, if the machine
has nothing else to do."""


@dataclass(frozen=True)
class Budget:
    """What a search may spend; None does not bound it."""

    trials: int | None
    time_s: float | None = None
    train_s: float | None = None
    cpu_hours: float | None = None
    gpu_hours: float | None = None


def choose_budget(
    trials: int | None,
    time_s: float | None,
    sampler: str,
    cpu_hours: float | None = None,
    gpu_hours: float | None = None,
) -> Budget:
    """Where the user bounds nothing, little training; all points of a grid. The first bound that is reached counts."""
    if sampler == "grid" and trials is None:
        trials = LARGEST
    bounds = (trials, time_s, cpu_hours, gpu_hours)
    train_s = TRAIN_S if all(bound is None for bound in bounds) else None
    return Budget(trials, time_s, train_s, cpu_hours, gpu_hours)


def check_budget(spec: StudySpec, space: Space[Config]) -> int | None:
    """How many trials the search runs: no more than the space has configurations, since none is tried twice.

    Raises UsageError if there is nothing to spend, or nothing that ends the search; SpaceError if the space is no grid.
    """
    if spec.trials is not None and spec.trials < 1:
        raise UsageError(f"--trials: a search runs at least 1 trial, but got {spec.trials}")
    if spec.time_s is not None and spec.time_s <= 0:
        raise UsageError(f"--time: a search needs more than 0 seconds, but got {spec.time_s:g}")
    _check_hours(spec)
    count = len(points(space, spec.seed)) if spec.sampler == "grid" else configurations(space)
    return min((each for each in (spec.trials, count) if each is not None), default=None)


def _check_hours(spec: StudySpec) -> None:
    for flag, hours in (("--cpu-hours", spec.cpu_hours), ("--gpu-hours", spec.gpu_hours)):
        if hours is not None and not 0 < hours < math.inf:
            raise UsageError(f"{flag}: a search needs more than 0 hours and an end, but got {hours:g}")
    if spec.gpu_hours is not None and spec.gpus_per_worker == 0:
        raise UsageError(
            f"--gpu-hours: its trials have no GPU whose hours could be counted, but got {spec.gpu_hours:g}; "
            f"give them one by --gpus-per-worker 1, or use --cpu-hours"
        )
    if spec.cpu_hours is not None and spec.gpus_per_worker > 0:
        raise UsageError(
            f"--cpu-hours: training on GPUs is counted on theirs, but got {spec.cpu_hours:g}; use --gpu-hours"
        )


def configurations(space: Space[Config]) -> int | None:
    """How many configurations the space has; None if it has a range of floats, or more than ``LARGEST``."""
    found = points_or_none(space, seed=0)
    return None if found is None else len(found)


def budget_notes(spec: StudySpec, space: Space[Config]) -> list[str]:
    """That the space is small, where the search tries all of it."""
    count = configurations(space)
    if count is None or (spec.trials is not None and spec.trials < count):
        return []
    return [f"This space has {count} configurations: each is tried once"]


def exhaustion(folder: Path, space: Space[Config]) -> str | None:
    """That the study in ``folder`` has tried all that its space holds, in a sentence; None if it has not."""
    count = configurations(space)
    if count is None or len({frozenset(row.params.items()) for row in trial_rows(folder)}) < count:
        return None
    return f"All {count} configurations of this space have been tried; only a wider one can hold a better"
