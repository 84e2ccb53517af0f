"""A scrambled Sobol sequence as Optuna's sampler: points that fill the space more evenly than random ones.

``optuna.samplers.QMCSampler`` draws its first point at random, counts its points in an attribute of the study, which a
ledger does not keep, and draws what not every trial has at random. This one is told where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from ...records import Value
from .axis import value_at


class SobolSampler(optuna.samplers.BaseSampler):
    """Draws every parameter of ``distributions`` from one sequence, which ``seed`` scrambles (Owen 1998).

    position: points of it that have been drawn already. A trial whose parameters are all given takes none.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], *, seed: int, position: int) -> None:
        from scipy.stats.qmc import Sobol  # more than a second to import, which no trial's start waits for

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
