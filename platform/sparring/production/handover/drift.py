"""Do rows lie as the training rows did, column by column? Told from deciles that a bundle carries.

For each column, the shares of new rows at or below the training rows' deciles beside the training rows' own shares; the
largest difference is Kolmogorov's distance on ten cells. With n and m rows its spread under no drift is about
sqrt(p(1 − p)(1/n + 1/m)), so a difference counts when it passes 5 of those: less than one false alarm in 100,000
columns. It must also pass a tenth, so that a million rows do not warn of what does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ...errors import DataError

LEVELS = np.linspace(0.1, 0.9, 9)
MOST_COLUMNS = 4096
"""Of a field; of a longer one so many, evenly spread."""
MOST_ROWS = 20_000
SIGMAS = 5.0
LEAST = 0.1


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The column that lies farthest off."""

    field: str
    column: int
    """Its number in the flattened sample, from 0."""
    distance: float
    """0 to 1."""
    drifted: int
    """Columns of all fields that drifted."""
    columns: int


def pack(rows: Mapping[str, np.ndarray]) -> bytes:
    """Deciles of the training rows and the shares of rows at or below them. rows: by field, (N, …)."""
    tensors: dict[str, np.ndarray] = {}
    for name, values in rows.items():
        flat, index = _columns(values)
        deciles = np.quantile(flat, LEVELS, axis=0, method="lower").astype(np.float32)
        tensors |= {
            f"{name}.columns": index,
            f"{name}.deciles": deciles,
            f"{name}.shares": _shares(flat, deciles),
            f"{name}.rows": np.array([len(flat)]),
        }
    return save(tensors)


def measure(packed: bytes, rows: Mapping[str, np.ndarray], where: str) -> Drift:
    """How rows lie within the training rows of ``packed``. Raises DataError if that is torn or of other fields."""
    try:
        known = load(packed)
        found = [_of_field(name, values, known) for name, values in rows.items()]
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise DataError(f"{where}: must hold deciles of {', '.join(rows)}, but: {error}; promote it anew") from error
    name, index, far, _ = max(found, key=lambda each: (each[3].any(), each[2].max()))
    return Drift(
        field=name,
        column=int(index[np.argmax(far)]),
        distance=float(far.max()),
        drifted=sum(int(significant.sum()) for *_, significant in found),
        columns=sum(len(index) for _, index, *_ in found),
    )


def draw(packed: bytes, name: str, count: int, shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    """Rows of a field that lie between the training rows' first and last decile, each column by itself.

    Returns (count, *shape) of ``dtype``; of fields with more columns than are kept, those between take a neighbour's.
    """
    known = load(packed)
    index, deciles = known[f"{name}.columns"], known[f"{name}.deciles"]
    size = int(np.prod(shape))
    column = np.clip(np.searchsorted(index, np.arange(size)), 0, len(index) - 1)
    place = np.random.default_rng(seed).random((count, size)) * (len(LEVELS) - 1)
    low = place.astype(np.int64)
    left, right = deciles[low, column], deciles[np.minimum(low + 1, len(LEVELS) - 1), column]
    rows: np.ndarray = left + (place - low) * (right - left)
    return (
        rows.reshape(count, *shape).round().astype(dtype)
        if dtype == "uint8"
        else rows.reshape(count, *shape).astype(dtype)
    )


def _of_field(
    name: str, values: np.ndarray, known: Mapping[str, np.ndarray]
) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """(name, numbers of its columns, distance of each, whether each drifted)."""
    flat, index = _columns(values)
    if not np.array_equal(index, known[f"{name}.columns"]):
        raise ValueError(f"{name} has other columns")
    before, trained = known[f"{name}.shares"], int(known[f"{name}.rows"][0])
    differences = np.abs(_shares(flat, known[f"{name}.deciles"]) - before)
    spread = np.sqrt(np.clip(before * (1 - before), 0.05, None) * (1 / len(flat) + 1 / trained))
    significant = ((differences > SIGMAS * spread) & (differences > LEAST)).any(0)
    return name, index, differences.max(0), significant


def _columns(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most so many rows and columns of the flattened samples, float32, and the columns' numbers."""
    flat = values[:MOST_ROWS].reshape(min(len(values), MOST_ROWS), -1)
    index = np.unique(np.linspace(0, flat.shape[1] - 1, min(flat.shape[1], MOST_COLUMNS)).round().astype(np.int64))
    return flat[:, index].astype(np.float32), index


def _shares(flat: np.ndarray, deciles: np.ndarray) -> np.ndarray:
    """(9, columns): by decile, the share of rows at or below it."""
    return np.stack([(flat <= decile).mean(0) for decile in deciles])
