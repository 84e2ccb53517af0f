"""Images on their way into a model and out of it: any size, depth and colour to the form its nets read.

Data sets keep images as bytes, (N, C, H, W); the step to numbers is made here, on the model's device, once per batch.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError
from ..forms import check_shape

Fit = Literal["resize", "pad"]

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey: ITU-R BT.601, as Pillow and torchvision have it."""

COARSE = 16
"""Pixels a side of the images that figures of samples compare: at the full size noise would outweigh form."""


class Images(nn.Module):
    """uint8 images, or floats in [0, 1], as floats (N, channels, side, side) in [0, 1] or, signed, in [-1, 1].

    resize  bilinear to side × side, averaging where it shrinks, whatever the image's proportions
    pad     centred on black; the image must not be larger than side

    Grey becomes colour by repetition, colour becomes grey by luma. One instance takes images of every size and colour,
    so that the images a model was not trained on can be judged too.
    """

    unit: Tensor
    luma: Tensor

    def __init__(self, channels: int, side: int, *, fit: Fit = "resize", is_signed: bool = False) -> None:
        super().__init__()
        self.channels, self.side, self.fit, self.is_signed = channels, side, fit, is_signed
        self.register_buffer("unit", torch.tensor(1 / 255), persistent=False)
        self.register_buffer("luma", torch.tensor(LUMA)[:, None, None], persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Raises DataError if they are no images, or too large to pad."""
        check_shape("image", image.shape[1:])
        # One order in memory: of one channel there are two that mean the same, and convolutions round by the order.
        x = image.to(self.unit.dtype, memory_format=torch.contiguous_format, copy=True)
        if not image.is_floating_point():
            x = x * self.unit
        if x.shape[1] == 3 and self.channels == 1:
            x = (x * self.luma).sum(1, keepdim=True)
        elif x.shape[1] == 1 and self.channels == 3:
            x = x.expand(-1, 3, -1, -1)
        if x.shape[2:] != (self.side, self.side):
            x = self._pad(x) if self.fit == "pad" else self._resize(x)
        return 2 * x - 1 if self.is_signed else x

    def inverse(self, x: Tensor) -> Tensor:
        """What the nets read or return, as intensities in [0, 1]."""
        return (x + 1) / 2 if self.is_signed else x

    def _resize(self, x: Tensor) -> Tensor:
        # Antialiasing changes nothing where it enlarges, and is then the faster kernel: 0.7 against 1.2 ms for 128.
        return functional.interpolate(x, size=(self.side, self.side), mode="bilinear", antialias=True)

    def _pad(self, x: Tensor) -> Tensor:
        height, width = (self.side - size for size in x.shape[2:])
        if min(height, width) < 0:
            raise DataError(
                f"image: to be padded to {self.side} pixels a side it must not be larger, but got "
                f"{tuple(x.shape[2:])}; set image_fit to 'resize', or a larger image_size"
            )
        return functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))


def to_bytes(image: Tensor) -> Tensor:
    """Intensities in [0, 1], as models return them, to uint8 for a file."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)


def coarse(rows: Tensor) -> Tensor:
    """(B, …) to (B, size); images shrunk to at most ``COARSE`` pixels a side."""
    if rows.dim() == 4 and max(rows.shape[2:]) > COARSE:
        rows = functional.adaptive_avg_pool2d(rows, COARSE)
    return rows.flatten(1)
