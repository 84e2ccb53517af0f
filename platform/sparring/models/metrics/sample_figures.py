"""The figures of an autoencoder's samples that are off unless asked for: what trees, neighbours and spectra tell.

``val/mmd_sample`` compares smooth averages. On digits a Gaussian on 15 principal components gets 0.003 from it, copies
of training rows get 0, and held-out rows 0.0005. Here each of these is seen by one figure at least.

All are measured where a distance and a threshold mean something: images of intensities from 0 to 1, averaged to at most
16 pixels a side; series and flat rows in units of each column's deviation, series averaged to at most 128 times. Not in
the features of a pretrained net, as of photographs: there is none of digits, shapes or series, and none offline.
Spectrum and autocorrelation see all times.

Trees see every row through haze: noise of a tenth, the same for equal rows. Without it they find the faintest grey
where real images are black: of two nets trained on shapes, the second much the better, the areas were 1.000 and 0.999;
with it they are 0.83 and 0.71, and that of a Gaussian on 15 principal components 0.996.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..blocks.images import coarse
from ..blocks.scaling import positive_or_one
from .classifier_auc import Detection
from .keyed_noise import keyed_normal
from .neighbours import Neighbours, Samples
from .series_match import compared_waves, wave_sums

TIMES = 128
"""Times of series that trees and neighbours compare at most."""
HAZE = 0.1
"""Deviation of the noise through which trees see rows: of images in intensities, else in columns' deviations."""
KNOWN_ROWS = 10_000
"""Training rows that are compared at most, the first: which rows train is drawn at random."""


class Made(NamedTuple):
    """What no row changes of the samples."""

    told: Tensor
    """Through haze, (2K, size), for trees; empty without them."""
    near: Samples | None
    waves: dict[str, Tensor]
    """``made_power`` and ``made_acf``, means over series; empty of other samples."""


class SampleFigures(nn.Module):
    """Compares samples with rows, both as the figures see them: (B, C, H, W) from 0 to 1, (B, T, C) or (B, D).

    shape: of one sample. auc_rows, sample_rows: training rows that trees learn from, and about which balls are laid; of
    either None leaves its figures out. Nothing of it belongs to the weights: whoever evaluates fits it first.
    """

    spread: Tensor
    codes: Tensor

    def __init__(self, shape: tuple[int, ...], auc_rows: int | None, sample_rows: int | None) -> None:
        super().__init__()
        self.is_image, self.is_series = len(shape) == 3, len(shape) == 2
        self.detection = Detection(auc_rows) if auc_rows else None
        self.neighbours = Neighbours(sample_rows) if sample_rows else None
        self.register_buffer("spread", torch.ones(1 if self.is_image else shape[-1]), persistent=False)
        self.register_buffer("codes", torch.zeros(0), persistent=False)

    @property
    def is_on(self) -> bool:
        """Is any figure asked for?"""
        return self.detection is not None or self.neighbours is not None

    @torch.no_grad()
    def fit(self, chunks: Iterable[Tensor], latent_dim: int) -> None:
        """Takes the training rows, the first ``KNOWN_ROWS``, and draws the codes of the samples, (count, latent_dim).

        Raises DataError if they are fewer than 20.
        """
        rows = torch.cat(list(chunks))
        if not self.is_image:
            columns = rows.flatten(0, -2) if self.is_series else rows
            self.spread.copy_(positive_or_one(columns.double().var(0, correction=0)).sqrt())
        known, count = self.flat(rows), 0
        if self.detection is not None:
            self.detection.fit(known)
            count = 2 * len(self.detection.known)
        if self.neighbours is not None:
            self.neighbours.fit(known)
            count = max(count, len(self.neighbours.centres))
        # Drawn on the CPU: the same on every device.
        drawn = torch.randn(count, latent_dim, generator=torch.Generator().manual_seed(2))
        self.codes = drawn.to(self.spread)

    def flat(self, rows: Tensor) -> Tensor:
        """As trees and neighbours compare them, (B, size)."""
        rows = rows.to(self.spread.dtype)
        if self.is_image:
            return coarse(rows)
        rows = rows / self.spread
        if self.is_series and rows.shape[1] > TIMES:
            rows = functional.adaptive_avg_pool1d(rows.transpose(1, 2), TIMES)
        return rows.flatten(1)

    def made(self, samples: Tensor) -> Made:
        """What no row changes of samples, (count, …), that the decoder made of ``codes``."""
        flat = self.flat(samples)
        told, near, waves = flat.new_zeros(0), None, {}
        if self.detection is not None:
            told = _hazed(flat[: 2 * len(self.detection.known)])
        if self.neighbours is not None:
            few = len(self.neighbours.centres)
            near = self.neighbours.of_samples(flat[:few])
            if self.is_series:
                waves = {f"made_{name}": total / few for name, total in self.waves(samples[:few]).items()}
        return Made(told, near, waves)

    def waves(self, series: Tensor) -> dict[str, Tensor]:
        """``wave_sums`` of series in units of their channels' deviations."""
        return wave_sums(series.to(self.spread.dtype) / self.spread)

    def sums(self, real: Tensor, samples: Tensor) -> dict[str, Tensor]:
        """Sums over a batch's validation rows, for ``figures``. samples: what the decoder made of ``codes``."""
        sums: dict[str, Tensor] = {}
        rows, made = self.flat(real), self.made(samples)
        if self.detection is not None:
            sums |= self.detection.sums(_hazed(rows), _hazed(self.detection.known), made.told)
        if self.neighbours is not None and made.near is not None:
            sums |= self.neighbours.sums(rows, made.near)
            if self.is_series:
                sums |= self.waves(real) | {name: len(rows) * mean for name, mean in made.waves.items()}
        return sums

    def figures(self, sums: Mapping[str, Tensor]) -> dict[str, float]:
        """The ``val/…`` figures from ``n`` and what ``sums`` gave, added up over batches and workers."""
        figures = {"val/auc": float(sums["auc"] / sums["n"])} if "auc" in sums else {}
        if "nearer" in sums:
            figures |= Neighbours.figures(sums)
        return figures | (compared_waves(sums) if "power" in sums else {})


def _hazed(flat: Tensor) -> Tensor:
    return flat + HAZE * keyed_normal(flat, flat.shape[1])
