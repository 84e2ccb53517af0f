"""How far a re-training moves a figure: the pooled deviation over seeds, with an interval of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..intervals import LEVEL
from .scale import Scale

PER_SEED = 12.4
"""2·(1.645 + 0.842)²: seeds of each of two settings that tell a gap of one σ, wrong in 5 % and blind in 20 %."""


@dataclass(frozen=True)
class Noise:
    """σ of a re-training on the scale that figures are compared on, the same for all settings."""

    sigma: float
    low: float
    high: float
    """Ends of its 95 % interval, by the chi-square distribution."""
    freedom: int
    """Degrees of freedom: re-trainings less settings."""

    def sentence(self, metric: str, scale: Scale) -> str:
        """``a re-training moves val/score by 2.1 %, 1.3 to 6``; a share where the scale is one of logarithms."""
        low, high = (scale.show(end).removesuffix(" %") for end in (self.low, self.high))
        return f"a re-training moves {metric} by {scale.show(self.sigma)}, {low} to {high}"


def noise_of(groups: Iterable[Iterable[float]]) -> Noise | None:
    """Pooled over settings. groups: of each setting its fresh seeds' figures on the scale; what is not finite is left
    out. None if no setting has two.

    Source: deviations within groups, as in the analysis of variance; their squares' sum is σ² times a chi-square.
    """
    from scipy.special import chdtri  # the driver starts without scipy

    squares, freedom = 0.0, 0
    for group in groups:
        values = np.asarray([value for value in group if math.isfinite(value)])
        if len(values) > 1:
            squares += float(((values - values.mean()) ** 2).sum())
            freedom += len(values) - 1
    if not freedom:
        return None
    tail = (1 - LEVEL) / 2
    low, high = (math.sqrt(squares / float(chdtri(freedom, share))) for share in (tail, 1 - tail))
    return Noise(math.sqrt(squares / freedom), low, high, freedom)


def seeds_to_tell(sigma: float, gap: float) -> int:
    """Fresh seeds of each of two settings that tell them apart if they differ by ``gap``: 12.4·(σ/gap)², 2 at least."""
    return 0 if gap <= 0 else max(2, math.ceil(PER_SEED * (sigma / gap) ** 2))
