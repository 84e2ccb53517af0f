"""Do codes of one class lie together? The accuracy of a nearest-neighbour classifier on codes.

It learns nothing of its own, so the figure is of the codes alone. Which classes there are is looked at by this figure,
and by no net: the encoder that is judged has never seen a label.

Source: T. M. Cover, P. E. Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13 (1967) 21.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...errors import DataError

CHUNK = 512
"""Codes at a time: their distances from 5,000 others are 10 MB."""


class Probe(nn.Module):
    """Training rows whose class is known. Nothing of it belongs to the weights.

    rows: how many of them, drawn evenly; all, if there are fewer.
    """

    known: Tensor
    classes: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.register_buffer("known", torch.zeros(0), persistent=False)
        self.register_buffer("classes", torch.zeros(0, dtype=torch.int64), persistent=False)

    def fit(self, rows: Tensor, label: Tensor | None) -> None:
        """Takes the training rows, (N, …), and the number of each one's class, (N,). Raises DataError without these."""
        if label is None:
            raise DataError("probe_rows: the class of each training row is needed, but the data say none; leave it out")
        index = torch.linspace(0, len(rows) - 1, min(self.rows, len(rows)), dtype=torch.float64).long()
        self.known = rows.index_select(0, index.to(label.device)).clone()
        self.classes = label.index_select(0, index.to(label.device)).clone()

    @torch.no_grad()
    def hits(self, codes: Tensor, known: Tensor, label: Tensor) -> Tensor:
        """How many codes have their nearest neighbour, by Euclid, in their own class: 0-dim, float64.

        codes: (B, latent_dim); known: codes of the rows that ``fit`` took, (K, latent_dim); label: classes of the
        first, (B,). NaN unless all codes are finite.
        """
        if not (torch.isfinite(codes).all() and torch.isfinite(known).all()):
            return torch.full((), torch.nan, dtype=torch.float64, device=codes.device)
        with torch.autocast(codes.device.type, enabled=False):
            pieces = [codes[start : start + CHUNK].double() for start in range(0, len(codes), CHUNK)]
            # Differences, not a matrix product: of codes far from 0 that would tell near from nearest by rounding.
            exact = "donot_use_mm_for_euclid_dist"
            nearest = [torch.cdist(piece, known.double(), compute_mode=exact).argmin(1) for piece in pieces]
        return (self.classes[torch.cat(nearest)] == label).double().sum()
