"""Spaces that know less, or know it wrongly: what the points to try first bring, and what wrong ones cost."""

from __future__ import annotations

import numpy as np

from sparring.models.config import Config
from sparring.records import Value
from sparring.space import Dimension, Space

from .configurations import at, share_of


def without_points(space: Space[Config]) -> Space[Config]:
    """The space with its published default alone."""
    return Space({**space.raw, "try": []}, space.config_class, space.where)


def with_wrong_points(space: Space[Config], seed: int) -> Space[Config]:
    """The space with as many points, each on the wrong side: where one differs from the published default, a number
    lies as far from the other end of its range, and a choice is any of the others. Two that become one stand once."""
    rng, default = np.random.default_rng([seed, 2]), space.baseline()
    tries: list[dict[str, object]] = []
    for point in space.tries:
        params: dict[str, Value] = {}
        for dimension in space.dimensions:
            if dimension.applies({**space.fixed, **params}):
                name = dimension.name
                value = point.params.get(name, default.get(name))
                is_told = name in point.params and value != default.get(name)
                params[name] = _other(dimension, value, rng) if is_told or value is None else value
        if params not in [default, *(each["values"] for each in tries)]:
            tries.append({"name": point.name, "source": "the wrong side", "values": params})
    return Space({**space.raw, "try": tries}, space.config_class, space.where)


def _other(dimension: Dimension, value: Value | None, rng: np.random.Generator) -> Value:
    """The mirrored number, or one of the other choices; of what was off, or is not known, any value."""
    if dimension.choices:
        others = [choice for choice in dimension.choices if choice != value] or [*dimension.choices]
        return others[rng.integers(len(others))]
    if value is None or value == dimension.off:
        return at(dimension, rng.random())
    return at(dimension, 1 - share_of(dimension, float(value)))
