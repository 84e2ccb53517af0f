"""ASHA with conformal quantile regression by Syne Tune's own code, where it is installed beside the project: 0.16.

Its MOBSTER left the library; CQR (arXiv:2305.03623) is what its authors now name best. It is told the default and the
points to try first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sparring.models.config import Config
from sparring.records import Value
from sparring.space import Space

from .flat_space import FlatSpace
from .slots import Word
from .strategies import Budget, Whole

SCORE, EPOCH = "score", "epoch"


class QuantileAsha(Whole):
    """``syne_tune.optimizer.baselines.ASHACQR`` with its defaults, told the epochs and every epoch's best."""

    def __init__(self, budget: Budget, epochs: int, *, seed: int, space: Space[Config]) -> None:
        super().__init__(budget, epochs)
        self.flat = FlatSpace(space)
        domains = import_module("syne_tune.config_space")
        self.scheduler = import_module("syne_tune.optimizer.baselines").ASHACQR(
            {name: _domain(domains, distribution) for name, distribution in self.flat.distributions.items()},
            metric=SCORE,
            time_attr=EPOCH,
            max_t=epochs,
            random_seed=seed,
            points_to_evaluate=[dict(values) for values in self.flat.known],
        )
        self.made = import_module("syne_tune.backend.trial_status").Trial
        self.trials: list[Any] = []
        self.params: list[Mapping[str, Value]] = []

    def ask(self, now: float) -> int | None:
        number = super().ask(now)
        if number is not None:
            values = self.scheduler.suggest().config
            self.trials.append(self.made(number, values, datetime(2026, 1, 1)))
            self.params.append(self.flat.params(values))
            self.scheduler.on_trial_add(self.trials[number])
        return number

    def goal(self, number: int, epoch: int) -> int:
        return epoch + 1

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        decision = self.scheduler.on_trial_result(self.trials[number], {SCORE: best, EPOCH: epoch})
        return Word.GO_ON if decision == "CONTINUE" else Word.STOP

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        if is_whole:
            self.scheduler.on_trial_complete(self.trials[number], {SCORE: best, EPOCH: epoch})
        else:
            self.scheduler.on_trial_error(self.trials[number])


def _domain(domains: Any, distribution: BaseDistribution) -> Any:
    """Syne Tune's domain for one of Optuna's."""
    if isinstance(distribution, CategoricalDistribution):
        return domains.choice(list(distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if isinstance(distribution, IntDistribution):
        return (domains.lograndint if distribution.log else domains.randint)(distribution.low, distribution.high)
    return (domains.loguniform if distribution.log else domains.uniform)(distribution.low, distribution.high)
