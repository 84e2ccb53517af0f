"""Every point of a search space whose fields take countably many values: what ``--sampler grid`` tries, each once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import SpaceError
from ..records import Value

if TYPE_CHECKING:
    from .space import Space

LARGEST = 10_000
"""Points of the largest grid that is searched: as many trials as one referee was measured to carry."""


def points(space: Space, seed: int) -> list[dict[str, Value]]:
    """The baseline, then every other point once, shuffled by ``seed``: a grid cut short has looked everywhere.

    A value that does not apply is left out, so points that differ in nothing else are one. Raises SpaceError if a range
    of floats has no step, or if there are more than ``LARGEST``.
    """
    for dimension in space.dimensions:
        if not dimension.is_countable:
            raise SpaceError(
                f"{space.where}: search.{dimension.name}: a grid wants values that can be counted, but got the range "
                f"{dimension}; give it a choice of values, or a uniform range a step, or take another --sampler"
            )
    found = list(islice(_combine(space, {}, 0), LARGEST + 1))
    if len(found) > LARGEST:
        raise SpaceError(
            f"{space.where}: search: a grid has at most {LARGEST:,} points, but these fields have more; fix some with "
            "--set, or take another --sampler"
        )
    baseline = space.baseline()
    others = [point for point in found if point != baseline]
    random.Random(seed).shuffle(others)
    return [baseline, *others]


def _combine(space: Space, begun: dict[str, Value], at: int) -> Iterator[dict[str, Value]]:
    """The ways to go on from the fields before the ``at``-th."""
    if at == len(space.dimensions):
        yield begun
        return
    dimension = space.dimensions[at]
    applies = dimension.applies({**space.fixed, **begun})
    for each in ({dimension.name: value} for value in dimension.points()) if applies else ({},):
        yield from _combine(space, begun | each, at + 1)
