"""Re-trainings, as the table ``retrainings/`` keeps them: apart from trials, so the search never meets one."""

from __future__ import annotations

import math
from datetime import datetime
from os import PathLike
from typing import cast

import pyarrow as pa

from ..errors import LedgerError
from ..records import REFIT, Outcome, Retraining
from .reading import read_retrainings
from .schema import Columns, pick, shorten


def of_retraining(columns: Columns, row: Retraining, seq: int, ended: datetime) -> pa.Table:
    """A re-training as a table of one row; raises LedgerError where it does not fit the columns."""
    if row.value is not None and not math.isfinite(row.value):
        raise LedgerError(
            f"trial {row.trial}, seed {row.seed}: its objective must be finite, but got {row.value}; end it as diverged"
        )
    record = {
        **columns.core(row.trial, seq), "seed": row.seed, "role": row.role, "asked": row.asked,
        "outcome": str(row.outcome), "value": row.value, "best_epoch": row.best_epoch, "epochs": row.epochs,
        "wall_s": row.wall_s,
        "cpu_s": row.cpu_s, "ended": ended, "error": None if row.error is None else shorten(row.error),
        **columns.figures(row.trial, row.metrics),
    }  # fmt: skip
    return pa.Table.from_pylist([record], schema=columns.schemas["retrainings"])


def retraining_rows(folder: str | PathLike[str]) -> list[Retraining]:
    """Every re-training of a study on a fresh seed, sorted by trial and seed; none of a study from before there were
    any.

    Raises as ``read_trials``.
    """
    return [row for row in _all_rows(folder) if row.role != REFIT]


def refit_trials(folder: str | PathLike[str]) -> frozenset[int]:
    """The trials that were trained again on their own seed for their weights, whether that worked or not.

    Raises as ``read_trials``.
    """
    return frozenset(row.trial for row in _all_rows(folder) if row.role == REFIT)


def _all_rows(folder: str | PathLike[str]) -> list[Retraining]:
    return [
        Retraining(
            trial=record["trial"], seed=record["seed"], role=record["role"], asked=record["asked"],
            outcome=Outcome(record["outcome"]), value=record["value"], best_epoch=record["best_epoch"],
            epochs=record["epochs"], metrics=cast("dict[str, float]", pick(record, "metric.")),
            wall_s=record["wall_s"], cpu_s=record["cpu_s"], error=record["error"],
        )
        for record in read_retrainings(folder).table.to_pylist()
    ]  # fmt: skip
