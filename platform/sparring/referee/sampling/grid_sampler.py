"""A sampler of a grid's points in their order: the trial's number says which, so a resumed study leaves none out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from ...records import Value


class PointSampler(optuna.samplers.BaseSampler):
    """points: by trial number, the values by Optuna's names. ``optuna.samplers.GridSampler`` has no conditions."""

    def __init__(self, points: Sequence[Mapping[str, Value]]) -> None:
        self._points = points

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Value]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Value:
        return self._points[trial.number][param_name]
