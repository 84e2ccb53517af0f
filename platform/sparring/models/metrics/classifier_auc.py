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
from .rare_rows import SHARES
from .two_sample import LEAST_ROWS, Trees, share_above

CHUNK = 8192
"""Generated rows at a time: 33 MB per hidden layer of 1,000."""
Rare = Callable[[Tensor], Tensor]
"""Rows (B, columns) to 1 where a row is rare, by how rare, else 0: (2, B)."""


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

    def sums(self, real: Tensor, known: Tensor, generated: Tensor, rare: Rare | None = None) -> dict[str, Tensor]:
        """``auc``: the contributions of a batch's validation rows, summed; divided by their number it is the area.

        real: (B, columns); known: of training rows, (K, columns); generated: (2K, columns), the first half to learn
        from. NaN unless all are finite. The trees serve again, for the next batch, while what they learned from is the
        same.
        rare: marks the rare rows. With it ``auc_rare`` and ``n_rare``, (2,): contributions of rare validation rows
        against rare generated ones, 1 each where there is none of these, and how many rows contributed.
        """
        auc = torch.full((), torch.nan, dtype=torch.float64, device=real.device)
        within = auc.repeat(len(SHARES))
        learned = torch.cat([known, generated])
        if torch.isfinite(real).all() and torch.isfinite(learned).all():
            first, scored = generated.chunk(2)
            if self._learned is None or not learned.equal(self._learned[0]):
                trees = Trees(_array(known), _array(first))
                self._learned = learned, trees, trees.score(_array(scored))
            _, trees, others = self._learned
            scores = trees.score(_array(real))
            auc.fill_(float(share_above(scores, others).sum()))
            if rare is not None:
                marks = zip(_array(rare(real)) > 0, _array(rare(scored)) > 0, strict=True)
                shares = [share_above(scores[own], others[made]) if made.any() else own[own] for own, made in marks]
                within.copy_(torch.tensor([share.sum() for share in shares], dtype=within.dtype))
        return {"auc": auc} if rare is None else {"auc": auc, "auc_rare": within, "n_rare": rare(real).double().sum(1)}


def _array(rows: Tensor) -> np.ndarray:
    array: np.ndarray = rows.detach().float().cpu().numpy()
    return array
