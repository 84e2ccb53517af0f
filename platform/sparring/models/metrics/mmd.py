"""How far one distribution is from another, from sums that add up over batches and workers.

The measure is the squared maximum mean discrepancy (A. Gretton et al., JMLR 13 (2012) 723) under a Gaussian kernel,
by 64 fixed random Fourier features (A. Rahimi, B. Recht, NIPS 2007): the mean of e^{iω·x} is compared, per random ω,
with what it would be under the other distribution. Estimates are unbiased, so a perfect match scatters about 0 and may
fall a little below it. Nothing here is trained on; it judges.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

FEATURES = 64
REFERENCE_ROWS = 10_000
"""Training rows that generated samples are compared with; more would not show at the size of the generated set."""


def _directions(size: int, seed: int) -> Tensor:
    """(FEATURES, size); of a standard normal vector x, each ω·x has variance 1 in the mean."""
    directions: Tensor = torch.randn(FEATURES, size, generator=torch.Generator().manual_seed(seed))
    return directions / math.sqrt(size)


class PriorMatch(nn.Module):
    """Codes against a standard normal prior. The kernel's width is the root mean square distance of two prior draws
    over √2, so that the measure sees the code as a whole in every number of dimensions.

    Codes may be Gaussians instead of points: their e^{iω·z} is averaged in closed form, so no noise is drawn.
    """

    directions: Tensor
    expected: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        directions = _directions(latent_dim, seed=1)
        self.register_buffer("directions", directions, persistent=False)
        self.register_buffer("expected", (-directions.square().sum(1) / 2).exp(), persistent=False)

    def sums(self, mean: Tensor, logvar: Tensor | None = None) -> dict[str, Tensor]:
        """Sums over the batch's codes, (B, latent_dim), from which ``figures`` computes the match.

        ``cos`` and ``sin`` are (FEATURES,), ``code`` is (latent_dim,), ``self`` and ``square`` are 0-dim.
        """
        angles = mean @ self.directions.T
        damped = torch.ones_like(angles) if logvar is None else (-logvar.exp() @ self.directions.T.square() / 2).exp()
        return {
            "cos": (damped * angles.cos()).sum(0),
            "sin": (damped * angles.sin()).sum(0),
            "self": damped.square().sum(),
            "code": mean.sum(0),
            "square": mean.square().sum(),
        }

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """``val/mmd_prior`` and ``val/code_variance`` of n ≥ 2 codes."""
        n = float(sums["n"])
        cos, sin, code = sums["cos"].tolist(), sums["sin"].tolist(), sums["code"].tolist()
        expected = self.expected.double().tolist()
        latent_dim = len(code)
        # Python's sum, one number after the other: torch adds in another order, and the last digit would not be that of
        # studies that were begun before.
        pairs = sum(wave**2 for wave in (*cos, *sin)) - float(sums["self"])
        cross = sum(phi * wave for phi, wave in zip(expected, cos, strict=True))
        own = sum(phi**2 for phi in expected)
        centre = sum((total / n) ** 2 for total in code)
        return {
            "val/mmd_prior": (pairs / (n * (n - 1)) - 2 * cross / n + own) / FEATURES,
            "val/code_variance": (float(sums["square"]) / n - centre) / latent_dim,
        }


class SampleMatch(nn.Module):
    """Generated samples against training rows, both flattened to ``size`` numbers, in units of the rows' spread."""

    directions: Tensor
    spread: Tensor
    real_cos: Tensor
    real_sin: Tensor
    real_rows: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("directions", _directions(size, seed=2), persistent=False)
        self.register_buffer("spread", torch.ones(()))
        for name in ("real_cos", "real_sin"):
            self.register_buffer(name, torch.zeros(FEATURES))
        self.register_buffer("real_rows", torch.tensor(2.0))

    @torch.no_grad()
    def fit(self, chunks: Iterable[Tensor], variance: Tensor) -> None:
        """Takes the training rows, (n, size) at a time; variance: the mean over the numbers of each one's variance."""
        self.spread.copy_(variance.sqrt())
        cos, sin, rows = torch.zeros_like(self.real_cos), torch.zeros_like(self.real_sin), 0
        for chunk in chunks:
            angles = self._angles(chunk)
            cos, sin, rows = cos + angles.cos().sum(0), sin + angles.sin().sum(0), rows + len(chunk)
        self.real_cos.copy_(cos / rows)
        self.real_sin.copy_(sin / rows)
        self.real_rows.fill_(rows)

    def forward(self, samples: Tensor) -> Tensor:
        """The squared discrepancy of ``samples``, (n, size), n ≥ 2; 0-dim."""
        angles = self._angles(samples)
        cos, sin, n, rows = angles.cos().mean(0), angles.sin().mean(0), len(samples), self.real_rows
        generated = (n * (cos.square() + sin.square()) - 1) / (n - 1)
        real = (rows * (self.real_cos.square() + self.real_sin.square()) - 1) / (rows - 1)
        return (generated + real - 2 * (cos * self.real_cos + sin * self.real_sin)).mean()

    def _angles(self, x: Tensor) -> Tensor:
        return x @ self.directions.T / self.spread
