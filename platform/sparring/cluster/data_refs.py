"""A study's rows in Ray's object store, where every slot of a node reads the same copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..data.memory_map import Mapped
from ..data.variants import Source

if TYPE_CHECKING:
    from ray import ObjectRef

Rows = Mapping[str, np.ndarray | Mapped]
"""A part of a data set: by field an array of one dtype, (rows, …), or a map too large to copy."""


@dataclass(frozen=True, kw_only=True)
class DataRefs:
    """What slots train on: per part a reference into Ray's object store, where ``store`` put it."""

    train: ObjectRef[Rows]
    valid: ObjectRef[Rows]
    ood: ObjectRef[Rows]
    """Out-of-distribution samples; without fields if the study has none."""
    source: Source | None = None
    """How a slot makes the rows of a trial that has other options of the data than trial 0; None if none has."""


def store(rows: Callable[[str], Rows], source: Source | None = None) -> DataRefs:
    """Puts the parts into the connected cluster's object store, once for all slots of a node.

    Rows under other options are of one trial each, as a rule, so its slot makes them from ``source`` and keeps a few.
    rows: makes the part of a name. Each part is made after the one before is stored and forgotten, so that two are
    never in memory twice.
    """
    import ray

    return DataRefs(**{part: ray.put(rows(part)) for part in ("train", "valid", "ood")}, source=source)
