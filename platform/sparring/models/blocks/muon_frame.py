"""What muon models see: boxed polar columns, made normal or not, and half-normal rareness; fitted, saved and inverted.

Everything is fitted on the training rows once and lies in buffers, so it travels with the weights. Coordinates, boxes
and the meaning of the columns: ``data/physics/kinematics.py``. The published transforms (Box-Cox of r, z, pt, pz;
quantiles of both angles; all divided by 7) are scikit-learn's, fitted by it and computed here, with one difference:
what leaves the range of an inverse is clamped to the box, where the published code puts ±1 for NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...data.physics.kinematics import ANGLES, FIRST, HIGH, LAST, LOW, SKEWED
from ..forms import check_shape

QUANTILES = 500
SHRINK = 7.0
"""Published: 500 quantiles; the normal columns are divided by 7, so that tanh reaches them (±5.2 / 7)."""
_EDGE = 1e-7
"""Where scikit-learn cuts a normal distribution off: ±5.2 deviations."""


def to_polar(muons: Tensor) -> Tensor:
    """(B, 7) -> (B, 6): r, theta, z, pt, theta_pt, pz."""
    _, x, y, z, px, py, pz = muons.unbind(-1)
    return torch.stack([torch.hypot(x, y), torch.atan2(x, y), z, torch.hypot(px, py), torch.atan2(px, py), pz], dim=-1)


def to_cartesian(polar: Tensor, charge: Tensor) -> Tensor:
    """(B, 6) and charges (B, 1) -> (B, 7)."""
    r, theta, z, pt, theta_pt, pz = polar.unbind(-1)
    columns = [r * theta.sin(), r * theta.cos(), z, pt * theta_pt.sin(), pt * theta_pt.cos(), pz]
    return torch.cat([charge, torch.stack(columns, dim=-1)], dim=-1)


def interpolate(x: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear per column, flat beyond the ends; where knots coincide, the mean of both sides.

    x: (B, C); knots: (K, C) or (K, 1), each column rising; values: (K, C) or (K, 1).
    """
    columns = max(x.shape[-1], knots.shape[-1], values.shape[-1])
    x, knots, values = (each.expand(-1, columns).T.contiguous() for each in (x, knots, values))
    last = knots.shape[-1] - 1
    x = torch.minimum(torch.maximum(x, knots[:, :1]), knots[:, last:])
    sides = []
    for right in (False, True):
        high = torch.searchsorted(knots, x, right=right).clamp(1, last)
        left, step = knots.gather(1, high - 1), knots.gather(1, high) - knots.gather(1, high - 1)
        low = values.gather(1, high - 1)
        share = torch.where(step > 0, (x - left) / torch.where(step > 0, step, 1), torch.ones_like(x))
        sides.append(low + share * (values.gather(1, high) - low))
    return ((sides[0] + sides[1]) / 2).T


class MuonFrame(nn.Module):
    """Muons to six columns and back, in two frames: ``box`` (about ±0.97) and ``normal`` (about N(0, 1), unshrunk)."""

    low: Tensor
    high: Tensor
    first: Tensor
    power: Tensor
    mean: Tensor
    deviation: Tensor
    quantiles: Tensor
    shares: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, numbers in (("low", LOW), ("high", HIGH), ("first", FIRST)):
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.float32))
        self.register_buffer("power", torch.ones(len(SKEWED)))
        self.register_buffer("mean", torch.zeros(len(SKEWED)))
        self.register_buffer("deviation", torch.ones(len(SKEWED)))
        self.register_buffer("quantiles", torch.linspace(-1, 1, QUANTILES)[:, None].repeat(1, len(ANGLES)))
        self.register_buffer("shares", torch.linspace(0, 1, QUANTILES)[:, None])

    @torch.no_grad()
    def fit(self, muons: Tensor) -> None:
        """Takes the transforms' numbers from training rows, (N, 7); a column that never changes is left unbent."""
        from scipy.stats import boxcox  # 0.5 s to import, and only this needs it

        boxed = self.box(muons.double()).cpu().numpy()
        for n, column in enumerate(_positive(boxed[:, SKEWED].clip(FIRST[list(SKEWED)], LAST)).T):
            varies = np.ptp(column) > 0
            bent, power = boxcox(column) if varies else (column - 1, 1.0)
            self.power[n], self.mean[n] = power or 1e-6, bent.mean()
            self.deviation[n] = bent.std() if varies else 1.0
        knots = np.quantile(boxed[:, ANGLES], np.linspace(0, 1, QUANTILES), axis=0)
        self.quantiles.copy_(torch.from_numpy(knots))

    # -- the box ------------------------------------------------------------------------------------------------------

    def box(self, muons: Tensor) -> Tensor:
        """(B, 7) raw -> (B, 6) polar, scaled to about ±0.97."""
        return self.first + (LAST - self.first) * (to_polar(muons) - self.low) / (self.high - self.low)

    def unbox(self, boxed: Tensor, charge: Tensor) -> Tensor:
        """(B, 6) and charges (B, 1) -> (B, 7) raw; what lies outside the box is put onto its edge."""
        inside = torch.minimum(torch.maximum(boxed, self.first), torch.full_like(self.first, LAST))
        polar = self.low + (self.high - self.low) * (inside - self.first) / (LAST - self.first)
        return to_cartesian(polar, charge)

    # -- the normal frame ---------------------------------------------------------------------------------------------

    def normalize(self, boxed: Tensor) -> Tensor:
        """Boxed columns, each made about N(0, 1) on the training rows, (B, 6)."""
        share = interpolate(boxed[:, ANGLES], self.quantiles, self.shares).clamp(_EDGE, 1 - _EDGE)
        return _merge(self.normalize_skewed(boxed[:, SKEWED]), torch.special.ndtri(share))

    def normalize_skewed(self, four: Tensor) -> Tensor:
        """``normalize`` of r, z, pt and pz alone, (B, 4)."""
        inside = torch.maximum(four, self.first[SKEWED,]).clamp_max(LAST)
        return (self._bend(_positive(inside)) - self.mean) / self.deviation

    def denormalize(self, normal: Tensor) -> Tensor:
        """The inverse of ``normalize``; what has no Box-Cox inverse or leaves the box is put onto its edge."""
        low = self._bend(_positive(self.first[list(SKEWED)]))
        high = self._bend(_positive(torch.full_like(self.power, LAST)))
        # Clamped before the root: beyond the box the base may be negative, and NaN has no gradient to come back by.
        bent = torch.minimum(torch.maximum(normal[:, SKEWED] * self.deviation + self.mean, low), high)
        skewed = ((bent * self.power).log1p() / self.power).exp()
        return _merge((skewed - 0.1) * 2.4 - 1, self.angles(torch.special.ndtr(normal[:, ANGLES])))

    def angles(self, share: Tensor) -> Tensor:
        """Boxed angles below which a given share of the training rows lies, (B, 2)."""
        position = share.clamp(0, 1) * (QUANTILES - 1)  # knots at even distances need no search
        low = position.floor().clamp_max(QUANTILES - 2)
        knot = low.nan_to_num(0.0).long()  # NaN comes out as NaN, by the distance below, and is no knot's number
        return torch.lerp(self.quantiles.gather(0, knot), self.quantiles.gather(0, knot + 1), position - low)

    def _bend(self, positive: Tensor) -> Tensor:
        """Box-Cox, (y^power - 1) / power, without its cancellation at small powers."""
        return (positive.log() * self.power).expm1() / self.power


HALF_NORMAL_MEAN = math.sqrt(2 / math.pi)


class HalfNormalRanks(nn.Module):
    """Each rareness column by its rank among the training rows, as a half-normal value: 0 common, 3 very rare.

    Published: sorted |N(0, 1)| draws are handed out by rank. Here rank k of n gets the half-normal quantile of
    (k + ½) / n, the same without the draw; between training rows and for new ones it is interpolated.
    """

    knots: Tensor
    values: Tensor

    MOST = 5000
    """Knots per column; more training rows are thinned evenly by rank."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("knots", torch.linspace(0, 1, self.MOST)[:, None].repeat(1, columns))
        self.register_buffer("values", torch.linspace(0, 4, self.MOST)[:, None])

    @torch.no_grad()
    def fit(self, rareness: Tensor) -> None:
        """Takes the ranks from training rows, (N, columns)."""
        n = len(rareness)
        ranks = torch.arange(n, dtype=torch.float64, device=rareness.device)[:, None]
        at = torch.linspace(0, n - 1, self.MOST, dtype=torch.float64, device=rareness.device)[:, None]
        self.knots.copy_(interpolate(at, ranks, rareness.double().sort(dim=0).values))
        self.values.copy_(2**0.5 * torch.special.erfinv((at + 0.5) / n))

    def forward(self, rareness: Tensor) -> Tensor:
        """(B, columns) -> (B, columns), above 0."""
        return interpolate(rareness, self.knots, self.values)

    def inverse(self, values: Tensor) -> Tensor:
        """Half-normal values back to rareness; beyond the rarest training row, the rarest."""
        return interpolate(values, self.values, self.knots)


def _positive(boxed: Any) -> Any:
    """The published shift to positive numbers, of which Box-Cox takes logarithms."""
    return (boxed + 1) / 2.4 + 0.1


def _merge(skewed: Tensor, angles: Tensor) -> Tensor:
    """Columns in the order of POLAR."""
    r, z, pt, pz = skewed.unbind(-1)
    theta, theta_pt = angles.unbind(-1)
    return torch.stack([r, theta, z, pt, theta_pt, pz], dim=-1)


def check_muons(shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises DataError unless muons have seven numbers and a rareness of five."""
    for name in ("muons", "rareness"):
        if name in shapes:
            check_shape(name, shapes[name])
