"""Columns of HDF5 files, read by h5py: ``pip install h5py``.

A table is a group whose arrays of one axis are columns of equal length, or one array: of two axes, a column each, or of
records, a column per member. What leads out of the file (external links and storage, virtual arrays) is not followed.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DataError

if TYPE_CHECKING:
    from pyarrow import Table

SUFFIXES = (".h5", ".hdf5", ".hdf")
MOST_RATIO = 1000
"""Bytes that the columns may unfold to, as a multiple of the file's."""
FLOOR = 1 << 26
"""Bytes that the smallest file may unfold to: 64 MiB."""
MOST_COLUMNS = 100_000
SHOWN = 8
"""Names that a message shows."""


def read_hdf5(path: Path, place: str | None) -> tuple[Table, list[str]]:
    """An Arrow table, and the names of what lies there and is no column.

    place: group or array, "/" between names; None: the file's top. Raises DataError, with the names, if none is there.
    """
    import pyarrow as arrow

    try:
        h5py: Any = importlib.import_module("h5py")
    except ImportError:
        raise DataError(f"{path}: HDF5 files need h5py; pip install h5py") from None
    try:
        with h5py.File(path, "r") as file:
            columns, others = _columns(h5py, path, _at(h5py, path, file, place))
    except DataError:
        raise
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, MemoryError) as error:
        raise DataError(f"{path}: it cannot be read as HDF5: {' '.join(str(error).split())[:200]}") from error
    return arrow.table(columns), others


def _at(h5py: Any, path: Path, file: Any, place: str | None) -> Any:
    """The group or array that a place leads to, through links within the file alone."""
    here = file
    for name in [part for part in (place or "").split("/") if part]:
        if not isinstance(here, h5py.Group) or name not in here or not _is_inside(h5py, here, name):
            there = ", ".join(list(here)[:SHOWN]) if isinstance(here, h5py.Group) else "columns"
            raise DataError(f"{path}: data.tree={place} must lead to a group or an array, but at {name!r} are: {there}")
        here = here[name]
    return here


def _is_inside(h5py: Any, group: Any, name: str) -> bool:
    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def _columns(h5py: Any, path: Path, here: Any) -> tuple[dict[str, Any], list[str]]:
    if not isinstance(here, h5py.Group):
        return _of_array(path, here), []
    if len(here) > MOST_COLUMNS:
        raise DataError(f"{path}: a table has at most {MOST_COLUMNS:,} columns, but got {len(here):,}")
    inside = {name: here[name] for name in here if _is_inside(h5py, here, name)}
    arrays = {name: item for name, item in inside.items() if isinstance(item, h5py.Dataset)}
    chosen = {name: item for name, item in arrays.items() if item.ndim == 1 and not item.dtype.names}
    if not chosen:
        shown = ", ".join(
            f"{name}{'/' if name not in arrays else f' {arrays[name].shape}'}" for name in list(inside)[:SHOWN]
        )
        raise DataError(
            f"{path}: arrays of one axis, the columns, must lie in {here.name}, but there are: {shown or 'none'}; say "
            "where the table lies by --set data.tree=GROUP/NAME"
        )
    lengths = {name: len(item) for name, item in chosen.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length:,}" for name, length in list(lengths.items())[:SHOWN])
        raise DataError(
            f"{path}: columns need equally many rows, but in {here.name} are: {shown}; name a group of them"
        )
    _check_size(path, list(chosen.values()))
    return {name: _values(path, item) for name, item in chosen.items()}, [name for name in here if name not in chosen]


def _of_array(path: Path, array: Any) -> dict[str, Any]:
    _check_size(path, [array])
    name = array.name.rpartition("/")[2]
    if array.dtype.names and array.ndim == 1:
        records = array[()]
        return {member: records[member] for member in array.dtype.names if records[member].ndim == 1}
    if array.ndim == 2 and array.shape[1] <= MOST_COLUMNS:
        values = _values(path, array)
        return {f"{name}_{column}": values[:, column] for column in range(values.shape[1])}
    if array.ndim == 1 and not array.dtype.names:
        return {name: _values(path, array)}
    raise DataError(f"{path}: {array.name} must have one axis or two, but its shape is {array.shape}")


def _values(path: Path, array: Any) -> np.ndarray:
    values: np.ndarray = array.asstr(errors="replace")[()] if array.dtype.kind in "OS" else array[()]
    return values.astype(values.dtype.newbyteorder("="), copy=False) if values.dtype.kind in "fiu" else values


def _check_size(path: Path, arrays: list[Any]) -> None:
    """Raises DataError for what lies outside the file, and for what unfolds to too much."""
    for array in arrays:
        if array.is_virtual or array.external:
            raise DataError(f"{path}: {array.name} must lie in the file, but leads out of it; copy it with h5repack")
    most = path.stat().st_size * MOST_RATIO + FLOOR
    needed = sum(int(array.size) * max(array.dtype.itemsize, 1) for array in arrays)
    if needed > most:
        raise DataError(f"{path}: its columns unfold to {needed:,} bytes, as a bomb's do, where {most:,} may be")
