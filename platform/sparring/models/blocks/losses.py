"""Losses that systems choose by name: how far a reconstruction is off, and how well a critic tells real from fake.

Every loss is a mean over the batch, a 0-dim tensor, runs under ``torch.func.vmap``, and takes its constants as tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import AdversarialLoss, Penalty


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


def hinge_adversarial(logits: Tensor, real: bool) -> Tensor:
    """By how much the raw output stays below 1 (real) or above -1 (fake); 2 for a real and a fake at 0.

    What is beyond them costs nothing. Source: J. H. Lim and J. C. Ye, arXiv:1705.02894.
    """
    return (1 - logits if real else 1 + logits).relu().mean()


def wasserstein_adversarial(logits: Tensor, real: bool) -> Tensor:
    """The raw output, with a minus if real: a real and a fake together cost what the fake's is above the real's.

    Minus the Wasserstein distance if the discriminator's slope is bounded, else without a lower bound. Source:
    M. Arjovsky et al., arXiv:1701.07875.
    """
    return (-logits if real else logits).mean()


ADVERSARIAL: Mapping[AdversarialLoss, Callable[[Tensor, bool], Tensor]] = {
    "bce": bce_adversarial,
    "mse": mse_adversarial,
    "hinge": hinge_adversarial,
    "wasserstein": wasserstein_adversarial,
}
"""By name: a discriminator's raw output and the label it should have had, to a 0-dim loss."""


def fool(loss: AdversarialLoss, logits: Tensor) -> Tensor:
    """What a generator pays for the discriminator's output on its fakes, a 0-dim loss.

    That of calling them real; with hinge the plain output, for a fake that is real enough would bring no gradient
    (arXiv:1705.02894).
    """
    return ADVERSARIAL["wasserstein" if loss == "hinge" else loss](logits, True)


def unreality(loss: AdversarialLoss, logits: Tensor) -> Tensor:
    """How strange a discriminator finds samples, (B, 1) → (B,): 1 - its probability, or minus what is none."""
    output = logits.squeeze(1).neg()
    return output.sigmoid() if loss == "bce" else output


def penalty(kind: Penalty, nets: Iterable[nn.Module]) -> Tensor:
    """Sum over the nets' parameter tensors of their L1 or L2 norm (not squared), as XANESNET defines it."""
    order = {"L1": 1, "L2": 2}[kind]
    norms = [torch.linalg.vector_norm(parameter, order) for net in nets for parameter in net.parameters()]
    return torch.stack(norms).sum()


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """Nats by which N(mean, e^logvar) differs from N(0, I), summed over the code: (B, latent_dim) → (B,)."""
    return (mean.square() + logvar.exp() - 1 - logvar).sum(1) / 2
