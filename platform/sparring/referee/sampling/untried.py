"""Which configurations a study has tried, and one that it has not when its sampler keeps drawing those it has.

All trials share one seed, so a configuration tried twice would repeat its figures to the last bit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import optuna

from ...errors import SpaceError
from ...records import Value
from ...space.grid import points_or_none

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...space import Space

Params = Mapping[str, Value]

DRAWS_PER_STEP = 200
"""Configurations drawn at every distance from the one that was tried already."""


class Untried:
    """Configurations of a space that no trial has begun and no constraint forbids. ``seed`` decides between equals."""

    def __init__(self, space: Space[BaseModel], seed: int) -> None:
        self._space, self._seed = space, seed
        self._tried: set[frozenset[tuple[str, Value]]] = set()
        points = points_or_none(space, seed)
        self._left = None if points is None else {frozenset(point.items()): point for point in points}
        self._size = len(self._left or ())

    def note(self, params: Params) -> None:
        """A trial has begun with ``params``."""
        key = frozenset(params.items())
        self._tried.add(key)
        if self._left is not None:
            self._left.pop(key, None)

    def __contains__(self, params: Params) -> bool:
        """Whether a trial may take ``params``: none has, and they keep the space's constraints."""
        return frozenset(params.items()) not in self._tried and self._space.broken(params) is None

    @property
    def exhausted(self) -> str | None:
        """That every configuration has been tried, in a sentence; None while some are left or cannot be counted."""
        if self._left is None or self._left:
            return None
        return f"all {self._size} configurations of this space have been tried"

    def nearest(self, params: Params) -> dict[str, Value]:
        """A configuration that differs from ``params`` in as few values as can be.

        There must be one that is not tried. Raises SpaceError if none was found.
        """
        chance = random.Random(self._seed + len(self._tried))
        if self._left is not None:
            found = list(self._left.values())
            chance.shuffle(found)
            return min(found, key=lambda point: _distance(point, params))
        for start in (params, self._space.baseline()):
            for drawn in self._around(start, chance):
                if drawn in self:
                    return drawn
        kept = " and keeps the constraints" if self._space.constraints else ""
        raise SpaceError(
            f"{self._space.where}: search: no configuration was found that has not been tried{kept}; widen the space"
        )

    def _around(self, params: Params, chance: random.Random) -> Iterator[dict[str, Value]]:
        """Configurations with one of the drawn values changed, then with two, and on to all of them."""
        sampler = optuna.samplers.RandomSampler(seed=chance.randrange(2**31))
        study, values = optuna.create_study(sampler=sampler), self._space.to_optuna(params)[0]
        for changed in range(1, len(values) + 1):
            for _ in range(DRAWS_PER_STEP):
                kept = chance.sample(list(values), len(values) - changed)
                study.enqueue_trial({name: values[name] for name in kept})
                yield self._space.suggest(study.ask())


def _distance(one: Params, other: Params) -> int:
    """In how many fields two configurations differ; one that applies to one alone counts too."""
    return len({name for name, _ in one.items() ^ other.items()})
