"""Which rows train, validate and test.

Published parts are kept; a part that was not published is carved out of the training rows. So the 10,000 test images
of MNIST are used once, at the end, and a model is chosen on a fifth of its 60,000 training images. Nothing is carved
out of a recording: its rows overlap, so a row drawn out of the training rows would be half known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import DataError, UnknownName, UsageError, names_hint
from .dataset import MIN_ROWS, PARTS, Dataset

SHARES = {"80/20": (20, 0), "75/15/10": (15, 10)}
"""Split -> percent of the rows that validate and test; the rest trains."""

SPLIT = "80/20"
"""The split of a space that names none."""

SPLIT_SEED = 42
"""The published split is 80/20 under this seed. A study's own seed does not change it, so that studies compare."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Row numbers, int64, shuffled; disjoint, and together every row once."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    """Empty for 80/20. Used once, at the end."""
    rows_overlap: bool = False
    """Are the rows windows of one recording, so that none may move to another part?"""


def split_dataset(data: Dataset, kind: str = SPLIT, seed: int = SPLIT_SEED) -> Split:
    """``split_rows`` of a data set, with its published parts."""
    return split_rows(len(data), kind, seed, data.parts, rows_overlap=data.rows_overlap)


def split_rows(
    n: int,
    kind: str = SPLIT,
    seed: int = SPLIT_SEED,
    parts: Mapping[str, int] | None = None,
    *,
    rows_overlap: bool = False,
) -> Split:
    """Splits ``n`` rows by a seeded permutation; shares are rounded up in favour of validation and test.

    RandomState because NumPy promises never to change its stream, and because 80/20 is then scikit-learn's
    ``train_test_split(test_size=0.2, random_state=seed)`` row for row, which the published AEGAN used with seed 42.
    parts: a data set's published parts, whose rows lie in the order train, valid, test. Published parts are kept; of
    the rest, 80/20 validates on a fifth and 75/15/10 on a sixth (15 of 75 + 15), or splits off a test as well where
    none was published. rows_overlap: the parts stay as they are under either, also without a test.
    Raises UnknownName, DataError (fewer than 10 rows to split) or UsageError (a seed outside 32 bits).
    """
    if kind not in SHARES:
        raise UnknownName(f"no split {kind!r}; {names_hint(kind, SHARES)}; a k-fold is `sparring train`'s, --kfold N")
    if not 0 <= seed < 2**32:
        raise UsageError(f"split {kind}: a seed is between 0 and 2**32 - 1, but got {seed}; choose one such as 42")
    parts = parts or {"train": n}
    free, fixed_valid, fixed_test = (parts.get(part, 0) for part in PARTS)
    if free < MIN_ROWS:
        raise DataError(f"split {kind}: a split needs at least {MIN_ROWS} rows, but got {free}; add samples")
    valid_share, test_share = (0, 0) if rows_overlap else SHARES[kind]
    whole = 100
    if fixed_test:
        whole, test_share = whole - test_share, 0
    if fixed_valid:
        whole, valid_share = whole - valid_share, 0
    valid, test = (-(-free * share // whole) for share in (valid_share, test_share))
    rows = np.random.RandomState(seed).permutation(free).astype(np.int64)
    return Split(
        train=rows[valid + test :],
        valid=np.arange(free, free + fixed_valid) if fixed_valid else rows[:valid],
        test=np.arange(free + fixed_valid, n) if fixed_test else rows[valid : valid + test],
        rows_overlap=rows_overlap,
    )
