"""How likely real images are under a smoothed cloud of generated ones: the Parzen-window estimate of GAN papers.

On each generated sample sits a Gaussian of deviation σ; the log-likelihood of a real one is that of the mixture. σ is
the one of a grid under which 1,000 training rows are most likely, so the rows that are judged do not choose it. The
estimate is known to be rough in many dimensions (L. Theis et al., arXiv:1511.01844) and is here because results of this
system are published in it. Source: I. Goodfellow et al., arXiv:1406.2661.

The grid, 0.03 to 1, is one for numbers between 0 and 1: rows and samples must come scaled to about that, and the
likelihood is a density of such rows. Of rows that lie a thousand times further apart it would tell nothing but that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

TUNING_ROWS = 1000
CHUNK = 500
"""Rows at a time: 10,000 samples make their distances 20 MB."""


class Parzen(nn.Module):
    """Log-likelihoods in nats per row, of rows (B, size), under windows on samples (S, size); both about 0 to 1."""

    sigmas: Tensor
    tuning: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("sigmas", torch.logspace(-1.5, 0, 16), persistent=False)
        self.register_buffer("tuning", torch.zeros(TUNING_ROWS, size), persistent=False)

    @torch.no_grad()
    def fit(self, rows: Tensor) -> None:
        """Takes training rows, (N, size), to choose σ by; evenly spaced where there are more than it needs."""
        index = torch.linspace(0, len(rows) - 1, TUNING_ROWS).long()
        self.tuning.copy_(rows[index.to(rows.device)])

    def sums(self, rows: Tensor, samples: Tensor) -> dict[str, Tensor]:
        """Per σ, (σ,): ``parzen``, the log-likelihoods of ``rows`` summed; ``tuned``, B times the tuning rows' mean."""
        return {"parzen": self._likelihood(rows, samples).sum(0), "tuned": self.tuned(samples) * len(rows)}

    def tuned(self, samples: Tensor) -> Tensor:
        """Mean log-likelihood of the tuning rows under windows on ``samples``, (σ,)."""
        return self._likelihood(self.tuning, samples).mean(0)

    def figure(self, sums: Mapping[str, Tensor]) -> float:
        """Mean log-likelihood under the σ that suits the tuning rows best."""
        likelihoods, tuned = sums["parzen"].tolist(), sums["tuned"].tolist()
        best = max(range(len(tuned)), key=lambda k: tuned[k])
        mean: float = likelihoods[best] / float(sums["n"])
        return mean

    def _likelihood(self, rows: Tensor, samples: Tensor) -> Tensor:
        """(B, σ)."""
        found = []
        constant = math.log(len(samples)) + self.size * (self.sigmas.log() + 0.5 * math.log(2 * math.pi))
        for start in range(0, len(rows), CHUNK):
            squares = torch.cdist(rows[start : start + CHUNK], samples).square()
            found.append(torch.stack([(-squares / (2 * sigma**2)).logsumexp(1) for sigma in self.sigmas], 1))
        return torch.cat(found) - constant
