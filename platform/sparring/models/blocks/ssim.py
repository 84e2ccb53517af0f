"""MS-SSIM: how alike two images look at five scales (Wang, Simoncelli and Bovik, Asilomar 2003).

Written here since images of 16 to 28 pixels are smaller than the window that libraries take, and a loss must run under
``torch.func.vmap``.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the five scales of MS-SSIM, finest first, as published; fewer scales share them out anew."""

SSIM_FLOOR = 1e-6
"""Structures that contradict each other have a negative term, which no broken power takes: it counts as this."""


def ssim_window(side: int) -> Tensor:
    """The Gaussian of 11 points and deviation 1.5 that MS-SSIM looks through, fewer points for images under 11."""
    points = min(11, side - 1 + side % 2)
    lags = torch.arange(points) - points // 2
    weights = (-lags.square() / (2 * 1.5**2)).exp()
    return weights / weights.sum()


def ms_ssim(x: Tensor, y: Tensor, window: Tensor) -> Tensor:
    """Multi-scale structural similarity per sample, (B, C, H, W) in [0, 1] → (B,); 1 where the images are equal.

    As many of the five scales as the window fits in: 2 at 32 pixels a side, 5 from 176. Windows lie within the image.
    Source: Z. Wang, E. P. Simoncelli, A. C. Bovik, Asilomar 2003; constants 0.01² and 0.03².
    """
    batch, channels = x.shape[:2]
    scales = 1
    while scales < len(SSIM_WEIGHTS) and min(x.shape[2:]) >> scales >= len(window):
        scales += 1
    weights = [weight / sum(SSIM_WEIGHTS[:scales]) for weight in SSIM_WEIGHTS[:scales]]
    x, y = x.flatten(0, 1)[:, None], y.flatten(0, 1)[:, None]
    x, product = x.to(y.dtype), torch.ones_like(y[:, 0, 0, 0])
    for scale, weight in enumerate(weights):
        with torch.autocast(x.device.type, enabled=False):  # variances are small differences: bf16 would lose them
            light, structure = _ssim_terms(x, y, window)
        last = scale == scales - 1
        term = (light * structure if last else structure).mean((1, 2, 3))
        product = product * term.clamp_min(SSIM_FLOOR) ** weight
        if not last:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    return product.reshape(batch, channels).mean(1)


def _ssim_terms(x: Tensor, y: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """The luminance term, and contrast times structure, of grey images (N, 1, H, W) at every place of the window."""
    blurred = torch.cat([x, y, x * x, y * y, x * y])
    blurred = functional.conv2d(functional.conv2d(blurred, window[None, None, :, None]), window[None, None, None])
    mean_x, mean_y, square_x, square_y, cross = blurred.chunk(5)
    light = (2 * mean_x * mean_y + 0.01**2) / (mean_x.square() + mean_y.square() + 0.01**2)
    spreads = square_x - mean_x.square() + square_y - mean_y.square()
    return light, (2 * (cross - mean_x * mean_y) + 0.03**2) / (spreads + 0.03**2)
