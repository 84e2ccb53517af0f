"""Which configurations of a space the bank trains, in an order of which every beginning is useful.

Number 0 is the published default; 1 to 99 are the points to try first, as the space lists them; from 100 on draws take
turns by fours: uniform, near the default, uniform, near a point to try. Without points to try, every fourth number is
left out, so that a space which gains some keeps the numbers and draws it has. A draw depends on the system, the number
and the space alone; one that was there before is left out.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from sparring.models.config import Config
from sparring.records import Value
from sparring.space import Dimension, Space

FIRST_DRAW = 100
"""Number of the first draw."""

MOVE = 0.2
"""Standard deviation by which a draw near a point moves a number, as a share of its transformed range."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    number: int
    kind: str
    """``default``, ``try NAME``, ``uniform``, ``near default`` or ``near NAME``."""
    params: Mapping[str, Value]
    """Searched values that apply."""


def configurations(space: Space[Config], length: int) -> list[Configuration]:
    """The first ``length`` configurations of the space, all different."""
    different: dict[tuple[tuple[str, Value], ...], Configuration] = {}
    for configuration in _configurations(space):
        different.setdefault(tuple(sorted(configuration.params.items())), configuration)
        if len(different) == length:
            break
    return list(different.values())


def _configurations(space: Space[Config]) -> Iterator[Configuration]:
    default, tried = space.baseline(), tried_points(space)
    yield Configuration(number=0, kind="default", params=default)
    for number, (name, params) in enumerate(tried.items(), start=1):
        yield Configuration(number=number, kind=f"try {name}", params=params)
    for turn in count():
        number = FIRST_DRAW + turn
        rng = np.random.default_rng([zlib.crc32(space.model.encode()), number])
        if turn % 2 == 0:
            yield Configuration(number=number, kind="uniform", params=draw(space, rng))
        elif turn % 4 == 1:
            yield Configuration(number=number, kind="near default", params=draw(space, rng, near=default))
        elif tried:
            name = list(tried)[turn // 4 % len(tried)]
            yield Configuration(number=number, kind=f"near {name}", params=draw(space, rng, near=tried[name]))


def tried_points(space: Space[Config]) -> dict[str, dict[str, Value]]:
    """The space's points to try first, by name."""
    return {point.name: dict(point.params) for point in getattr(space, "tries", ())}


def draw(space: Space[Config], rng: np.random.Generator, near: Mapping[str, Value] | None = None) -> dict[str, Value]:
    """A configuration: uniform in the transformed ranges, or near a point.

    Near it, each field keeps the point's value with probability 1/2; otherwise a number is moved by a normal of
    ``MOVE`` of its range, reflected at the ends, and a choice or an on/off switch is drawn anew. A field that does
    not apply at the point is uniform.
    """
    near = near or {}
    params: dict[str, Value] = {}
    for dimension in space.dimensions:
        if dimension.applies({**space.fixed, **params}):
            kept = dimension.name in near and rng.random() < 0.5
            params[dimension.name] = near[dimension.name] if kept else _draw(dimension, rng, near.get(dimension.name))
    return params


def _draw(dimension: Dimension, rng: np.random.Generator, centre: Value | None) -> Value:
    if dimension.choices:
        return dimension.choices[rng.integers(len(dimension.choices))]
    if dimension.off is not None and rng.random() < 0.5:
        return dimension.off
    if centre is None or centre == dimension.off:
        return at(dimension, rng.random())
    return at(dimension, _reflect(share_of(dimension, float(centre)) + MOVE * rng.standard_normal()))


def share_of(dimension: Dimension, value: float) -> float:
    """Where in its transformed range a number lies, 0 to 1."""
    low, high, value = (math.log(x) if dimension.log else x for x in (dimension.low, dimension.high, value))
    return (value - low) / (high - low)


def at(dimension: Dimension, share: float) -> Value:
    """The number at ``share`` of the transformed range; of whole numbers and steps the nearest."""
    low, high = (math.log(x) if dimension.log else x for x in (dimension.low, dimension.high))
    value = low + share * (high - low)
    value = math.exp(value) if dimension.log else value
    step = dimension.step or (1 if dimension.kind == "int" else None)
    if step:
        value = dimension.low + step * round((value - dimension.low) / step)
    value = min(max(value, dimension.low), dimension.high)
    return round(value) if dimension.kind == "int" else value


def _reflect(share: float) -> float:
    """Folded back at both ends, as often as it takes."""
    return 1 - abs(1 - share % 2)
