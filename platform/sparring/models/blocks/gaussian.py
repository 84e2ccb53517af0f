"""Codes that are Gaussians instead of points; their divergence from the prior is ``losses.gaussian_kl``."""

from __future__ import annotations

import torch
from torch import Tensor


def reparameterise(mean: Tensor, logvar: Tensor) -> Tensor:
    """A draw from N(mean, e^logvar), (B, latent_dim) each, through which gradients flow to both."""
    return mean + (logvar / 2).exp() * torch.randn_like(mean)
