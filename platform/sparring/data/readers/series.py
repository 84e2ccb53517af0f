"""Time series from a table or an array: windows cut from one long recording, or series that are samples already.

``windows``: rows of the table are times, columns are channels; windows of ``length`` times begin every ``stride``.
Windows that overlap must not lie on both sides of a split, so it is made in time: the first part of the recording
trains, the next validates, the last tests, and windows across a border are left out. A recording too short for that is
refused: rows drawn at random would overlap rows of another part. ``rows``: one series per row, as in the UCR
archive (with ``label = true`` its first column is the class, which is left out); several channels follow one another.
An array (N, T, C) holds N samples as it is. Files: .csv, .tsv, .parquet, .npy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ...errors import DataError
from ...untrusted.arrays import read_npy
from ..dataset import MIN_ROWS, Dataset
from .table_files import TextForm, read_table
from .tables import numbers

FIELD = "series"
FEWEST = {"train": MIN_ROWS, "valid": 2, "test": 1}
"""Windows that each part of a recording needs; two to validate on, so that they can differ."""
Share = Annotated[float, Field(ge=0, le=0.5)]


class Options(TextForm):
    """How samples are cut from the file."""

    changes: ClassVar = {"columns": (FIELD,)}

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
    """Share of the recording, after the training share, whose windows validate: at least two of them."""
    test_share: Share = 0.1
    """Share of the recording, at its end, whose windows test; 0 leaves no test."""
    channels: Annotated[int, Field(ge=1)] = 1
    """Channels of each series where rows are series."""
    label: bool = False
    """Does a class stand before each series?"""
    header: bool | None = None
    """Does a text begin with a line of names? None: yes, but a first line of numbers is refused until you say so. The
    UCR archive's files have none."""

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
    values = _load(file, options)
    if values.ndim == 3 or options.form == "rows":
        series_NTC = _whole(file, values, options) if values.ndim == 3 else _rows(file, values, options)
        ids = tuple(f"series-{row + 1}" for row in range(len(series_NTC)))
        return Dataset(name=file.stem, fields={FIELD: series_NTC}, ids=ids)
    starts, parts = cut(len(values), options, str(file))
    # N windows, T times, C channels
    series_NTC = np.stack([values[start : start + options.length] for start in starts])
    ids = tuple(f"time-{start + 1}" for start in starts)
    return Dataset(name=file.stem, fields={FIELD: series_NTC}, ids=ids, parts=parts, rows_overlap=True)


def cut(times: int, options: Options, where: str = "series") -> tuple[np.ndarray, dict[str, int]]:
    """First times of all windows, part after part, and how many each part has; no two parts share a time.

    where: what messages call the recording. Raises DataError if a part has too few windows; only a test_share of 0
    leaves no test.
    """
    test, valid = (round(times * share) for share in (options.test_share, options.valid_share))
    spans = {"train": times - test - valid, "valid": valid} | ({"test": test} if options.test_share else {})
    _check_spans(spans, times, options, where)
    first, starts = 0, []
    for span in spans.values():
        starts.append(np.arange(first, first + span - options.length + 1, options.stride))
        first += span
    return np.concatenate(starts), dict(zip(spans, map(len, starts), strict=True))


def _check_spans(spans: Mapping[str, int], times: int, options: Options, where: str) -> None:
    """Raises DataError, with the numbers and a length that would do, if a part is too short for its windows."""
    room = {part: span - (FEWEST[part] - 1) * options.stride for part, span in spans.items()}
    part = next((part for part, longest in room.items() if longest < options.length), None)
    if part is None:
        return
    needed, longest = options.length + (FEWEST[part] - 1) * options.stride, min(room.values())
    way_out = f"--set data.length={longest}" if longest >= 2 else "shorten length and stride"
    others = {"train": "record more", "valid": "raise valid_share", "test": "give test_share=0 to leave no test"}
    windows = f"{FEWEST[part]} window{'s' if FEWEST[part] > 1 else ''} of {options.length} times"
    raise DataError(
        f"{where}: {part} needs at least {windows}, one every {options.stride}, so {needed} times, but its share of "
        f"{times} is {spans[part]}; {way_out}, or {others[part]}"
    )


def _load(file: Path, options: Options) -> np.ndarray:
    """The numbers of the file, (rows, columns), or of an array (N, T, C) as it is."""
    if file.suffix.lower() == ".npy":
        try:
            with file.open("rb") as opened:
                array = read_npy(opened, file.stat().st_size)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{file}: expected a .npy of plain numbers, but it cannot be read: {error}") from error
        if array.ndim not in (1, 2, 3) or array.dtype.kind not in "fiu":
            raise DataError(
                f"{file}: expected numbers, (times, channels) of a recording or (N, times, channels) of samples, but "
                f"got {array.dtype} of shape {array.shape}"
            )
        return array.reshape(len(array), -1) if array.ndim == 1 else array
    table, _ = read_table(file, options, options.columns or ())
    names = table.column_names if options.columns is None else list(options.columns)
    return np.stack([numbers(file, table, name) for name in names], axis=1)


def _whole(file: Path, values: np.ndarray, options: Options) -> np.ndarray:
    given = sorted(options.model_fields_set - ({"file", "form"} if options.form == "rows" else {"file"}))
    if given:
        raise DataError(
            f"{file}: an array (N, times, channels) is taken as it is, but its shape is {values.shape} and the options "
            f"{', '.join(given)} were given; leave them out, or give one recording as (times, channels)"
        )
    if values.shape[1] < 2 or not values.shape[2]:
        raise DataError(f"{file}: a series has at least 2 times and 1 channel, but got an array {values.shape}")
    return values


def _rows(file: Path, values: np.ndarray, options: Options) -> np.ndarray:
    values = values[:, 1:] if options.label else values
    if values.shape[1] < 2 * options.channels or values.shape[1] % options.channels:
        raise DataError(
            f"{file}: {options.channels} channels of equal length, at least 2 times each, must fill a row, but it has "
            f"{values.shape[1]} values"
        )
    return values.reshape(len(values), options.channels, -1).transpose(0, 2, 1)
