"""A few samples of a set that the model does not learn: its scores should tell them from its own data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import SparringError, UsageError
from .cards import load_dataset
from .dataset import Dataset

ROWS = 1000
"""Most samples; the standard error of an AUROC of 0.9 is then 0.01 or less."""


def read_ood(
    name: str,
    fields: Sequence[str],
    where: str,
    path: str | Path | None = None,
    *,
    flag: str = "--data-path",
    own: str | None = None,
) -> Dataset:
    """At most ``ROWS`` samples of the set called ``name``, drawn evenly, the same each time; ``fields`` alone.

    where: what messages call the setting that names it. path: where its files lie; flag: the option that says so.
    own: SHA-256 of the set the model learns, which is refused. Raises UsageError if the set cannot be loaded, lacks
    a field or is the model's own.
    """
    try:
        data = load_dataset(name, path, flag=flag)
    except SparringError as error:
        raise UsageError(f"{where}: {error}") from error
    missing = [field for field in fields if field not in data.fields]
    if missing:
        raise UsageError(
            f"{where}: {name} holds {', '.join(data.fields)}, no {', '.join(missing)}; choose a set that has what the "
            "model learns from"
        )
    if data.sha256 == own:
        raise UsageError(f"{where}: {name} is what the model learns, the same samples; name an out-of-distribution set")
    rows = np.sort(np.random.RandomState(0).permutation(len(data))[:ROWS])
    drawn = {field: data.fields[field][rows] for field in fields}
    return Dataset(name=name, fields=drawn, ids=tuple(data.ids[row] for row in rows))
