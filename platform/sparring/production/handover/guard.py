"""What a model in production may be asked: inputs are checked against the schema before the model sees them.

Whatever is refused, is so in one sentence that names the field, the rule, what was got and the way out; it repeats no
value of the caller's but the first that breaks the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import DataError
from .schema import AxisSchema, FieldSchema, Schema, Verb, VerbSchema

MOST_ROWS = 100_000
"""Rows of one call: an answer that fits into memory for every system."""
MAX_ABS = 1e15
"""As in training: squares of larger values leave float32."""
LIMIT = np.float64(MAX_ABS)
"""Of that type, so that smaller ones are compared as it is."""
AXIS_TOLERANCE = 1e-2
"""Share of a step by which the caller's grid may differ, since some files write only two digits."""
PLAIN = {"float", "double", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
"""Arrow's names of the types that NumPy takes as they are."""

Given = Mapping[str, Any]
"""By field arrays (N, …), or a table (pandas, pyarrow) with the columns that the schema names."""


def check_rows(schema: Schema, verb: Verb, given: Any, axes: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
    """The fields that the verb takes, as arrays of the model's dtypes.

    axes: by field, the grid on which the caller's numbers lie; what is not named lies on the model's.
    Raises DataError.
    """
    takes = schema.verbs[verb]
    fields = _by_field(schema, verb, given)
    chosen = _chosen(verb, takes, fields)
    for name, grid in (axes or {}).items():
        if name not in fields:
            raise DataError(f"axes: {name} is not among what was given, {', '.join(fields)}; leave it out")
        _check_axis(name, schema.field(name).axis, grid)
    arrays = {name: _array(schema.field(name), fields[name]) for name in chosen}
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(f"{verb}: every field needs one row per sample, but got rows: {said}")
    return arrays


def check_count(n: object, most: int = MOST_ROWS) -> int:
    """How many samples may be drawn. Raises DataError unless it is a whole number from 1 to ``most``."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= most:
        raise DataError(f"sample: wants a whole number of samples from 1 to {most:,}, but got {n!r}")
    return int(n)


def _by_field(schema: Schema, verb: Verb, given: Any) -> dict[str, Any]:
    """By field what was given, whichever form it came in."""
    names = getattr(given, "column_names", None)  # pyarrow
    if names is None and hasattr(given, "columns"):  # pandas
        names = [str(name) for name in given.columns]
    if names is not None:
        return _from_table(schema, verb, given, list(names))
    if not isinstance(given, Mapping):
        raise DataError(
            f"{verb}: wants arrays by field, such as {{{schema.verbs[verb].inputs[0]!r}: array}}, or a table, but got "
            f"{type(given).__name__}"
        )
    known = {field.name for field in schema.fields}
    if unknown := [str(name) for name in given if name not in known]:
        raise DataError(
            f"{verb}: no field {unknown[0]!r}; there are: {', '.join(field.name for field in schema.fields)}"
        )
    return dict(given)


def _from_table(schema: Schema, verb: Verb, table: Any, names: list[str]) -> dict[str, Any]:
    """Fields of whose columns the table has some; a column is found by its name, wherever it stands."""
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{verb}: a column's name occurs once, but {twice[0]!r} occurs {names.count(twice[0])} times")
    known = {column: field.name for field in schema.fields for column in field.columns}
    if unknown := [name for name in names if name not in known]:
        examples = [f"{field.columns[0]} to {field.columns[-1]}" for field in schema.fields if field.columns]
        raise DataError(f"{verb}: no column {unknown[0]!r}; there are: {', '.join(examples) or 'none, give arrays'}")
    fields = {}
    for field in schema.fields:
        present = set(field.columns) & set(names)
        if not present:
            continue
        if missing := [column for column in field.columns if column not in present]:
            raise DataError(f"{verb}: {field.name} has {len(field.columns)} columns, but {missing[0]!r} is not there")
        fields[field.name] = np.stack([_column(table, column) for column in field.columns], axis=1)
    return fields


def _column(table: Any, name: str) -> np.ndarray:
    column = table[name]
    if hasattr(column, "combine_chunks"):  # of pyarrow, whose own to_numpy imports pandas: half a second
        whole = column.combine_chunks()
        if not whole.null_count and hasattr(whole, "__dlpack__") and str(whole.type) in PLAIN:
            return np.from_dlpack(whole)
    return np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)


def _chosen(verb: Verb, takes: VerbSchema, fields: Mapping[str, Any]) -> Sequence[str]:
    chosen = [name for name in takes.inputs if name in fields]
    if takes.needs == "any" and not chosen:
        raise DataError(f"{verb}: wants {' or '.join(takes.inputs)}, but got {', '.join(fields) or 'nothing'}")
    if takes.needs == "all" and len(chosen) < len(takes.inputs):
        raise DataError(f"{verb}: wants {' and '.join(takes.inputs)}, but got {', '.join(fields) or 'nothing'}")
    return chosen


def _array(field: FieldSchema, given: Any) -> np.ndarray:
    """Checked in the order of cost, so that a million rows are refused before they are copied."""
    try:
        array = np.asarray(given)
    except (ValueError, TypeError) as error:
        raise DataError(f"{field.name}: wants an array, but: {error}") from error
    if array.dtype.kind not in "fiub":
        raise DataError(f"{field.name}: wants numbers, but got {array.dtype}")
    if array.shape[1:] != field.shape or not array.ndim:
        wanted = ", ".join(["rows", *map(str, field.shape)])
        raise DataError(f"{field.name}: wants the shape ({wanted}), but got {array.shape}{_hint(field, array)}")
    if not 1 <= len(array) <= MOST_ROWS:
        raise DataError(
            f"{field.name}: wants 1 to {MOST_ROWS:,} rows in one call, but got {len(array):,}; ask in parts"
        )
    if field.dtype == "uint8":
        if array.dtype.kind == "f" or array.min() < 0 or array.max() > 255:
            raise DataError(f"{field.name}: wants bytes from 0 to 255, but got {array.dtype}; {field.unit}")
        return np.ascontiguousarray(array, dtype=np.uint8)
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
        converted = np.ascontiguousarray(array, dtype=np.float32)
    fine = (array >= -LIMIT) & (array <= LIMIT)  # as they were given; False for NaN too
    if not fine.all():
        row, *place = (int(index) for index in np.argwhere(~fine)[0])
        raise DataError(
            f"{field.name}: values must be finite and within ±{MAX_ABS:g}, but row {row + 1} has "
            f"{array[(row, *place)]} in {_place(field, place)}; correct or remove it"
        )
    return converted


def _hint(field: FieldSchema, array: np.ndarray) -> str:
    return "; give one sample as a row of its own" if array.shape == field.shape else ""


def _place(field: FieldSchema, place: Sequence[int]) -> str:
    return field.columns[place[0]] if len(place) == 1 and field.columns else f"index {tuple(place)}"


def _check_axis(name: str, axis: AxisSchema | None, grid: Any) -> None:
    if axis is None:
        raise DataError(f"axes: {name} has no grid; leave it out")
    own, other = np.array(axis.values), np.asarray(grid)
    if other.dtype.kind not in "fiu" or other.ndim != 1 or not np.isfinite(other).all() or not len(other):
        raise DataError(f"axes: {name}: wants a row of finite numbers, but got {other.dtype} of shape {other.shape}")
    step = float(np.abs(np.diff(own)).min()) if len(own) > 1 else 1.0
    if len(own) != len(other) or (np.abs(own - other) > AXIS_TOLERANCE * step).any():
        raise DataError(
            f"axes: {name}: the model reads {len(own)} points from {own[0]:g} to {own[-1]:g} ({axis.meaning}), but got "
            f"{len(other)} from {other[0]:g} to {other[-1]:g}; interpolate onto those"
        )
