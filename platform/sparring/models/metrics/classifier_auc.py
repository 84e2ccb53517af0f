"""Can boosted trees detect what a model makes? The figure of merit of the muon systems, at every validation.

``two_sample.py`` has the trees. Here they learn from training rows and as many generated ones and are scored on
validation rows, which neither they nor the nets have learned from, and on further generated ones. A validation row
contributes the share of these that the trees find less real, so batches and workers add up to the area under the ROC
curve exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import DataError
from .two_sample import LEAST_ROWS, Trees, share_above

CHUNK = 8192
"""Generated rows at a time: 33 MB per hidden layer of 1,000."""


class Detection(nn.Module):
    """The trees' area under the ROC curve; 0.5 is perfect. Nothing of it belongs to the weights.

    rows: training rows to learn from (all, if there are fewer); as many generated rows to learn from, and as many again
    to score.
    """

    known: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.register_buffer("known", torch.zeros(0), persistent=False)
        self._learned: tuple[Tensor, Trees, np.ndarray] | None = None

    def fit(self, rows: Tensor) -> None:
        """Takes the training rows to learn from, (N, …), drawn evenly. Raises DataError if they are fewer than 20."""
        if len(rows) < LEAST_ROWS:
            raise DataError(f"auc_rows: trees learn from at least {LEAST_ROWS} training rows, but got {len(rows)}")
        index = torch.linspace(0, len(rows) - 1, min(self.rows, len(rows)), dtype=torch.float64).long()
        self.known = rows[index.to(rows.device)].clone()

    def draws(self, sample: Callable[..., Tensor]) -> Tensor:
        """As many as it takes, (2K, …), from the same random numbers every time. sample: (n, generator=) to n rows."""
        generator = torch.Generator(self.known.device).manual_seed(0)
        count = 2 * len(self.known)
        return torch.cat([sample(min(CHUNK, count - at), generator=generator) for at in range(0, count, CHUNK)])

    def sums(self, real: Tensor, known: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """``auc``: the contributions of a batch's validation rows, summed; divided by their number it is the area.

        real: (B, columns); known: of training rows, (K, columns); generated: (2K, columns), the first half to learn
        from. NaN unless all are finite. The trees serve again, for the next batch, while what they learned from is the
        same.
        """
        auc = torch.full((), torch.nan, dtype=torch.float64, device=real.device)
        learned = torch.cat([known, generated])
        if torch.isfinite(real).all() and torch.isfinite(learned).all():
            first, scored = generated.chunk(2)
            if self._learned is None or not learned.equal(self._learned[0]):
                trees = Trees(_array(known), _array(first))
                self._learned = learned, trees, trees.score(_array(scored))
            _, trees, others = self._learned
            auc.fill_(float(share_above(trees.score(_array(real)), others).sum()))
        return {"auc": auc}


def _array(rows: Tensor) -> np.ndarray:
    array: np.ndarray = rows.detach().float().cpu().numpy()
    return array
