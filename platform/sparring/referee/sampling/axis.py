"""A dimension as an axis from 0 to 1, on which every value that can be drawn has a share of its own."""

from __future__ import annotations

import math

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ...records import Value


def value_at(share: float, distribution: BaseDistribution) -> Value:
    """The value below which ``share`` of the distribution lies; share from 0 to 1."""
    if isinstance(distribution, CategoricalDistribution):
        choices = distribution.choices
        choice: Value = choices[min(int(share * len(choices)), len(choices) - 1)]  # type: ignore[assignment]
        return choice
    low, high = _ends(distribution)
    value = low * (high / low) ** share if _is_log(distribution) else low + share * (high - low)
    if distribution.step is None:  # type: ignore[attr-defined]
        return min(max(value, low), high)
    steps = round((value - distribution.low) / distribution.step)  # type: ignore[attr-defined]
    most = round((distribution.high - distribution.low) / distribution.step)  # type: ignore[attr-defined]
    return distribution.low + min(max(steps, 0), most) * distribution.step  # type: ignore[attr-defined,no-any-return]


def share_at(value: Value, distribution: BaseDistribution) -> float:
    """Where a number lies on its axis: the inverse of ``value_at``, the middle of a stepped value's share."""
    low, high = _ends(distribution)
    number = float(value)
    if high <= low:
        return 0.5
    return math.log(number / low) / math.log(high / low) if _is_log(distribution) else (number - low) / (high - low)


def _is_log(distribution: BaseDistribution) -> bool:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return distribution.log


def _ends(distribution: BaseDistribution) -> tuple[float, float]:
    """Of the axis: half a step beyond the first and the last value, where there are steps."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    margin = (distribution.step or 0.0) / 2
    return distribution.low - margin, distribution.high + margin
