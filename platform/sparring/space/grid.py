"""Every point of a search space whose fields take countably many values: what ``--sampler grid`` tries, each once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import SpaceError
from ..records import Value

if TYPE_CHECKING:
    from pydantic import BaseModel

    from .space import Space

LARGEST = 10_000
"""Points of the largest grid that is searched: as many trials as one referee was measured to carry."""

MOST_COMBINED = 100_000
"""Combinations that are looked through for those that keep the space's constraints."""


def points(space: Space[BaseModel], seed: int) -> list[dict[str, Value]]:
    """The baseline, then every other point once, shuffled by ``seed``: a grid cut short has looked everywhere.

    A value that does not apply is left out, so points that differ in nothing else are one; one that breaks a constraint
    is no point. Raises SpaceError if a range
    of floats has no step, or if there are more than ``LARGEST``.
    """
    for dimension in space.dimensions:
        if not dimension.is_countable:
            raise SpaceError(
                f"{space.where}: search.{dimension.name}: a grid wants values that can be counted, but got the range "
                f"{dimension}; give it a choice of values, or a uniform range a step, or take another --sampler"
            )
    found = points_or_none(space, seed)
    if found is None:
        raise SpaceError(
            f"{space.where}: search: a grid has at most {LARGEST:,} points, but these fields have more; fix some with "
            "--set, or take another --sampler"
        )
    return found


def points_or_none(space: Space[BaseModel], seed: int) -> list[dict[str, Value]] | None:
    """``points``, or None where they cannot be counted or are too many."""
    if not all(dimension.is_countable for dimension in space.dimensions):
        return None
    most = MOST_COMBINED if space.constraints else LARGEST
    combined = list(islice(_combine(space, {}, 0), most + 1))
    found = [point for point in combined if space.broken(point) is None]
    if len(combined) > most or len(found) > LARGEST:
        return None
    baseline = space.baseline()
    others = [point for point in found if point != baseline]
    random.Random(seed).shuffle(others)
    return [baseline, *others]


def _combine(space: Space[BaseModel], begun: dict[str, Value], depth: int) -> Iterator[dict[str, Value]]:
    """Every point that begins with ``begun``, the values of the first ``depth`` fields."""
    if depth == len(space.dimensions):
        yield begun
        return
    dimension = space.dimensions[depth]
    if not dimension.applies({**space.given, **begun}):
        yield from _combine(space, begun, depth + 1)
        return
    for value in dimension.points():
        yield from _combine(space, {**begun, dimension.name: value}, depth + 1)
