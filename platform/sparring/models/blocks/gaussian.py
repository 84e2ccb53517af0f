"""Codes that are Gaussians instead of points, and a prior for them that is a mixture of Gaussians.

The divergence from N(0, I) is ``losses.gaussian_kl``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def reparameterise(mean: Tensor, logvar: Tensor) -> Tensor:
    """A draw from N(mean, e^logvar), (B, latent_dim) each, through which gradients flow to both."""
    return mean + (logvar / 2).exp() * torch.randn_like(mean)


class Mixture(nn.Module):
    """p(code) = Σ weight_k·N(mean_k, e^logvar_k), learned with the nets (Tomczak and Welling, AISTATS 2018)."""

    def __init__(self, components: int, latent_dim: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(components, latent_dim))
        self.logvar = nn.Parameter(torch.zeros(components, latent_dim))
        self.logit = nn.Parameter(torch.zeros(components))

    def initialize(self) -> None:
        """Even weights; means from N(0, ¾·I) and variances ¼, so that all together are about N(0, I)."""
        with torch.no_grad():
            self.mean.normal_().mul_(0.75**0.5)
            self.logvar.fill_(0.25).log_()
            self.logit.zero_()

    def divergence(self, mean: Tensor, logvar: Tensor) -> Tensor:
        """Nats by which N(mean, e^logvar) at most differs from the mixture: (B, latent_dim) each → (B,).

        -log Σ weight_k·exp(-KL_k), where KL_k is the divergence from a component: never below the true divergence, and
        the closer to it the narrower the codes are (Hershey and Olsen, ICASSP 2007, eq. 18-20). Without draws, so that
        it is less noisy than the usual difference of two log densities.
        """
        mean, logvar = mean[:, None], logvar[:, None]  # (B, 1, latent_dim) against (components, latent_dim)
        ratio = ((mean - self.mean).square() + logvar.exp()) * (-self.logvar).exp()
        apart = (ratio - 1 + self.logvar - logvar).sum(-1) / 2
        return -(self.logit.log_softmax(0) - apart).logsumexp(1)

    def place(self, normal: Tensor, uniform: Tensor) -> Tensor:
        """Draws from N(0, I), (B, latent_dim), as draws from the mixture; the uniform number, (B, 1), picks which."""
        below = self.logit.softmax(0).cumsum(0)[:-1]
        chosen = (uniform > below).sum(1)
        return self.mean[chosen] + (self.logvar[chosen] / 2).exp() * normal
