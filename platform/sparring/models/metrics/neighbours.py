"""Do samples lie where real rows lie, everywhere where they lie, and are they more than copies? By nearest neighbours.

A ball about a row reaches to its k-th nearest neighbour. Precision and recall (T. Kynkäänniemi et al.,
arXiv:1904.06991, k = 3) ask whether samples lie in balls about real rows and real rows in balls about samples; density
and coverage (M. F. Naeem et al., arXiv:2002.09797, k = 5) how many samples a real row's ball holds, and whether it
holds one at all. As many samples as training rows are compared. Where the papers' real rows are judged, these are
validation rows, whose balls reach to their k-th nearest training row: so batches and workers add up exactly, and
samples that are as good as training rows have a density of 1 and a coverage of 1 - 2⁻⁵ = 0.97 whatever the data.

Copies of training rows have the best of all four. What tells them is the distance to the nearest training row: held-out
real rows keep one too (C. Meehan et al., arXiv:2004.05675). Their test compares the two distributions' medians; here
each sample is ranked alone, because half copies and half rubbish have the same median as real rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...errors import DataError

NEAR, WIDE = 3, 5
"""Neighbours that a ball reaches to: of precision and recall, of density and coverage; both as published."""
LEAST_ROWS = 20
COPY = 0.05
"""A sample counts as a copy if fewer than this share of the validation rows are nearer to a training row."""
CHUNK = 512
"""Rows whose distances are computed at a time: 10,000 others make them 20 MB."""


class Samples(NamedTuple):
    """M samples and what of them no real row changes."""

    rows: Tensor
    """(M, size)"""
    reach: Tensor
    """How far their own balls reach, (M,)."""
    precision: Tensor
    """0-dim"""
    nearest: Tensor
    """How far the nearest training row is, (M,)."""


class Neighbours(nn.Module):
    """Figures of as many samples as training rows, (B, size) each. Nothing of it belongs to the weights.

    rows: training rows about which balls are laid (all, if there are fewer).
    """

    known: Tensor
    centres: Tensor
    radii: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        for name in ("known", "centres", "radii"):
            self.register_buffer(name, torch.zeros(0), persistent=False)

    @torch.no_grad()
    def fit(self, known: Tensor) -> None:
        """Takes the training rows, (N, size), of which copies are looked for. Raises DataError if they are too few."""
        if len(known) < LEAST_ROWS:
            raise DataError(
                f"sample_rows: neighbours are looked for among at least {LEAST_ROWS} training rows, but got "
                f"{len(known)}; add rows or leave sample_rows out"
            )
        index = torch.linspace(0, len(known) - 1, min(self.rows, len(known)), dtype=torch.float64).long()
        self.known, self.centres = known, known[index.to(known.device)].clone()
        self.radii = _reach(self.centres, NEAR)

    def of_samples(self, samples: Tensor) -> Samples:
        """Of (M, size). NaN, all of it, unless every sample is finite: a training that diverged has no figure."""
        valid = torch.where(torch.isfinite(samples).all(), 0.0, torch.nan).to(samples)
        inside = torch.cat([(apart < self.radii).any(1) for _, apart in _apart(samples, self.centres)])
        nearest = torch.cat([apart.amin(1) for _, apart in _apart(samples, self.known)])
        return Samples(samples, _reach(samples, NEAR) + valid, inside.to(samples).mean() + valid, nearest + valid)

    def sums(self, real: Tensor, samples: Samples) -> dict[str, Tensor]:
        """Sums over a batch's validation rows, (B, size), for ``figures``; ``nearer`` is (M,), the others 0-dim."""
        valid = samples.precision - samples.precision  # NaN where precision is, else 0
        sums = {name: valid.clone() for name in ("recall", "density", "coverage")}
        sums["nearer"] = samples.nearest - samples.nearest
        for rows, apart in _apart(real, samples.rows):
            wide = torch.cdist(rows, self.centres).kthvalue(WIDE, dim=1).values
            inside = apart < wide[:, None]
            own = torch.cdist(rows, self.known).amin(1)
            sums["recall"] += (apart < samples.reach).any(1).sum()
            sums["density"] += inside.sum().to(valid) / WIDE
            sums["coverage"] += inside.any(1).sum()
            sums["nearer"] += (own[:, None] < samples.nearest).sum(0)
        return sums | {"precision": samples.precision * len(real)}

    @staticmethod
    def figures(sums: Mapping[str, Tensor]) -> dict[str, float]:
        """``val/precision``, ``val/recall``, ``val/density``, ``val/coverage`` and ``val/copies``."""
        n, nearer = float(sums["n"]), sums["nearer"]
        figures = {f"val/{name}": float(sums[name]) / n for name in ("precision", "recall", "density", "coverage")}
        copied = (nearer < COPY * n).double().mean() + (nearer - nearer).sum()
        return figures | {"val/copies": float(copied)}


def _reach(rows: Tensor, k: int) -> Tensor:
    """How far the k-th nearest of the others is from each, (N,)."""
    return torch.cat([apart.kthvalue(k + 1, dim=1).values for _, apart in _apart(rows, rows)])


def _apart(rows: Tensor, others: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """``CHUNK`` rows at a time, (B, size), and their distances from all ``others``, (B, M)."""
    return ((chunk, torch.cdist(chunk, others)) for chunk in torch.split(rows, CHUNK))
