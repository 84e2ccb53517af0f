"""The embedded set ``cylinder-bell-funnel``: noisy series of three shapes, from one seed.

N. Saito, *Local feature extraction and its applications using a library of bases* (PhD thesis, Yale, 1994), section
4.5. Over t = 1 … 128, with a ∈ {16, …, 32} and b − a ∈ {32, …, 96} drawn uniformly, η and every ε(t) from N(0, 1), and
[a ≤ t ≤ b] = 1 inside and 0 outside:

    cylinder  (6 + η)·[a ≤ t ≤ b]                   + ε(t)
    bell      (6 + η)·[a ≤ t ≤ b]·(t − a)/(b − a)   + ε(t)
    funnel    (6 + η)·[a ≤ t ≤ b]·(b − t)/(b − a)   + ε(t)

The noise ε is what no short code can hold: an ideal reconstruction is left with a mean squared error of noise².
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..dataset import Dataset

SHAPES = ("cylinder", "bell", "funnel")
LENGTH = 128
HEIGHT = 6.0


class Options(BaseModel):
    """How many series, from which seed, how noisy."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    changes: ClassVar = {"noise": ("series",)}

    n: Annotated[int, Field(ge=10, le=1_000_000)] = 2048
    """Number of series; shapes take turns. 2,048 take some milliseconds."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the series. Not the study's seed: the data stay the same when a search is repeated."""
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """Standard deviation of ε. Published: 1."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set; ``path`` is not looked at, the card says that there is nothing to read."""
    rng = np.random.default_rng(options.seed)
    t = np.arange(1, LENGTH + 1)
    # N series, T times
    begin_N1 = rng.integers(16, 33, size=(options.n, 1))
    width_N1 = rng.integers(32, 97, size=(options.n, 1))
    height_N1 = HEIGHT + rng.standard_normal((options.n, 1))
    inside_NT = (t >= begin_N1) & (t <= begin_N1 + width_N1)
    rise_NT = (t - begin_N1) / width_N1
    shape_N = np.arange(options.n) % len(SHAPES)
    form_NT = np.select([shape_N[:, None] == 0, shape_N[:, None] == 1], [np.ones_like(rise_NT), rise_NT], 1 - rise_NT)
    series_NT = height_N1 * inside_NT * form_NT + options.noise * rng.standard_normal((options.n, LENGTH))
    return Dataset(
        name="cylinder-bell-funnel",
        fields={"series": series_NT[:, :, None]},
        ids=tuple(f"{SHAPES[shape]}-{row:05d}" for row, shape in enumerate(shape_N)),
        axes={"series": t},
        labels=tuple(SHAPES[shape] for shape in shape_N),
    )
