"""Trials of a study in full, for whoever looks at them: every figure by epoch, and what their optimizers held."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SparringError
from ...ledger import read_epochs
from ...models import find_config
from ...models.config import Config, Phase
from ...records import StudySpec, Value
from ...space import Space
from .columns import numbers

ADAMS = ("Adam", "AdamW")
BETAS = (0.9, 0.999)
"""torch's own."""
DECAYS = {"AdamW": 0.01}
"""torch's own weight decay where the system names none; that of every other optimizer is 0."""


def details_of(folder: Path, spec: StudySpec, params: Mapping[int, Mapping[str, Value]]) -> dict[int, dict[str, Any]]:
    """By trial its figures as columns, a place per epoch, and its optimizers; those only of a system that may be
    imported. params: of the trials that are wanted."""
    wanted = pc.field("trial").isin(pa.array(list(params), pa.int64()))
    table = read_epochs(folder, wanted).table.sort_by("attempt")
    columns = [table[name].to_pylist() for name in ("trial", "metric", "epoch", "value")]
    last = dict.fromkeys(params, 0)
    for trial, _, epoch, _ in zip(*columns, strict=True):
        last[trial] = max(last[trial], epoch)
    curves: dict[int, dict[str, np.ndarray]] = {trial: {} for trial in params}
    for trial, name, epoch, value in zip(*columns, strict=True):  # the last attempt's comes last
        if value is not None:
            curves[trial].setdefault(name, np.full(last[trial], np.nan))[epoch - 1] = value
    return {
        trial: {
            "trial": trial,
            "epochs": last[trial],
            "figures": {name: numbers(curve) for name, curve in sorted(found.items())},
            "optimizers": _optimizers(spec, params[trial]),
        }
        for trial, found in curves.items()
    }


def _optimizers(spec: StudySpec, params: Mapping[str, Value]) -> list[dict[str, Any]]:
    try:
        space = Space(dict(spec.space), find_config(spec.model), f"{spec.name}/study.json")
        return optimizers_of(space.config(params))
    except SparringError:
        return []


def optimizers_of(config: Config) -> list[dict[str, Any]]:
    """Of every phase, what its optimizer is made with; ``rate`` is the figure that has its learning rate by epoch."""
    return [_held(config, phase) for phase in config.phases]


def _held(config: Config, phase: Phase) -> dict[str, Any]:
    name = getattr(config, phase.optim_fn)
    decay = DECAYS.get(name, 0.0) if phase.weight_decay is None else getattr(config, phase.weight_decay)
    first = BETAS[0] if phase.beta1 is None else getattr(config, phase.beta1)
    return {
        "phase": phase.name, "nets": list(phase.nets), "optimizer": name, "lr": getattr(config, phase.lr),
        "rate": f"train/{phase.lr}", "weight_decay": decay, "betas": [first, BETAS[1]] if name in ADAMS else None,
    }  # fmt: skip
