"""Which rows are rare, and whether a generator makes them: its figures within the rarest tenth and hundredth.

A figure over all rows hardly sees its tails: without the rarest 5 % of the muons ``val/distance`` rises from 0.007 to
0.020, and the trees' AUC from 0.50 to 0.51. So rare rows are compared by themselves, and how many there are counts too.

Rare is what lies far out by the training rows' own covariance (P. C. Mahalanobis, 1936): beyond the radius that leaves
out a tenth, or a hundredth, of them. A nearest neighbours' distance, as the muons' own rareness, would need the
reference sample wherever a generated row is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

SHARES = (0.1, 0.01)
"""How many of the training rows count as rare."""
MOST_ROWS = 1_000_000
"""Training rows that are looked at: the hundredth is 10,000 of them."""


class RareRows(nn.Module):
    """Rows (B, features) of about deviation 1 and their distance from others among the rare ones alone.

    columns: those by which a row is rare, two at least. Nothing of it belongs to the weights: whoever judges
    rows fits it first.
    """

    mean: Tensor
    whiten: Tensor
    radii: Tensor
    known: Tensor

    def __init__(self, columns: tuple[int, ...]) -> None:
        super().__init__()
        self.columns = columns
        size = len(columns)
        for name, value in (
            ("mean", torch.zeros(size)),
            ("whiten", torch.eye(size)),
            ("radii", torch.zeros(len(SHARES))),
            ("known", torch.ones(len(SHARES))),
        ):
            self.register_buffer(name, value, persistent=False)

    @torch.no_grad()
    def fit(self, rows: Tensor, waves: Callable[[Tensor], Tensor]) -> None:
        """Takes the training rows, (N, features), N ≥ 2. Columns that never vary say nothing of rareness.

        waves: (B, features) to (B, 2 · frequencies), as ``CharacteristicDistance`` has them.
        """
        rows = rows[:MOST_ROWS]
        seen = rows[:, self.columns].double()
        self.mean.copy_(seen.mean(0))
        self.whiten.copy_(torch.linalg.pinv(torch.cov(seen.T), rtol=1e-10, hermitian=True))
        self.radii.copy_(torch.quantile(self._radius(rows), 1 - self.radii.new_tensor(SHARES)))
        rare = self.masks(rows)
        tenth = rare[0] > 0
        means = rare[:, tenth] @ waves(rows[tenth]) / len(rows)
        self.known.copy_(means.square().sum(1).clamp_min(torch.finfo(means.dtype).tiny))

    def masks(self, rows: Tensor) -> Tensor:
        """1 where a row is among the rarest tenth, then hundredth, else 0: (2, B)."""
        return (self._radius(rows) > self.radii[:, None]).to(rows.dtype)

    def _radius(self, rows: Tensor) -> Tensor:
        away = rows[:, self.columns] - self.mean
        return ((away @ self.whiten) * away).sum(1)

    def sums(self, real: Tensor, fake: Tensor, of_real: Tensor, of_fake: Tensor) -> dict[str, Tensor]:
        """Two samples of one size, (B, features), and their ``waves`` to sums over their rows, for ``distances``.

        of_real, of_fake: (B, 2 · frequencies). ``rare`` is as wide, (2, 2 · frequencies), and ``rare_own`` is (2,).
        """
        a, b = self.masks(real), self.masks(fake)
        both = a * b * (of_real * of_fake).sum(1)
        own = a * of_real.square().sum(1) + b * of_fake.square().sum(1) - 2 * both
        return {"rare": a @ of_real - b @ of_fake, "rare_own": own.sum(1)}

    def distances(self, sums: Mapping[str, Tensor], n: float) -> list[float]:
        """Of two samples of n ≥ 2 rows, one for each share; 0 for a match, about 1 where no rare row is made.

        The root of |E mφ − E m'φ'|² / |E mφ|²: φ are the waves of real rows, φ' of generated ones; m and m' are 1 where
        a row is rare. The numerator is unbiased as in ``CharacteristicDistance``, the denominator of the training rows.
        """
        squared = (sums["rare"].square().sum(1) - sums["rare_own"]) / (n * (n - 1)) / self.known.to(sums["rare"])
        # Not clamp(0): what is not finite stays so, and says that the training diverged.
        return torch.where(squared < 0, 0.0, squared).sqrt().tolist()
