"""The embedded set ``ring-downs``: a struck body that rings down, as three sensors hear it, from one seed.

A damped harmonic oscillator that is struck once: over t = 0 … 127, with s = t − strike − lag_c, and zero before s = 0,

    channel c   height · direction_c · exp(−s/tau) · sin(2π·frequency·s)   + noise · ε

where direction is a random unit vector, and each sensor hears the strike 1.5 samples later than the one before it. Six
numbers make a sample of 384 values: strike, frequency, tau, height and two of direction. Strike and frequency shift and
stretch a series, which no sum of a few fixed ones follows: 16 principal components lose 30 % of the variance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..dataset import Dataset

LENGTH, CHANNELS = 128, 3
STRIKE, CYCLES, DECAY, HEIGHT = (8.0, 40.0), (3.0, 9.0), (20.0, 80.0), (0.7, 1.5)
"""Ranges of the strike and the decay in samples, of the cycles in 128 samples, and of the height."""
LAG = np.array([0.0, 1.5, 3.0])
"""Samples that the sound needs to each sensor."""


class Options(BaseModel):
    """How many series, from which seed, how noisy."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    changes: ClassVar = {"noise": ("series",)}

    n: Annotated[int, Field(ge=10, le=1_000_000)] = 4096
    """Number of series. 4,096 take some hundredths of a second."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the series. Not the study's seed: the data stay the same when a search is repeated."""
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.02
    """Standard deviation of ε, where strikes have heights about 1."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set; ``path`` is not looked at, the card says that there is nothing to read."""
    rng = np.random.default_rng(options.seed)
    strike_N1, tau_N1, height_N1 = (rng.uniform(*between, size=(options.n, 1)) for between in (STRIKE, DECAY, HEIGHT))
    slowest, fastest = np.log(CYCLES)
    frequency_N1 = np.exp(rng.uniform(slowest, fastest, size=(options.n, 1))) / LENGTH
    direction_NC = rng.standard_normal((options.n, CHANNELS))
    direction_NC /= np.linalg.norm(direction_NC, axis=1, keepdims=True)
    t = np.arange(LENGTH)
    series_NTC = np.empty((options.n, LENGTH, CHANNELS))
    for channel, lag in enumerate(LAG):
        since_NT = t - strike_N1 - lag
        ringing = np.exp(-np.maximum(since_NT, 0.0) / tau_N1) * np.sin(2 * np.pi * frequency_N1 * since_NT)
        series_NTC[:, :, channel] = height_N1 * direction_NC[:, [channel]] * ringing * (since_NT >= 0)
    series_NTC += options.noise * rng.standard_normal(series_NTC.shape)
    return Dataset(
        name="ring-downs",
        fields={"series": series_NTC},
        ids=tuple(f"strike-{row:05d}" for row in range(options.n)),
        axes={"series": t},
    )
