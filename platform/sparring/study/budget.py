"""What a search may spend: trials, and seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..records import StudySpec
from ..space.grid import LARGEST, points

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


def choose_budget(trials: int | None, time_s: float | None, sampler: str) -> Budget:
    """Where the user bounds nothing, little training; all points of a grid."""
    if sampler == "grid":
        return Budget(LARGEST if trials is None else trials, time_s)
    if trials is None and time_s is None:
        return Budget(None, train_s=TRAIN_S)
    return Budget(trials, time_s)


def check_budget(spec: StudySpec, space: Space[Config]) -> int | None:
    """How many trials the search runs; a grid has no more than its points.

    Raises UsageError if there is nothing to spend, or nothing that ends the search; SpaceError if the space is no grid.
    """
    if spec.trials is not None and spec.trials < 1:
        raise UsageError(f"--trials: a search runs at least 1 trial, but got {spec.trials}")
    if spec.time_s is not None and spec.time_s <= 0:
        raise UsageError(f"--time: a search needs more than 0 seconds, but got {spec.time_s:g}")
    if spec.sampler != "grid":
        return spec.trials
    on_grid = len(points(space, spec.seed))
    return on_grid if spec.trials is None else min(spec.trials, on_grid)
