"""A model to be asked: its class, a configuration, and rows of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...models.base import Model
from ...models.config import Config
from ...records import Objective, Trial
from ..loop import TrialTraining

FEW = 96
"""Training rows where nothing is to be learnt."""
FITTED = 256
"""Training rows that a model is fitted to where it is not trained."""


class Subject:
    """A model with a configuration.

    values: fields of its Config. rows: ``train`` and ``valid``, by field (rows, …).
    """

    def __init__(
        self,
        model_class: type[Model],
        values: Mapping[str, Any],
        rows: Mapping[str, Mapping[str, Tensor]],
        objective: Objective,
    ) -> None:
        self.model_class, self.values, self.objective = model_class, dict(values), objective
        self.rows = {
            part: {name: fields[name] for name in self.config().taken(fields)} for part, fields in rows.items()
        }

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the data set that it needs."""
        fields: tuple[str, ...] = self.config().fields
        return fields

    def config(self, **changes: Any) -> Any:
        """Its configuration with other values of some fields; a Config of its own class."""
        return self.model_class.Config(**{**self.values, **changes})

    def part(self, part: str, rows: int | None = None) -> dict[str, Tensor]:
        """The first rows of ``train`` or ``valid``, by field."""
        return {name: values[:rows] for name, values in self.rows[part].items()}

    def training(self, *, rows: int | None = FEW, seed: int = 0, **changes: Any) -> TrialTraining:
        """The training of a trial; where its Config names an out-of-distribution set, random rows are that."""
        config: Config = self.config(**changes)
        named = config.ood and getattr(config, config.ood)
        ood = {name: torch.randn(40, *values.shape[1:]) for name, values in self.part("train").items()}
        return TrialTraining(
            self.model_class, config, self.part("train", rows), self.part("valid", rows), ood=ood if named else None,
            trial=Trial(number=0, params={}, seed=seed), objective=self.objective,
        )  # fmt: skip

    def model(self, *, seed: int = 0, **changes: Any) -> Model:
        """In float64 and training mode."""
        torch.manual_seed(seed)
        shapes = {name: tuple(rows.shape[1:]) for name, rows in self.part("train").items()}
        model = self.model_class(self.config(**changes), shapes)
        model.initialize()
        train = {name: widened(rows) for name, rows in self.part("train", FITTED).items()}
        model.double().prepare(train)
        return model.train()

    def batch(self, first: int = 0, rows: int = 12) -> dict[str, Tensor]:
        """Training rows in float64, or bytes where they are bytes."""
        return {name: widened(values[first : first + rows]) for name, values in self.part("train").items()}


def widened(rows: Tensor) -> Tensor:
    """In float64, unless they are no floats."""
    return rows.double() if rows.is_floating_point() else rows
