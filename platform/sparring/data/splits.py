"""Which rows train, validate and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError, UnknownName, UsageError
from .dataset import MIN_ROWS

SHARES = {"80/20": (20, 0), "75/15/10": (15, 10)}
"""Split -> percent of the rows that validate and test; the rest trains."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Row numbers, int64, shuffled; disjoint, and together every row once."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    """Empty for 80/20. Touched once, at the end."""


def split_rows(n: int, kind: str = "80/20", seed: int = 42) -> Split:
    """Splits ``n`` rows by a seeded permutation; shares are rounded up in favour of validation and test.

    RandomState because NumPy promises never to change its stream, and because 80/20 is then scikit-learn's
    ``train_test_split(test_size=0.2, random_state=seed)`` row for row, which the published AEGAN used with seed 42.
    Raises UnknownName, DataError (fewer than 10 rows) or UsageError (a seed outside 32 bits).
    """
    if kind not in SHARES:
        raise UnknownName(f"no split {kind!r}; there are: {', '.join(SHARES)}")
    if n < MIN_ROWS:
        raise DataError(f"split {kind}: a split needs at least {MIN_ROWS} rows, but got {n}; add samples")
    if not 0 <= seed < 2**32:
        raise UsageError(f"split {kind}: a seed is between 0 and 2**32 - 1, but got {seed}; choose one such as 42")
    valid, test = (-(-n * percent // 100) for percent in SHARES[kind])
    rows = np.random.RandomState(seed).permutation(n).astype(np.int64)
    return Split(valid=rows[:valid], test=rows[valid : valid + test], train=rows[valid + test :])
