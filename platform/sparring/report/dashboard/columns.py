"""What the browser gets of a study's tables: numbers as float32 in base64, texts as words and places in them.

A missing number is NaN. The browser reads it without parsing a number (docs/decisions/0023).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...display import last_words
from .tables import StudyTables

Column = Mapping[str, Any]
"""``data``: base64 of float32; ``words`` where they are places in a list of texts."""

PLAIN = (
    "trial",
    "outcome",
    "value",
    "best_epoch",
    "epochs",
    "attempt",
    "wall_s",
    "wait_s",
    "start_s",
    "report_s",
    "lost_s",
)


def columns_of(tables: StudyTables, since: int = 0) -> dict[str, Any]:
    """Trials, curves and running trials that the ledger wrote after the sequence number ``since``."""
    table = tables.trials.table
    fresh = table.filter(pc.field("seq") > since).sort_by("seq")
    first = _seconds(pc.min(tables.attempts.table["started"]).as_py()) if len(tables.attempts.table) else None
    trials: dict[str, Column] = {name: column_of(fresh[name]) for name in PLAIN}
    for name in ("started", "ended"):
        trials[name] = numbers(_seconds_of(fresh[name]) - (first or 0.0))
    attempts = tables.attempts.table
    last = dict(zip(*(attempts[name].to_pylist() for name in ("trial", "slot")), strict=True))
    sources = dict(zip(*(attempts[name].to_pylist() for name in ("trial", "source")), strict=True))
    numbers_of_trials = fresh["trial"].to_pylist()
    trials["slot"] = column_of(pa.array([last.get(number) for number in numbers_of_trials], pa.string()))
    trials["source"] = column_of(pa.array([sources.get(number) or None for number in numbers_of_trials], pa.string()))
    errors = [error and last_words(error) for error in fresh["error"].to_pylist()]
    trials["error"] = column_of(pa.array(errors, pa.string()))
    for name in fresh.column_names:
        if name.startswith(("param.", "metric.")):
            trials[name] = column_of(fresh[name])
    return {
        "seq": tables.seq,
        "first": first,
        "count": len(fresh),
        "trials": trials,
        "curves": curves_of(tables, since),
        "running": running_of(tables, first or 0.0),
    }


def curves_of(tables: StudyTables, since: int) -> Mapping[str, Column]:
    """Trials of which an epoch is new, how many epochs each has, and the figures one trial after the other."""
    lines = tables.epochs.table
    touched = pc.unique(lines.filter(pc.field("seq") > since)["trial"])
    lines = lines.filter(pc.field("trial").isin(touched)) if since else lines
    trial, attempt, epoch = (lines[name].to_numpy() for name in ("trial", "attempt", "epoch"))
    value = lines["value"].to_numpy().astype(np.float32)
    order = np.lexsort((attempt, epoch, trial))
    trial, epoch, value = trial[order], epoch[order], value[order]
    which, starts = np.unique(trial, return_index=True)
    ends = np.append(starts[1:], len(trial))
    lengths = epoch[ends - 1] if len(trial) else np.empty(0, int)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
    flat = np.full(offsets[-1], np.nan, np.float32)
    if len(trial):
        flat[np.repeat(offsets[:-1], ends - starts) + epoch - 1] = value  # the last attempt's comes last
    return {"trial": numbers(which), "length": numbers(lengths), "value": numbers(flat)}


def running_of(tables: StudyTables, first: float) -> list[dict[str, Any]]:
    """Trials that have begun and not ended: number, slot, when the last attempt began."""
    attempts = tables.attempts.table
    ended = tables.trials.table["trial"].combine_chunks()
    begun = attempts.filter(pc.invert(pc.is_in(attempts["trial"], value_set=ended)))
    last: dict[int, dict[str, Any]] = {}
    for trial, slot, started in zip(*(begun[name].to_pylist() for name in ("trial", "slot", "started")), strict=True):
        last[trial] = {"trial": trial, "slot": slot or "", "started": _seconds(started) - first}
    return list(last.values())


def column_of(values: pa.Array | pa.ChunkedArray) -> Column:
    """A column for the browser; true and false are words too."""
    if pa.types.is_boolean(values.type):
        values = pc.if_else(values, "true", "false")
    if pa.types.is_string(values.type):
        words = pc.unique(values.drop_null()).to_pylist()
        places = pc.index_in(values, value_set=pa.array(words, pa.string()))
        return {**numbers(places.cast(pa.float64()).to_numpy(zero_copy_only=False)), "words": words}
    return numbers(values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def numbers(values: np.ndarray) -> Column:
    """Numbers for the browser; null has become NaN."""
    with np.errstate(over="ignore"):  # what is beyond float32 is as infinite as a diverged figure
        data = np.asarray(values, np.float32)
    return {"data": base64.b64encode(data.astype("<f4").tobytes()).decode()}


def _seconds_of(times: pa.ChunkedArray) -> np.ndarray:
    micros = times.cast(pa.int64()).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(micros / 1e6)


def _seconds(moment: Any) -> float:
    return float(moment.timestamp())
