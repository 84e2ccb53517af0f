"""Time series from a table or an array: windows cut from one long recording, or one series per row.

``windows``: rows of the table are times, columns are channels; windows of ``length`` times begin every ``stride``.
Windows that overlap must not lie on both sides of a split, so it is made in time: the first part of the recording
trains, the next validates, the last tests, and what straddles a border is left out. ``rows``: one series per row, as
in the UCR archive (with ``label = true`` its first column is the class, which is left out); several channels follow
one another. Files: .csv, .tsv, .parquet, .npy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import DataError
from .dataset import Dataset
from .tables import numbers, read_table

FIELD = "series"
Share = Annotated[float, Field(ge=0, le=0.5)]


class Options(BaseModel):
    """How samples are cut from the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    file: str | None = None
    """The file in the folder; None where --data-path leads to it."""
    form: Literal["windows", "rows"] = "windows"
    """Windows of one long recording, or one series per row."""
    columns: tuple[str, ...] | None = None
    """Channels of a recording by column name; None takes all."""
    length: Annotated[int, Field(ge=2)] = 128
    """Times per window. 32 to 1024."""
    stride: Annotated[int, Field(ge=1)] = 32
    """Times from one window's start to the next's; less than length overlaps them."""
    valid_share: Share = 0.15
    """Share of the recording, after the training share, whose windows validate."""
    test_share: Share = 0.1
    """Share of the recording, at its end, whose windows test; 0 leaves no test."""
    channels: Annotated[int, Field(ge=1)] = 1
    """Channels of each series where rows are series."""
    label: bool = False
    """Does a class stand before each series?"""
    header: bool = True
    """Does a text file of one series per row begin with a line of names? The UCR archive's do not."""

    @model_validator(mode="after")
    def _leaves_something_to_train(self) -> Self:
        if self.valid_share + self.test_share >= 1:
            raise ValueError("valid_share and test_share must leave something to train on, but together they are 1")
        return self


def read(path: Path | None, options: Options) -> Dataset:
    """The set at ``path``; raises DataError, naming the file, if anything is amiss."""
    if path is None:
        raise DataError("series are read from a .csv, .tsv, .parquet or .npy file, but got no path; give --data-path")
    file = path if options.file is None or path.is_file() else path / options.file
    values_TC = _load(file, options)
    if options.form == "rows":
        series_NTC = _rows(file, values_TC, options)
        ids = tuple(f"series-{row + 1}" for row in range(len(series_NTC)))
        return Dataset(name=file.stem, fields={FIELD: series_NTC}, ids=ids)
    starts, parts = cut(len(values_TC), options)
    if not len(starts):
        raise DataError(f"{file}: a window needs {options.length} times, but got {len(values_TC)}; shorten length")
    # N windows, T times, C channels
    series_NTC = np.stack([values_TC[start : start + options.length] for start in starts])
    ids = tuple(f"time-{start + 1}" for start in starts)
    return Dataset(name=file.stem, fields={FIELD: series_NTC}, ids=ids, parts=parts)


def cut(times: int, options: Options) -> tuple[np.ndarray, dict[str, int]]:
    """First times of all windows, part after part, and how many each part has; no two parts share a time."""
    test, valid = (round(times * share) for share in (options.test_share, options.valid_share))
    train = times - test - valid
    borders = {"train": (0, train), "valid": (train, train + valid), "test": (train + valid, times)}
    starts = {
        part: np.arange(first, max(first, last - options.length + 1), options.stride)
        for part, (first, last) in borders.items()
    }
    parts = {part: len(found) for part, found in starts.items() if len(found)}
    return np.concatenate(list(starts.values())), parts if len(parts) > 1 else {}


def _load(file: Path, options: Options) -> np.ndarray:
    """The numbers of the file, (rows, columns), float64."""
    if file.suffix.lower() == ".npy":
        try:
            with file.open("rb") as opened:
                array = np.lib.format.read_array(opened, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{file}: expected a .npy of plain numbers, but it cannot be read: {error}") from error
        if array.ndim not in (1, 2) or array.dtype.kind not in "fiu":
            raise DataError(f"{file}: expected numbers, (times, channels), but got {array.dtype} {array.shape}")
        return array.reshape(len(array), -1)
    table = read_table(file, "\t" if file.suffix.lower() == ".tsv" else ",", header=options.header)
    names = table.column_names if options.columns is None else list(options.columns)
    return np.stack([numbers(file, table, name) for name in names], axis=1)


def _rows(file: Path, values: np.ndarray, options: Options) -> np.ndarray:
    values = values[:, 1:] if options.label else values
    if values.shape[1] < 2 * options.channels or values.shape[1] % options.channels:
        raise DataError(
            f"{file}: {options.channels} channels of equal length, at least 2 times each, must fill a row, but it has "
            f"{values.shape[1]} values"
        )
    return values.reshape(len(values), options.channels, -1).transpose(0, 2, 1)
