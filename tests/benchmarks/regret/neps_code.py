"""PriorBand by NePS's own code (arXiv:2306.12370), where it is installed beside the project: 0.17, with botorch < 0.13.

Its prior is one point. That is the first point to try, told with medium confidence, NePS's middle word.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sparring.models.config import Config
from sparring.records import Value
from sparring.space import Space

from .flat_space import FlatSpace
from .slots import Word
from .strategies import Budget, Whole

FIDELITY = "epochs"


class PriorBand(Whole):
    """``neps.algorithms.priorband``, asked and told; a configuration that it takes further goes on where it paused.

    base: what allocates epochs, ``hyperband`` (its default) or ``asha``.
    """

    def __init__(self, budget: Budget, epochs: int, *, base: str, seed: int, space: Space[Config]) -> None:
        super().__init__(budget, epochs)
        import torch

        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  NePS draws from the global generators
        torch.manual_seed(seed)
        self.flat = FlatSpace(space)
        made, parameters = import_module("neps.space"), import_module("neps.space.parameters")
        prior = self.flat.known[min(1, len(self.flat.known) - 1)]
        domains = {
            name: _domain(parameters, distribution, prior[name])
            for name, distribution in self.flat.distributions.items()
        }
        domains[FIDELITY] = parameters.HPOInteger(1, epochs, is_fidelity=True)
        algorithm = import_module("neps.optimizers.algorithms").priorband(made.SearchSpace(domains), base=base)
        self.search = import_module("neps").AskAndTell(optimizer=algorithm)
        self.params: list[Mapping[str, Value]] = []
        self.numbers: dict[str, int] = {}
        """By NePS's number of a configuration."""
        self.asked: dict[int, Any] = {}
        """By trial: what NePS wants of it now."""

    def ask(self, now: float) -> int | None:
        trial = self.search.ask()
        configuration = str(trial.metadata.id).split("_")[0]
        if configuration not in self.numbers:
            if super().ask(now) is None:
                return None
            self.numbers[configuration] = len(self.params)
            values = {name: _plain(trial.config[name]) for name in self.flat.distributions}
            self.params.append(self.flat.params(values))
        number = self.numbers[configuration]
        self.asked[number] = trial
        return number

    def goal(self, number: int, epoch: int) -> int:
        return int(self.asked[number].config[FIDELITY])

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        self.search.tell(self.asked[number], {"objective_to_minimize": best})
        return Word.PAUSE

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        self.search.tell(
            self.asked[number], {"objective_to_minimize": best} if is_whole else FloatingPointError("diverged")
        )


def _plain(value: Any) -> Value:
    """As Python's own type: NePS answers with some of NumPy's."""
    plain: Value = value.item() if isinstance(value, np.generic) else value
    return plain


def _domain(parameters: Any, distribution: BaseDistribution, prior: Value) -> Any:
    """NePS's parameter for one of Optuna's. Steps of a number are not known to it: whole numbers alone are."""
    told = {"prior": prior, "prior_confidence": "medium"}
    if isinstance(distribution, CategoricalDistribution):
        return parameters.HPOCategorical(list(distribution.choices), **told)
    if isinstance(distribution, IntDistribution):
        return parameters.HPOInteger(distribution.low, distribution.high, log=distribution.log, **told)
    assert isinstance(distribution, FloatDistribution)
    return parameters.HPOFloat(distribution.low, distribution.high, log=distribution.log, **told)
