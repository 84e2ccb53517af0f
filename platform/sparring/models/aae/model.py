"""AAE: a convolutional autoencoder of images whose codes may spar with a discriminator until they look like the prior.

    image ─ encoder ─ code ─ decoder ─ reconstruction
                       │
    N(0, I) ─ draw ────┴─ critic

Phases, losses and sources: ``phases.py``. Series have a twin of it in ``models/aae_series/model.py``.
"""

from __future__ import annotations

from torch import Tensor

from ..base import Shapes
from ..blocks.images import Images
from ..forms import check_shape
from . import config
from .phases import AdversarialCodes


class AAE(AdversarialCodes[config.Config]):
    """Three nets and up to three phases. Images are bytes or floats in [0, 1], (B, C, H, W)."""

    Config = config.Config

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        check_shape("image", self.shapes["image"])
        channels, side = config.channels or self.shapes["image"][0], config.image_size
        self.images = Images(channels, side, fit=config.image_fit)
        self.build(channels, (side, side), (channels, side, side))

    def view(self, rows: Tensor) -> Tensor:
        x: Tensor = self.images(rows)
        return x

    def unview(self, x: Tensor) -> Tensor:
        return x

    def decode(self, code: Tensor) -> Tensor:
        logits: Tensor = self.decoder(code)
        return logits.sigmoid()
