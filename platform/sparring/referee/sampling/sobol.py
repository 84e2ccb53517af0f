"""A scrambled Sobol sequence as Optuna's sampler: points that fill the space more evenly than random ones.

``optuna.samplers.QMCSampler`` draws its first point at random, counts its points in an attribute of the study, which a
ledger does not keep, and draws what not every trial has at random. This one is told where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial
from scipy.stats.qmc import Sobol

from ...records import Value


class SobolSampler(optuna.samplers.BaseSampler):
    """Draws every parameter of ``distributions`` from one sequence, which ``seed`` scrambles (Owen 1998).

    position: points of it that have been drawn already. A trial whose parameters are all given takes none.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], *, seed: int, position: int) -> None:
        self._distributions = dict(distributions)
        self._sequence = Sobol(len(self._distributions), scramble=True, seed=seed)
        if position:
            self._sequence.fast_forward(position)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Value]:
        point = self._sequence.random(1)[0].tolist()
        return {name: value_at(share, search_space[name]) for name, share in zip(search_space, point, strict=True)}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Value:
        raise AssertionError(f"{param_name} is no parameter of the sequence; every trial has the same")


def value_at(share: float, distribution: BaseDistribution) -> Value:
    """The value below which ``share`` of the distribution lies; share in [0, 1)."""
    if isinstance(distribution, CategoricalDistribution):
        choice: Value = distribution.choices[int(share * len(distribution.choices))]  # type: ignore[assignment]
        return choice
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high = distribution.low, distribution.high
    if distribution.log:
        # Half a step beyond its ends, an integer has the share of the axis that rounds to it.
        margin = 0.5 if isinstance(distribution, IntDistribution) else 0.0
        value = math.exp(math.log(low - margin) + share * math.log((high + margin) / (low - margin)))
        return min(max(round(value), low), high) if margin else min(max(value, low), high)
    if distribution.step is None:
        return low + share * (high - low)
    steps = int(share * (round((high - low) / distribution.step) + 1))
    return low + steps * distribution.step
