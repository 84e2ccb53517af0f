"""Columns of a table, Parquet, CSV, HDF5 or ROOT: each field is some of its columns, one row per sample.

Read by Arrow: byte order marks and Windows line ends are fine; ``table_files.py`` says how a text is told. Columns are
named one by one or by pattern (``g*``); what is empty, or no number, is refused by its column and row.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from ...errors import DataError
from ..dataset import PARTS, Dataset
from .table_files import TextForm, left_out, read_table

if TYPE_CHECKING:
    from pyarrow import ChunkedArray, Table


class Options(TextForm):
    """Which columns make which field."""

    file: str | None = None
    """The table in the folder; None where --data-path leads to it."""
    columns: Mapping[str, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    """By field, its columns: names or patterns such as "g*", in this order. Empty: one field x of all columns left."""
    id: str | None = None
    """Column that says what each row is called; None takes the row numbers that stand beside the columns, or counts."""
    label: str | None = None
    """Column that says the class of each row; no field holds it, and codes are coloured by it."""
    part: str | None = None
    """Column that says train, valid or test for each row, where the split is published."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set at ``path``; raises DataError, naming file, column and row, if anything is amiss."""
    if path is None:
        raise DataError("a table is read from a .parquet, .csv, .h5 or .root file, but got no path; give --data-path")
    file = path if options.file is None or path.is_file() else path / options.file
    aside = {options.id or "", options.part or "", options.label or ""}
    said = {name for names in options.columns.values() for name in names} | aside
    table, numbered = read_table(file, options, said - {""})
    columns = _columns(file, table, options)
    fields = {name: _matrix(file, table, names) for name, names in columns.items()}
    ids = numbered or [f"row-{row + 1}" for row in range(table.num_rows)]
    if options.id is not None:
        ids = [str(name) for name in _column(file, table, options.id).to_pylist()]
    labels = [] if options.label is None else [str(name) for name in _column(file, table, options.label).to_pylist()]
    order, parts = _parts(file, table, options)
    return Dataset(
        name=file.stem,
        fields={name: values[order] for name, values in fields.items()},
        ids=tuple(ids[row] for row in order),
        columns={name: tuple(names) for name, names in columns.items()},
        parts=parts,
        labels=tuple(labels[row] for row in order) if labels else (),
        notes=_notes(file, table, options),
    )


def numbers(path: Path, table: Table, name: str, way_out: str = "") -> np.ndarray:
    """One column as float64; raises DataError, with the way out, where it is empty or holds no number."""
    import pyarrow as arrow

    column = _column(path, table, name)
    dtype = column.type
    if not (arrow.types.is_integer(dtype) or arrow.types.is_floating(dtype) or arrow.types.is_boolean(dtype)):
        values = enumerate(column.to_pylist(), 1)
        row, value = next(((row, value) for row, value in values if not _is_number(value)), (0, None))
        shown = f"{value!r} in row {row}" if row else f"type {dtype}"
        has_comma = isinstance(value, str) and value.count(",") == 1 and _is_number(value.replace(",", "."))
        if has_comma:
            way_out = "for decimal commas give --set data.decimal=,"
        raise DataError(f"{path}: column {name!r} must hold numbers, but got {shown}{way_out and f'; {way_out}'}")
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise DataError(f"{path}: column {name!r} has no number in row {row + 1}; fill or remove it")
    array: np.ndarray = column.cast(arrow.float64()).to_numpy()
    return array


def _columns(path: Path, table: Table, options: Options) -> dict[str, list[str]]:
    aside = {options.id, options.part, options.label}
    if not options.columns:
        return {"x": [name for name in table.column_names if name not in aside]}
    columns: dict[str, list[str]] = {}
    for field, patterns in options.columns.items():
        columns[field] = []
        for pattern in patterns:
            matching = [name for name in table.column_names if fnmatchcase(name, pattern) and name not in aside]
            if not matching:
                raise DataError(f"{path}: no column is called {pattern!r}; there are: {_some(table.column_names)}")
            columns[field] += [name for name in matching if name not in columns[field]]
    return columns


def _matrix(path: Path, table: Table, names: list[str]) -> np.ndarray:
    if not names:
        return np.empty((table.num_rows, 0))
    columns = (
        numbers(path, table, name, f"--set {quote(f'data.id={name}')} makes it the rows' names") for name in names
    )
    return np.stack(list(columns), axis=1)


def _column(path: Path, table: Table, name: str) -> ChunkedArray:
    if table.column_names.count(name) != 1:
        raise DataError(f"{path}: one column must be called {name!r}, but there are: {_some(table.column_names)}")
    return table.column(name)


def _parts(path: Path, table: Table, options: Options) -> tuple[np.ndarray, dict[str, int]]:
    """The rows in the order train, valid, test, and how many each has."""
    if options.part is None:
        return np.arange(table.num_rows), {}
    labels = [str(value) for value in _column(path, table, options.part).to_pylist()]
    wrong = next((row for row, part in enumerate(labels) if part not in PARTS), None)
    if wrong is not None:
        raise DataError(
            f"{path}: column {options.part!r} must say {', '.join(PARTS)}, but says {labels[wrong]!r} "
            f"in row {wrong + 1}"
        )
    rank = np.array([PARTS.index(part) for part in labels])
    return np.argsort(rank, kind="stable"), {part: labels.count(part) for part in PARTS if part in labels}


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _notes(file: Path, table: Table, options: Options) -> tuple[str, ...]:
    """What was left out, unless the columns were named one by one."""
    others = left_out(table)
    is_chosen = bool(options.columns) and not any("*" in name for names in options.columns.values() for name in names)
    return (f"{file}: left out are {others}",) if others and not is_chosen else ()


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
