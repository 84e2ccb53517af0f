"""Every metric once: name, unit, direction, definition, source.

A model emits metrics by these names; the ledger, TensorBoard, the report and the objective of a space use the same
names. ``train/…`` figures are means over the epoch's samples, ``val/…`` over the validation split in eval mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .errors import UnknownName


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure: ``definition`` is a sentence or formula a reader can recompute it from."""

    name: str
    unit: str
    goal: Literal["minimize", "maximize", "none"]
    definition: str
    source: str = ""


def _table(*metrics: Metric) -> Mapping[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS: Mapping[str, Metric] = _table(
    Metric(
        name="val/score",
        unit="share of the target's variance",
        goal="minimize",
        definition="mean over the two predictions of MSE(prediction, target) / variance of the target on the training "
        "rows; 1.0 is the mean predictor",
    ),
    Metric(
        name="val/mse_recon_structure",
        unit="descriptor units²",
        goal="minimize",
        definition="mean squared error of structure → structure, raw units",
    ),
    Metric(
        name="val/mse_recon_spectrum",
        unit="spectrum units²",
        goal="minimize",
        definition="mean squared error of spectrum → spectrum, raw units",
    ),
    Metric(
        name="val/mse_predict_structure",
        unit="descriptor units²",
        goal="minimize",
        definition="mean squared error of spectrum → structure, raw units",
    ),
    Metric(
        name="val/mse_predict_spectrum",
        unit="spectrum units²",
        goal="minimize",
        definition="mean squared error of structure → spectrum, raw units",
    ),
    Metric(name="train/loss_gen", unit="", goal="none", definition="the generator's weighted loss, as optimised"),
    Metric(name="train/loss_dis", unit="nat", goal="none", definition="the discriminators' loss, as optimised"),
    Metric(
        name="train/loss_adv",
        unit="nat",
        goal="none",
        definition="the generator's adversarial term before its weight: how badly it fools the discriminators",
    ),
    Metric(name="train/lr_gen", unit="", goal="none", definition="generator learning rate at the epoch's last step"),
    Metric(
        name="train/lr_dis", unit="", goal="none", definition="discriminator learning rate at the epoch's last step"
    ),
)


def find_metric(name: str) -> Metric:
    """The metric called ``name``; raises UnknownName with the list of those there are."""
    try:
        return METRICS[name]
    except KeyError:
        raise UnknownName(f"no metric {name!r}; there are: {', '.join(METRICS)}") from None
