"""What is checked of a study before anything starts: its words, its objectives, its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..metrics import find_metric
from ..records import PRUNERS, SAMPLERS

if TYPE_CHECKING:
    from ..models.config import Config
    from ..space import Space


def check_objectives(space: Space, config_class: type[Config], pruner: str) -> None:
    """Raises UsageError if the model does not measure one, or several would have to be pruned by.

    A trial that is behind in one may lead in another; Optuna does not prune by several either.
    """
    for ood_field in (config_class.ood, config_class.ood_path):
        if ood_field in space.kinds:
            raise UsageError(
                f"{space.where}: search.{ood_field}: every trial is compared with the same out-of-distribution set; "
                "move it to [fixed]"
            )
    known = [find_metric(name) for name in config_class.emitted()]
    for objective in space.objectives:
        if objective.metric not in {each.name for each in known}:
            named = ", ".join(each.name for each in known if each.goal != "none")
            raise UsageError(
                f"{space.where}: objectives: {space.model} does not measure {objective.metric}; there are: {named}"
            )
        field = config_class.optional.get(objective.metric)
        if field is not None and (field in space.kinds or not getattr(space.config(space.baseline()), field)):
            raise UsageError(
                f"{space.where}: objectives: {objective.metric} is measured only where {field} is set, for all trials "
                f"alike; add --set {field}=…"
            )
    if len(space.objectives) > 1 and pruner != "none":
        named = ", ".join(objective.metric for objective in space.objectives)
        raise UsageError(
            f"--pruner: trials are pruned by one objective, but {pruner} would have to compare {named}; leave --pruner "
            "out, or keep one objective"
        )


def check_names(limits: Mapping[str, Any]) -> None:
    for flag, known in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        if limits.get(flag, known[0]) not in known:
            raise UsageError(f"--{flag}: no {flag} {limits[flag]!r}; there are: {', '.join(known)}")


def check_writable(folder: Path) -> None:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir():
        raise UsageError(f"--results: {existing} is a file, not a folder; choose another folder with --results DIR")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"--results: {existing} cannot be written to; choose another folder with --results DIR")


def smallest_batch(space: Space) -> int:
    """Samples in the smallest batch the space can draw."""
    for dimension in space.dimensions:
        if dimension.name == "batch_size":
            return min(int(edge) for edge in dimension.edges())
    size: int = space.config(space.baseline()).batch_size
    return size
