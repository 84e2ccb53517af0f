"""The columns of the five tables, and rows to and from Arrow.

The schema is fixed for a study: a searched hyperparameter is ``param.<name>`` with the type of its kind, null where a
condition leaves it out; a metric is ``metric.<name>``. NaN is a value that was measured, null one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from numbers import Integral, Real
from operator import itemgetter
from typing import cast

import pyarrow as pa

from ..errors import LedgerError
from ..records import AttemptRow, EpochRow, Kind, Outcome, TrialRow, Value

SCHEMA_VERSION = 1

KEYS: Mapping[str, tuple[str, ...]] = {
    "trials": ("trial",),
    "attempts": ("trial", "attempt"),
    "epochs": ("trial", "attempt", "epoch", "metric"),
    "test": ("look", "role", "metric"),
    "retrainings": ("trial", "seed"),
}
"""What makes a row of each table unique; of two equal keys the greater ``seq`` counts."""

OVERHEAD = ("wait_s", "start_s", "report_s", "lost_s")
"""A trial's seconds beside those of its epochs, as TrialRow has them; null in parts that an older version wrote."""

ERROR_BYTES = 4096

_TIME = pa.timestamp("us", tz="UTC")
_TYPES = {"float": pa.float64(), "int": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
_CORE = (("schema_version", pa.int32()), ("study", pa.string()), ("seq", pa.int64()), ("trial", pa.int64()))


class Columns:
    """The schemas of one study's tables, and the rows that fit them.

    study: the name written into every row; kinds: searched hyperparameter -> type; metrics: every metric's name.
    """

    def __init__(self, study: str, kinds: Mapping[str, Kind], metrics: Sequence[str]) -> None:
        self.study = study
        self.kinds = dict(kinds)
        self.metrics = tuple(metrics)
        params = [(f"param.{name}", _TYPES[kind]) for name, kind in kinds.items()]
        self.schemas: Mapping[str, pa.Schema] = {
            "trials": pa.schema(
                [
                    *_CORE,
                    ("attempt", pa.int32()),
                    ("seed", pa.int64()),
                    ("outcome", pa.string()),
                    ("value", pa.float64()),
                    ("best_epoch", pa.int32()),
                    ("epochs", pa.int32()),
                    ("wall_s", pa.float64()),
                    *((name, pa.float64()) for name in OVERHEAD),
                    ("started", _TIME),
                    ("ended", _TIME),
                    ("error", pa.string()),
                    *params,
                    *((f"metric.{name}", pa.float64()) for name in metrics),
                ]
            ),
            "attempts": pa.schema(
                [
                    *_CORE,
                    ("attempt", pa.int32()),
                    ("seed", pa.int64()),
                    ("slot", pa.string()),
                    ("source", pa.string()),
                    ("started", _TIME),
                    *params,
                ]
            ),
            "epochs": pa.schema(
                [
                    *_CORE,
                    ("attempt", pa.int32()),
                    ("epoch", pa.int32()),
                    ("metric", pa.string()),
                    ("value", pa.float64()),
                    ("wall_s", pa.float64()),
                    ("cpu_s", pa.float64()),
                ]
            ),
            "test": pa.schema(
                [
                    *_CORE,
                    ("look", pa.int32()),
                    ("role", pa.string()),
                    ("metric", pa.string()),
                    ("value", pa.float64()),
                    ("low", pa.float64()),
                    ("high", pa.float64()),
                    ("rows", pa.int64()),
                    ("trials", pa.int64()),
                    ("at", _TIME),
                    ("resamples", pa.list_(pa.float64())),
                ]
            ),
            "retrainings": pa.schema(
                [
                    *_CORE,
                    ("seed", pa.int64()),
                    ("role", pa.string()),
                    ("asked", pa.int64()),
                    ("outcome", pa.string()),
                    ("value", pa.float64()),
                    ("best_epoch", pa.int32()),
                    ("epochs", pa.int32()),
                    ("wall_s", pa.float64()),
                    ("cpu_s", pa.float64()),
                    ("ended", _TIME),
                    ("error", pa.string()),
                    *((f"metric.{name}", pa.float64()) for name in metrics),
                ]
            ),
        }

    def of_trial(self, row: TrialRow, seq: int, started: datetime | None, ended: datetime) -> pa.Table:
        """A finished trial as a table of one row; raises LedgerError where it does not fit the columns."""
        if row.value is not None and not math.isfinite(row.value):
            raise LedgerError(
                f"trial {row.trial}: its objective must be finite, but got {row.value}; end it as diverged, without one"
            )
        record = {
            **self.core(row.trial, seq),
            "attempt": row.attempt,
            "seed": row.seed,
            "outcome": str(row.outcome),
            "value": row.value,
            "best_epoch": row.best_epoch,
            "epochs": row.epochs,
            "wall_s": row.wall_s,
            **{name: getattr(row, name) for name in OVERHEAD},
            "started": started,
            "ended": ended,
            "error": None if row.error is None else shorten(row.error),
            **self._params(row.trial, row.params),
            **self.figures(row.trial, row.metrics),
        }
        return pa.Table.from_pylist([record], schema=self.schemas["trials"])

    def of_attempt(self, row: AttemptRow, seq: int, started: datetime) -> pa.Table:
        """A try at a trial as a table of one row; raises LedgerError where it does not fit the columns."""
        record = {
            **self.core(row.trial, seq),
            "attempt": row.attempt,
            "seed": row.seed,
            "slot": row.slot,
            "source": row.source,
            "started": started,
            **self._params(row.trial, row.params),
        }
        return pa.Table.from_pylist([record], schema=self.schemas["attempts"])

    def of_epochs(self, rows: Sequence[EpochRow], seq: int) -> pa.Table:
        """One line per metric and epoch; raises LedgerError for an epoch that measured nothing or unknown things."""
        records = []
        for row in rows:
            if not row.metrics:
                raise LedgerError(f"trial {row.trial}, epoch {row.epoch}: an epoch must measure at least one metric")
            core = {
                **self.core(row.trial, seq),
                "attempt": row.attempt,
                "epoch": row.epoch,
                "wall_s": row.wall_s,
                "cpu_s": row.cpu_s,
            }
            for name, value in self._figures(row.trial, row.metrics).items():
                records.append({**core, "metric": name, "value": value})
        return pa.Table.from_pylist(records, schema=self.schemas["epochs"])

    def core(self, trial: int, seq: int) -> dict[str, object]:
        """What every table's rows begin with."""
        return {"schema_version": SCHEMA_VERSION, "study": self.study, "seq": seq, "trial": trial}

    def figures(self, trial: int, figures: Mapping[str, float]) -> dict[str, float]:
        """A row's columns ``metric.…``; raises LedgerError for a figure that the study does not have."""
        return {f"metric.{name}": value for name, value in self._figures(trial, figures).items()}

    def _params(self, trial: int, params: Mapping[str, Value]) -> dict[str, Value]:
        for name, value in params.items():
            kind = self.kinds.get(name)
            if kind is None:
                raise LedgerError(f"trial {trial}: the study searches no {name!r}; it has: {', '.join(self.kinds)}")
            if not _fits(value, kind):
                raise LedgerError(f"trial {trial}: {name} must be of type {kind}, but got {value!r}")
        cast = {"float": float, "int": int, "bool": bool, "str": str}
        return {f"param.{name}": cast[self.kinds[name]](value) for name, value in params.items()}

    def _figures(self, trial: int, figures: Mapping[str, float]) -> dict[str, float]:
        for name, value in figures.items():
            if name not in self.metrics:
                raise LedgerError(f"trial {trial}: the study has no metric {name!r}; it has: {', '.join(self.metrics)}")
            if not _fits(value, "float"):
                raise LedgerError(f"trial {trial}: {name} must be a number, but got {value!r}")
        return {name: float(value) for name, value in figures.items()}


def to_trial_rows(table: pa.Table) -> list[TrialRow]:
    """The rows of ``trials/``; the inverse of ``Columns.of_trial``. Raises ValueError for an unknown outcome."""
    return [
        TrialRow(
            trial=record["trial"],
            attempt=record["attempt"],
            seed=record["seed"],
            outcome=Outcome(record["outcome"]),
            params=pick(record, "param."),
            value=record["value"],
            best_epoch=record["best_epoch"],
            epochs=record["epochs"],
            metrics=cast("dict[str, float]", pick(record, "metric.")),
            wall_s=record["wall_s"],
            **{name: record[name] for name in OVERHEAD},
            error=record["error"],
        )
        for record in _timeless(table).to_pylist()
    ]


def _timeless(table: pa.Table) -> pa.Table:
    """The columns that hold no time: to make a Python value of one, pyarrow imports pandas, half a second."""
    return table.select([field.name for field in table.schema if not pa.types.is_timestamp(field.type)])


def to_attempt_rows(table: pa.Table) -> list[AttemptRow]:
    """The rows of ``attempts/``; the inverse of ``Columns.of_attempt``."""
    return [
        AttemptRow(
            trial=record["trial"],
            attempt=record["attempt"],
            seed=record["seed"],
            params=pick(record, "param."),
            slot=record["slot"],
            source=record["source"] or "",
        )
        for record in _timeless(table).to_pylist()
    ]


def to_epoch_rows(table: pa.Table) -> list[EpochRow]:
    """The lines of ``epochs/`` gathered into one row per epoch. table: sorted by trial, attempt and epoch."""
    columns = [table[name].to_pylist() for name in ("trial", "attempt", "epoch", "metric", "value", "wall_s", "cpu_s")]
    rows = []
    for (trial, attempt, epoch), lines in groupby(zip(*columns, strict=True), key=itemgetter(0, 1, 2)):
        measured = list(lines)
        rows.append(
            EpochRow(
                trial=trial,
                attempt=attempt,
                epoch=epoch,
                metrics={line[3]: line[4] for line in measured},
                wall_s=measured[0][5],
                cpu_s=measured[0][6],
            )
        )
    return rows


def pick(record: Mapping[str, object], prefix: str) -> dict[str, Value]:
    """The values of the columns that begin with ``prefix``, by the rest of their names; null is left out."""
    return {
        name.removeprefix(prefix): cast("Value", value)
        for name, value in record.items()
        if name.startswith(prefix) and value is not None
    }


def _fits(value: object, kind: Kind) -> bool:
    if isinstance(value, bool) or kind in ("bool", "str"):
        return type(value).__name__ == kind
    return isinstance(value, Integral if kind == "int" else Real)


def shorten(text: str) -> str:
    """At most 4 kB of UTF-8; whatever an exception says must not keep its trial out of the ledger."""
    return text.encode("utf-8", "replace")[:ERROR_BYTES].decode("utf-8", "ignore")
