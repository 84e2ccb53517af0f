"""AAE of series: the twin of ``aae`` for time series (times, channels), with convolutions along time.

Phases, losses and sources: ``models/aae/phases.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..aae.phases import AdversarialCodes
from ..base import Shapes
from ..blocks.scaling import Scaling
from ..forms import check_shape
from . import config


class SeriesAAE(AdversarialCodes[config.Config]):
    """Three nets and up to three phases. Series are floats (B, T, C)."""

    Config = config.Config

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        shape = self.shapes["series"]
        check_shape("series", shape)
        times, channels = shape
        self.scaling = Scaling(channels, config.input_scaling)
        self.build(channels, (times,), shape)

    @torch.no_grad()
    def prepare(self, train: Mapping[str, Tensor]) -> None:
        """Fits the scaling of each channel on the training rows, then what the figures are relative to."""
        self.scaling.fit(train["series"].flatten(0, 1))
        super().prepare(train)

    def view(self, rows: Tensor) -> Tensor:
        x: Tensor = self.scaling(rows)
        return x.transpose(1, 2).clone(
            memory_format=torch.contiguous_format
        )  # one order in memory, as in models/blocks/images.py

    def unview(self, x: Tensor) -> Tensor:
        return self.scaling.inverse(x.transpose(1, 2))

    def decode(self, code: Tensor) -> Tensor:
        x: Tensor = self.decoder(code)
        return x
