"""Images of another set than the one a model learns, few of them, to be told from its own."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..errors import SparringError, UsageError
from .cards import load_dataset

ROWS = 1000
"""At most: of an AUROC of 0.9 the standard error is then 0.01 or less."""


@lru_cache(maxsize=2)
def read_foreign(name: str) -> np.ndarray:
    """At most ``ROWS`` images, (M, C, H, W), drawn evenly; read once per process, for all its trials.

    Raises UsageError if the set cannot be loaded or holds no images.
    """
    try:
        data = load_dataset(name)
    except SparringError as error:
        raise UsageError(f"out_dataset: {error}") from error
    if "image" not in data.fields:
        raise UsageError(f"out_dataset: {name} holds {', '.join(data.fields)}, no image; choose a set of images")
    return data.fields["image"][np.sort(np.random.RandomState(0).permutation(len(data))[:ROWS])]
