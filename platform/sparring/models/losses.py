"""Losses that systems choose by name: how far a reconstruction is off, and how well a critic tells real from fake.

Every loss is a mean over the batch, a 0-dim tensor, runs under ``torch.func.vmap``, and takes its constants as tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import Penalty


def emd(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of the cumulative sums along the features.

    XANESNET's earth mover's distance (squared, so properly Cramér's); it sums over the batch where this takes the mean.
    """
    return (prediction - target).cumsum(-1).square().mean()


def cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """1 − cos of the angle between each prediction and its target, 0 to 2; blind to scale."""
    return 1 - functional.cosine_similarity(prediction, target, dim=-1).mean()


def bce(prediction: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy in nats, mean over batch and features; ``prediction`` are logits, ``target`` in [0, 1].

    Outside [0, 1] it has no lower bound, so its users scale their targets first.
    """
    return (functional.softplus(prediction) - prediction * target).mean()


def wcc_kernel(features: int, half_width: float) -> Tensor:
    """The (features, features) matrix of weights w(i − j) = exp(−lag² / (2·width2)) that ``wcc`` needs.

    half_width: half width at half maximum, in grid points. As published, width2 = 2·half_width/√(2 ln 2) stands where a
    Gaussian has its variance, so 10 gives a weight whose true half width is 4.9 points.
    """
    width2 = 2 * half_width / math.sqrt(2 * math.log(2))
    points = torch.arange(features)
    return torch.exp(-(points[:, None] - points).square() / (2 * width2))


def wcc(prediction: Tensor, target: Tensor, kernel: Tensor) -> Tensor:
    """1 − weighted cross-correlation of each prediction with its target, 0 to 1; blind to scale, mild to small shifts.

    similarity = c(p, t) / √(c(p, p)·c(t, t)), clipped to [0, 1], where c(f, g) is the full cross-correlation of f and g
    summed over all lags with a Gaussian weight centred on lag 0. Summing correlations over lags is the quadratic form
    fᵀ·kernel·g, one matrix product for all samples.
    Source: Källman et al. 2020, Chem. Phys. 535, 110786. XANESNET centres its weight half a point or one point off.
    """
    spread = prediction @ kernel
    cross = (spread * target).sum(-1)
    own = (spread * prediction).sum(-1) * ((target @ kernel) * target).sum(-1)
    return 1 - (cross / own.clamp_min(1e-12).sqrt()).clamp(0, 1).mean()


RECONSTRUCTION: Mapping[str, Callable[..., Tensor]] = {
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
    "emd": emd,
    "cosine": cosine,
    "wcc": wcc,
    "bce": bce,
}
"""By name: prediction and target, both (B, features), to a 0-dim loss; ``wcc`` takes its kernel as third argument."""


def bce_adversarial(logits: Tensor, real: bool) -> Tensor:
    """Nats per sample for calling ``logits`` real (or fake): −log σ(z) = softplus(−z); ln 2 for a guess."""
    return functional.softplus(-logits if real else logits).mean()


def mse_adversarial(logits: Tensor, real: bool) -> Tensor:
    """Least-squares GAN: squared distance of the raw output from 1 (real) or 0 (fake). Source: arXiv:1611.04076."""
    return (logits - 1).square().mean() if real else logits.square().mean()


ADVERSARIAL: Mapping[str, Callable[[Tensor, bool], Tensor]] = {"bce": bce_adversarial, "mse": mse_adversarial}
"""By name: a discriminator's raw output and the label it should have had, to a 0-dim loss."""


def penalty(kind: Penalty, nets: Iterable[nn.Module]) -> Tensor:
    """Sum over the nets' parameter tensors of their L1 or L2 norm (not squared), as XANESNET defines it."""
    order = {"L1": 1, "L2": 2}[kind]
    norms = [torch.linalg.vector_norm(parameter, order) for net in nets for parameter in net.parameters()]
    return torch.stack(norms).sum()


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """Nats by which N(mean, e^logvar) differs from N(0, I), summed over the code: (B, latent_dim) → (B,)."""
    return (mean.square() + logvar.exp() - 1 - logvar).sum(1) / 2


SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the five scales of MS-SSIM, finest first, as published; fewer scales share them out anew."""

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
    """Of grey images (N, 1, H, W) the luminance term, and contrast times structure, at every place of the window."""
    blurred = torch.cat([x, y, x * x, y * y, x * y])
    blurred = functional.conv2d(functional.conv2d(blurred, window[None, None, :, None]), window[None, None, None])
    mean_x, mean_y, square_x, square_y, cross = blurred.chunk(5)
    light = (2 * mean_x * mean_y + 0.01**2) / (mean_x.square() + mean_y.square() + 0.01**2)
    spreads = square_x - mean_x.square() + square_y - mean_y.square()
    return light, (2 * (cross - mean_x * mean_y) + 0.03**2) / (spreads + 0.03**2)
