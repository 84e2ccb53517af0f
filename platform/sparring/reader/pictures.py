"""Images on their way into a dense net: bytes or intensities of any size and colour to floats from -1 to 1.

The same as ``models/blocks/images.py`` with ``fit = "resize"``.
"""

from __future__ import annotations

from functools import cache

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]
"""Shares of red, green and blue in grey: ITU-R BT.601."""


def to_signed(image: np.ndarray, channels: int, side: int) -> np.ndarray:
    """(N, C, H, W) → (N, channels, side, side) from -1 to 1."""
    x = image.astype(np.float32)
    if image.dtype == np.uint8:
        x = x * np.float32(1 / 255)
    if x.shape[1] == 3 and channels == 1:
        x = (x * LUMA).sum(1, keepdims=True)
    elif x.shape[1] == 1 and channels == 3:
        x = np.repeat(x, 3, axis=1)
    if x.shape[2:] != (side, side):
        x = _shares(x.shape[2], side) @ x @ _shares(x.shape[3], side).T
    answer: np.ndarray = 2 * x - 1
    return answer


@cache
def _shares(old: int, new: int) -> np.ndarray:
    """How much of each old pixel is in each new one, (new, old): a triangle as wide as a pixel of the larger size."""
    step = old / new
    reach = max(step, 1.0)
    centre = (np.arange(new) + 0.5) * step
    distance = np.abs(np.arange(old) + 0.5 - centre[:, None]) / reach
    share = np.maximum(0, 1 - distance)
    shares: np.ndarray = share / share.sum(1, keepdims=True)
    return shares.astype(np.float32)
