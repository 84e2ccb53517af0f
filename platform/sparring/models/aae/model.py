"""AAE: a convolutional autoencoder of images whose codes may spar with a discriminator until they look like the prior.

    image ─ encoder ─ code ─ decoder ─ reconstruction
                       │
    N(0, I) ─ draw ────┴─ critic

Phases, losses and sources: ``phases.py``. Series have a twin of it in ``models/aae_series/model.py``.
"""

from __future__ import annotations

from torch import Tensor

from ..base import Shapes
from ..blocks.images import Images, check_shape
from . import config
from .phases import AdversarialCodes


class AAE(AdversarialCodes[config.Config]):
    """Three nets and up to three phases. Images are bytes or floats in [0, 1], (B, C, H, W)."""

    Config = config.Config

    def __init__(self, config: config.Config, shapes: Shapes) -> None:
        super().__init__(config, shapes)
        check_shape(self.shapes["image"])
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

    def reconstruct(self, image: Tensor) -> dict[str, Tensor]:
        """Images of any size and colour as the autoencoder gives them back: ``["image"]``, floats in [0, 1]."""
        return self._reconstruct(image)

    def score(self, image: Tensor) -> dict[str, Tensor]:
        """How strange each image is, (N,) by name; the larger, the stranger.

        ``reconstruction``  mean squared error of intensities
        ``code``            mean square of the code, in units of the prior's variance
        ``discriminator``   1 - its probability that the code is a draw from the prior; not of a plain autoencoder

        The first is the one to use: of digits turned upside down, inverted or shuffled it finds nine tenths and more
        (area under the ROC curve), while strange images may have codes like any other: 0.06 to 0.95 and 0.01 to 0.43.
        """
        return self._score(image)
