"""The figures to search by: [[objectives]] of a search space."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SpaceError, UnknownName, refuse_unknown
from ..metrics import find_metric
from ..records import Objective


def read_objectives(tables: object, where: str) -> tuple[Objective, ...]:
    """The [[objectives]] of a file. ``goal`` may be left out; a metric has only one. Raises SpaceError."""
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise SpaceError(f'{where}: wants [[objectives]] with metric = "val/score", but got {tables!r}')
    objectives = tuple(_read_objective(table, f"{where}[{index}]") for index, table in enumerate(tables))
    if len({objective.metric for objective in objectives}) < len(objectives):
        raise SpaceError(f"{where}: each metric stands once, but got {[objective.metric for objective in objectives]}")
    return objectives


def _read_objective(table: Mapping[str, object], where: str) -> Objective:
    refuse_unknown(table, {"metric", "goal"}, where, "key")
    try:
        metric = find_metric(str(table.get("metric", "")))
    except UnknownName as error:
        raise SpaceError(f"{where}.metric: {error}") from error
    if metric.goal == "none":
        raise SpaceError(f"{where}.metric: {metric.name} has no better direction; choose a val/… figure")
    if table.get("goal", metric.goal) != metric.goal:
        raise SpaceError(f"{where}.goal: {metric.name} is to {metric.goal}, but got {table['goal']!r}; leave goal out")
    return Objective(metric=metric.name, goal=metric.goal)
