"""Affine scaling of one domain, fitted on training rows, as a module whose numbers travel with the weights."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..config import ScalingKind

SMALLEST = 1e-30
"""Of a column's squared deviations. Smaller ones, as of a quantity in SI units beside others, leave float32."""


class Scaling(nn.Module):
    """(x − shift) / scale per feature.

    none      leaves the data as it is, bit for bit
    standard  mean 0 and population deviation 1 per feature
    centered  mean 0 per feature, one deviation for the whole domain: features keep their relative size
    minmax    0 to 1 per feature

    A constant feature gets scale 1. Kinds differ in numbers, not in code, and loaded weights bring their own numbers.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, features: int, kind: ScalingKind) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("shift", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    @torch.no_grad()
    def fit(self, rows: Tensor) -> None:
        """Takes shift and scale from ``rows``, (N, features), N ≥ 1."""
        if self.kind == "none":
            return
        low, high = rows.amin(0), rows.amax(0)
        if self.kind == "minmax":
            shift, scale = low, high - low
        else:
            shift = rows.mean(0)
            deviation = (rows - shift).square().mean(0)
            scale = (deviation.mean().expand_as(deviation) if self.kind == "centered" else deviation).sqrt()
            if self.kind == "standard" and (tiny := deviation < SMALLEST).any():
                scale[tiny] = (rows[:, tiny] - shift[tiny]).double().square().mean(0).sqrt().to(scale.dtype)
        # A constant column is told by its range: its computed deviation may be rounding noise instead of 0.
        constant = high == low if self.kind != "centered" else (high == low).all()
        self.shift.copy_(shift)
        self.scale.copy_(torch.where(constant, torch.ones_like(scale), scale))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.shift) / self.scale

    def inverse(self, y: Tensor) -> Tensor:
        """Scaled values back to raw units."""
        return y * self.scale + self.shift


def variance_per_feature(rows: Tensor) -> Tensor:
    """Mean over features of the population variance of each; 0-dim."""
    return rows.var(0, correction=0).mean()


def moments(rows: Tensor) -> Tensor:
    """Sums over the rows, (N, features), from which ``variance_of`` computes: (2, features), float64."""
    wide = rows.double()
    return torch.stack([wide.sum(0), wide.square().sum(0)])


def variance_of(moments: Tensor, n: Tensor) -> Tensor:
    """Population variance of each feature, (features,), from ``moments`` added up over n rows."""
    mean, square = moments / n
    variance: Tensor = (square - mean.square()).clamp_min(0)
    return variance


def positive_or_one(scale: Tensor) -> Tensor:
    """``scale`` where it is above zero, else 1: a divisor must neither blow a loss up nor turn it round."""
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def variance_of_all(chunks: Iterable[Tensor]) -> Tensor:
    """Mean over a sample's numbers of the variance of each over all rows; one pass, float64."""
    total = squares = torch.zeros((), dtype=torch.float64)
    rows = 0
    for chunk in chunks:
        wide = chunk.double()
        total, squares = wide.sum(0) + total.to(wide), wide.square().sum(0) + squares.to(wide)
        rows += len(chunk)
    variance: Tensor = (squares / rows - (total / rows).square()).mean()
    return variance
