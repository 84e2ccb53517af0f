"""What a search may spend: trials, and seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..records import StudySpec
from ..space.grid import LARGEST, points

if TYPE_CHECKING:
    from ..models.config import Config
    from ..space import Space

TRIALS, TIME_S = 24, 135.0
"""What a bare ``search`` spends: with Ray's start it ends within three minutes on two cores."""


def choose_budget(trials: int | None, time_s: float | None, sampler: str) -> tuple[int, float | None]:
    """Trials and seconds where the user left one or both out: little without either, all points of a grid."""
    if sampler == "grid":
        return LARGEST if trials is None else trials, time_s
    if trials is None and time_s is None:
        return TRIALS, TIME_S
    return TRIALS if trials is None else trials, time_s


def check_budget(spec: StudySpec, space: Space[Config]) -> int:
    """How many trials the search runs; a grid has no more than its points.

    Raises UsageError if there is nothing to spend, SpaceError if the space is no grid.
    """
    if spec.trials < 1:
        raise UsageError(f"--trials: a search runs at least 1 trial, but got {spec.trials}")
    if spec.time_s is not None and spec.time_s <= 0:
        raise UsageError(f"--time: a search needs more than 0 seconds, but got {spec.time_s:g}")
    return min(spec.trials, len(points(space, spec.seed))) if spec.sampler == "grid" else spec.trials
