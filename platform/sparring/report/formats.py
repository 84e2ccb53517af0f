"""The forms of a report: tables for people, JSON, CSV or Parquet for programs; to a screen, a pipe or a file."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console

from ..errors import UsageError
from ..ledger.ranking import is_ranked
from ..records import Interval, TrialRow
from ..untrusted.screen import Screen, print_plain
from .checks import examine
from .reading import Report
from .tables import tables


def render(report: Report, *, format: str, output: Path | None, console: Console) -> None:
    """Writes the report in ``format`` to ``output``, else to the console (tables) or stdout (the others)."""
    if format == "table" and output is None:
        for part in tables(report, console.width):
            console.print(part, soft_wrap=isinstance(part, str), markup=False, highlight=False)
        return
    if format == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("--format parquet: binary data do not belong on a screen; add -o trials.parquet, or a pipe")
    data = FORMATS[format](report)
    if output is None:
        if sys.stdout.isatty():
            print_plain(data.decode())
            return
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise UsageError(f"--output: {output} cannot be written: {error.strerror}; write somewhere else") from error


def as_json(report: Report) -> bytes:
    """Everything in the report; figures that are not finite are null."""
    document = {
        "study": report.spec.name,
        "model": report.spec.model,
        "dataset": report.spec.dataset,
        "split": report.spec.split,
        "test": _test_of(report),
        "objectives": [asdict(objective) for objective in report.spec.objectives],
        "front": [row.trial for row in report.front],
        "best": report.best and _as_dict(report.best, report),
        "baseline": report.baseline and _as_dict(report.baseline, report),
        "outcomes": {
            outcome: {"trials": count, "advice": outcome.advice} for outcome, count in report.outcomes.items()
        },
        "prospect": report.prospect and asdict(report.prospect),
        "importance": asdict(report.importance),
        "yardsticks": [
            {**asdict(yardstick), "test": _without_resamples(yardstick.test)} for yardstick in report.yardsticks
        ],
        "verdict": report.verdict,
        "checks": [asdict(check) for check in examine(report)],
        "conclusion": list(report.conclusion),
        "trials": [
            {"rank": index + 1 if is_ranked(row) else None, **_as_dict(row, report)}
            for index, row in enumerate(report.trials)
        ],
        "notes": list(report.notes),
    }
    return (json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _test_of(report: Report) -> dict[str, object]:
    """What is known of the test rows. The figures are those of the last look, whoever won by then."""
    held_out = report.held_out
    look = held_out.looks[-1] if held_out.looks else None
    return {
        "rows": held_out.rows,
        "looks": len(held_out.looks),
        "sentences": list(held_out.sentences),
        "after_trials": [each.trials for each in held_out.looks],
        "trial": look and look.trial,
        "winner": _without_resamples(look.winner if look else {}),
        "default": _without_resamples(look.default if look else {}),
        "difference": _without_resamples(look.difference if look else {}),
    }


def _without_resamples(figures: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    return {name: {"value": each.value, "low": each.low, "high": each.high} for name, each in figures.items()}


def _as_dict(row: TrialRow, report: Report) -> dict[str, object]:
    return {**asdict(row), "try": report.tries.get(row.trial)}


def as_csv(report: Report) -> bytes:
    """The ranked trials, one line each."""
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(report.table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def as_parquet(report: Report) -> bytes:
    """The ranked trials, one row each."""
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(report.table, sink, compression="zstd", write_page_checksum=True)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def as_text(report: Report) -> bytes:
    """The tables as a terminal of 120 columns without colours shows them."""
    text = io.StringIO()
    console = Screen(width=120, color_system=None, force_terminal=False, file=text)
    for part in tables(report, console.width):
        console.print(part, soft_wrap=isinstance(part, str), markup=False, highlight=False)
    return text.getvalue().encode()


FORMATS: dict[str, Callable[[Report], bytes]] = {
    "table": as_text,
    "json": as_json,
    "csv": as_csv,
    "parquet": as_parquet,
}


def finite(value: object) -> object:
    """A value of JSON in which NaN and the infinities are null."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
