"""Errors of answers whose truth is known: by field on the console, by column in ``columns.parquet`` too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from rich.console import Console

from ...data import FieldCard
from ...display import print_listing
from ..output import write_table
from .answers import Answered

FILE = "columns.parquet"
MOST_SHOWN = 12
"""Columns of a field that the console shows; of more it shows none."""
UNKNOWN = "-"
"""In the place of a unit that no card says."""


@dataclass(frozen=True, kw_only=True)
class ColumnError:
    """One column of a field, over all samples."""

    field: str
    column: str
    """Its name in the user's table, else where it lies on the field's axis, else its number from 1."""
    unit: str
    """Of the values; the mean squared error is in its square, R² is a pure number."""
    mse: float
    mae: float
    """Mean absolute error."""
    r2: float
    """Share of the variance about the mean that the answers explain: 1 is perfect, 0 no better than the mean; NaN where
    nothing varies."""


def column_errors(
    answered: Answered,
    *,
    names: Mapping[str, Sequence[str]],
    axes: Mapping[str, np.ndarray],
    cards: Mapping[str, FieldCard],
) -> list[ColumnError]:
    """Of each field with a truth of (N, columns), every column. names, axes: by field, what columns are called, where
    they lie."""
    found = []
    for field, truth in answered.truths.items():
        if truth.ndim != 2:
            continue
        wanted = truth.astype(np.float64)
        off = answered.answers[field].astype(np.float64) - wanted
        mse, variance = np.square(off).mean(0), wanted.var(0)
        r2 = 1 - np.divide(mse, variance, out=np.full(len(mse), np.nan), where=variance > 0)
        columns = zip(_called(len(mse), names.get(field), axes.get(field)), mse, np.abs(off).mean(0), r2, strict=True)
        unit = cards[field].unit if field in cards else UNKNOWN
        found += [
            ColumnError(field=field, column=column, unit=unit, mse=float(square), mae=float(absolute), r2=float(share))
            for column, square, absolute, share in columns
        ]
    return found


def _called(count: int, names: Sequence[str] | None, axis: np.ndarray | None) -> Sequence[str]:
    if names is not None and len(names) == count:
        return names
    if axis is not None and len(axis) == count:
        return [f"{place:g}" for place in axis]
    return [str(number) for number in range(1, count + 1)]


def write_columns(folder: Path, errors: Sequence[ColumnError]) -> None:
    """A row per column into ``columns.parquet``; nothing where there are none."""
    if errors:
        columns = zip(*map(astuple, errors), strict=True)
        write_table(folder / FILE, dict(zip((each.name for each in fields(ColumnError)), columns, strict=True)))


def print_errors(
    console: Console, answered: Answered, errors: Sequence[ColumnError], named: Mapping[str, Sequence[str]]
) -> None:
    """By field the error and, over several answers, their spread; below it the columns with names, if they are few.

    named: by field, the names of its columns. Nothing where no truth is known.
    """
    if not answered.truths:
        return
    spreads = answered.spreads()
    absolute, explained = answered.absolute_errors(), answered.explained()
    units = {each.field: each.unit for each in errors}
    table: list[tuple[str, ...]] = []
    for name, values in answered.errors().items():
        spread = [f"{spreads[name]:.4g}"] if spreads else []
        figures = f"{values.mean():.6g}", f"{absolute[name].mean():.4g}", f"{explained[name]:.4f}"
        table.append((name, units.get(name, UNKNOWN), *figures, *spread, f"{len(values):,}"))
        table += _columns(errors, name, named, blank=[""] * len(spread))
    head = ("field", "unit", "MSE", "MAE", "R²", *(["spread (std)"] if spreads else []))
    print_listing(console, (*head, "samples"), table)


def _columns(
    errors: Sequence[ColumnError], field: str, named: Mapping[str, Sequence[str]], blank: list[str]
) -> Iterator[tuple[str, ...]]:
    if len(named.get(field, ())) in range(1, MOST_SHOWN + 1):
        for each in (each for each in errors if each.field == field):
            yield f"  {each.column}", each.unit, f"{each.mse:.6g}", f"{each.mae:.4g}", f"{each.r2:.4f}", *blank, ""
