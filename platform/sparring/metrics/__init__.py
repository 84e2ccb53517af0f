"""Every metric once: name, unit, direction, definition, source.

A model emits metrics by these names; the ledger, TensorBoard, the report and the objective of a space use the same
names. A model of the user's own defines those that only it has (``define``). ``train/…`` figures are means over the
epoch's samples, ``val/…`` over the validation split in eval mode. Here they are found by name; each of the other files
defines those of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..errors import UnknownName, UsageError, names_hint
from .metric import Metric
from .samples import SAMPLES
from .training import TRAINING
from .validation import VALIDATION

__all__ = ["METRICS", "NAME_RULE", "Metric", "define", "find_metric", "known_metric"]

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*VALIDATION, *SAMPLES, *TRAINING)}

NAME_RULE = re.compile(r"(train|val)/[a-z0-9_]{1,60}")

_OWN: dict[str, Metric] = {}
"""Those that models of the user's own have defined in this process."""


def define(metrics: Iterable[Metric], where: str) -> None:
    """Adds the metrics of a model of one's own; one that it defines anew is replaced. where: what messages call it.

    Raises UsageError if one has a name of another form, or that of a metric which is defined here.
    """
    for metric in metrics:
        if not isinstance(metric, Metric):
            raise UsageError(f"{where}: Config.defines holds sparring.metrics.Metric, but got {metric!r}")
        if not NAME_RULE.fullmatch(metric.name):
            raise UsageError(
                f"{where}: a metric of your own is called val/… or train/…, small letters, digits and _, but got "
                f"{metric.name!r}"
            )
        if metric.name in METRICS:
            raise UsageError(
                f"{where}: Config.defines: {metric.name} is defined already, as {METRICS[metric.name].definition}; "
                "give yours another name"
            )
        if metric.goal not in ("minimize", "maximize", "none"):
            raise UsageError(f"{where}: {metric.name}: goal is minimize, maximize or none, but got {metric.goal!r}")
        _OWN[metric.name] = metric


def known_metric(name: str) -> Metric | None:
    """The metric called ``name``; None if there is none."""
    return METRICS.get(name) or _OWN.get(name)


def find_metric(name: str) -> Metric:
    """The metric called ``name``; raises UnknownName with the list of those there are."""
    if (metric := known_metric(name)) is None:
        raise UnknownName(f"no metric {name!r}; {names_hint(name, [*METRICS, *_OWN])}")
    return metric
