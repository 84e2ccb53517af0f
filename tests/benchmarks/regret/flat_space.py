"""A space with a value for every dimension, as libraries want it that know no conditions and no switches.

What does not apply is drawn too and left out of the configuration, as in this project's own studies for such samplers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import optuna
from optuna.distributions import BaseDistribution

from sparring.models.config import Config
from sparring.records import Value
from sparring.space import Space


class FlatSpace:
    """The dimensions of ``space``, each beside the switch that turns it off, by Optuna's names."""

    def __init__(self, space: Space[Config]) -> None:
        self._space = space

    @cached_property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        return self._space.to_optuna(self._space.baseline(), flat=True)[1]

    @cached_property
    def known(self) -> list[Mapping[str, Value]]:
        """All values of the published default and of the points to try first."""
        return [self._space.to_optuna(params, flat=True)[0] for params in self._space.known]

    def params(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The configuration that all values together make."""
        return self._space.suggest(optuna.trial.FixedTrial(dict(values)), flat=True)
