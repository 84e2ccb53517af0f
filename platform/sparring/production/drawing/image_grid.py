"""Images as one picture: a grid of samples, or originals over their reconstructions. Needs no screen."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ...errors import DataError

GAP = 2
"""White pixels between images."""
SMALLEST = 84
"""Smaller images (pixels a side) are enlarged by a whole factor, so that each pixel becomes a square."""


def grid(images: np.ndarray, columns: int) -> Image.Image:
    """Images in rows of ``columns`` from the top left.

    images: (N, C, H, W), bytes or floats in [0, 1], C 1 or 3. Raises DataError for another shape, or if N is 0.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise DataError(f"a grid needs images, (N, 1 or 3, height, width), but got shape {images.shape}")
    pixels = images if images.dtype == np.uint8 else np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)
    times = max(1, -(-SMALLEST // min(pixels.shape[2:])))
    pixels = pixels.repeat(times, axis=2).repeat(times, axis=3).transpose(0, 2, 3, 1)
    height, width, channels = (size + gap for size, gap in zip(pixels.shape[1:], (GAP, GAP, 0), strict=True))
    rows = -(-len(pixels) // columns)
    canvas = np.full((rows * height + GAP, min(columns, len(pixels)) * width + GAP, channels), 255, np.uint8)
    for number, image in enumerate(pixels):
        top, left = GAP + number // columns * height, GAP + number % columns * width
        canvas[top : top + height - GAP, left : left + width - GAP] = image
    return Image.fromarray(canvas[:, :, 0] if channels == 1 else canvas)


def pairs(originals: np.ndarray, reconstructions: np.ndarray, columns: int = 10) -> Image.Image:
    """A row of originals, below it a row of their reconstructions, and so on.

    originals, reconstructions: (N, C, H, W). Raises DataError if their shapes differ.
    """
    if originals.shape != reconstructions.shape:
        raise DataError(
            f"originals and reconstructions need one shape, but got {originals.shape} and {reconstructions.shape}"
        )
    both = [_floats(originals), _floats(reconstructions)]
    lines = [images[start : start + columns] for start in range(0, len(originals), columns) for images in both]
    blank = np.ones((columns - len(lines[-1]), *originals.shape[1:]))
    if len(originals) <= columns:
        return grid(np.concatenate(lines), len(originals))
    lines[-2:] = [np.concatenate([line, blank]) for line in lines[-2:]]
    return grid(np.concatenate(lines), columns)


def _floats(images: np.ndarray) -> np.ndarray:
    return images / 255 if images.dtype == np.uint8 else images
