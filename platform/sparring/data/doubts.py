"""What is doubtful about the data that a reader took: told before anything is trained, and never refused.

Each of these may be meant. A table with its row numbers as a column, or with -999 for what nobody measured, is read
without a fault all the same, and no figure of a search would tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from .dataset import Dataset

MOST_ROWS = 20_000
"""Rows that are looked at, evenly spaced: 4 MB of a field of 49 columns."""
STAND_INS = (-99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0)
"""Numbers that programs write where nothing was measured."""
FAR = 5.0
"""Interquartile ranges from the quartiles beyond which such a number is no measurement."""
APART = 1e6
"""Ratio of the largest column's deviation to the smallest's from which the small ones count for nothing unscaled."""
SAID = 2
"""Doubts that one line has room for."""
NAMED = 3
"""Columns that a sentence names."""


def doubts(data: Dataset, fields: Collection[str] | None = None) -> list[str]:
    """Sentences about what its reader left out, the set's fields (None: all), its grids and its rows; empty if nothing
    is doubtful."""
    chosen = [name for name in data.fields if fields is None or name in fields]
    rows = np.linspace(0, len(data) - 1, min(len(data), MOST_ROWS)).astype(np.int64)
    found = list(data.notes)
    for name in chosen:
        values = data.fields[name][rows]
        found += _of_images(name, values) if values.ndim == 4 else _of_columns(data, name, values)
    for name in chosen:
        steps = np.diff(data.axes.get(name, np.empty(0)))
        if len(steps) and not ((steps > 0).all() or (steps < 0).all()):
            found.append(f"{name}: its grid neither rises nor falls throughout")
    repeated = _repeated([data.fields[name][rows] for name in chosen])
    if repeated:
        found.append(
            f"{_rows(repeated)} the same as another: one sample may train and validate, and figures then flatter"
        )
    return found


def in_one_line(found: Sequence[str], way_out: str) -> str:
    """The first doubts, how many there are beside them, and the command that tells them all."""
    more = f"; and {len(found) - SAID} more" if len(found) > SAID else ""
    return f"Doubtful in the data: {'; '.join(found[:SAID])}{more}: {way_out}"


def _of_columns(data: Dataset, name: str, values: np.ndarray) -> Iterator[str]:
    """values: (N, …), of which each number of a sample is a column."""
    table_NC = values.reshape(len(values), -1)
    names = data.columns.get(name) or tuple(f"{column + 1}" for column in range(table_NC.shape[1]))
    low, high = table_NC.min(0), table_NC.max(0)
    constant = low == high
    if constant.any():
        yield f"{name}: {_columns(constant, names)} constant"
    pairs = _same_columns(table_NC[:, ~constant])
    if pairs:
        varying = np.flatnonzero(~constant)
        shown = ", ".join(f"{names[varying[one]]} = {names[varying[other]]}" for one, other in pairs[:NAMED])
        yield f"{name}: columns repeat others, {len(pairs)} of them: {shown}{', …' if len(pairs) > NAMED else ''}"
    if values.ndim != 2:
        return
    counting = (np.diff(table_NC, axis=0) == 1).all(0)
    for column in np.flatnonzero(counting):
        yield (
            f"{name}: column {names[column]} counts the rows; if it only numbers them, set it aside with "
            f"--set data.id={names[column]}"
        )
    for column in np.flatnonzero(~constant):
        if (stand_in := _stand_in(table_NC[:, column])) is not None:
            number, count = stand_in
            yield (
                f"{name}: column {names[column]} holds {number:g} in {count:,} rows, far from its other values; it may "
                "stand for what was not measured"
            )
    if name not in data.columns:
        return  # what lies along a grid, or was computed, has small values of its own right
    deviations = table_NC[:, ~constant].astype(np.float64).std(0)
    if len(deviations) and deviations.max() > APART * deviations.min() > 0:
        varying = np.flatnonzero(~constant)
        small, large = names[varying[deviations.argmin()]], names[varying[deviations.argmax()]]
        yield (
            f"{name}: columns differ in size by {deviations.max() / deviations.min():.0e}, from {small} to {large}; "
            "without scaling the small ones count for nothing"
        )


def _of_images(name: str, images: np.ndarray) -> Iterator[str]:
    """images: (N, C, H, W)."""
    flat = images.reshape(len(images), -1)
    blank = int((flat.min(1) == flat.max(1)).sum())
    if blank:
        yield f"{name}: {_rows(blank)} of one colour alone"
    if images.shape[1] == 3 and (images[:, 0] == images[:, 1]).all() and (images[:, 0] == images[:, 2]).all():
        yield f"{name}: its colours are all grey; one channel would do, a third of the work"


def _same_columns(table_NC: np.ndarray) -> list[tuple[int, int]]:
    """Columns, each with the first that it repeats."""
    first: dict[bytes, int] = {}
    pairs = []
    for column, values in enumerate(np.ascontiguousarray(table_NC.T)):
        known = first.setdefault(values.tobytes(), column)
        if known != column:
            pairs.append((column, known))
    return pairs


def _stand_in(values: np.ndarray) -> tuple[float, int] | None:
    """A number that stands for a missing one at an end of the column, and how often; None if there is none."""
    for number in {float(values.min()), float(values.max())} & {*STAND_INS}:
        others = values[values != number]
        count = len(values) - len(others)
        if count < 2 or len(others) < 4:
            continue
        lower, upper = np.quantile(others, (0.25, 0.75))
        if not lower - FAR * (upper - lower) <= number <= upper + FAR * (upper - lower):
            return number, count
    return None


def _repeated(fields: Sequence[np.ndarray]) -> int:
    """Rows that are the same in all fields as one before them."""
    if not fields:
        return 0
    rows = (b"".join(np.ascontiguousarray(values[row]).tobytes() for values in fields) for row in range(len(fields[0])))
    return sum(count - 1 for count in Counter(map(hash, rows)).values())


def _columns(chosen: np.ndarray, names: Sequence[str]) -> str:
    found = [name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen]
    if len(found) == 1:
        return f"column {found[0]} is"
    shown = f"{', '.join(found[:NAMED])}{', …' if len(found) > NAMED else ''}"
    return f"{len(found)} of {len(names)} columns ({shown}) are"


def _rows(count: int) -> str:
    return f"{count:,} {'row is' if count == 1 else 'rows are'}"
