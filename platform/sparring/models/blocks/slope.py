"""Penalties on a discriminator's slope: the length of its output's gradient with respect to a sample.

A discriminator that tells real from fake without fail is a cliff, and teaches the generator nothing. Two ways out:

* R1: half the mean squared slope at real samples (L. Mescheder et al., arXiv:1801.04406), which ends the circling
  around the equilibrium;
* the gradient penalty: the slope between real and fake is to be 1, so that the outputs' difference is a Wasserstein
  distance (I. Gulrajani et al., arXiv:1704.00028).

The slope is taken in eval mode: no unit is dropped, and batch norms use what they recorded. With statistics of the
batch a row's output depends on all rows: the gradient of their sum, which is what is cheap to have, then belongs to no
row, and behind a single norm it is 0.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from .eval_mode import eval_mode

TINY = 1e-12
"""Below the root: its gradient at 0 has no bound."""


class _Weights(Protocol):
    @property
    def w_r1(self) -> float: ...
    @property
    def w_gp(self) -> float: ...


class Bounded(Protocol):
    """A model with the weights of both penalties, as fields of its Config and as buffers."""

    w_r1: Tensor
    w_gp: Tensor

    @property
    def config(self) -> _Weights: ...


def squared_slopes(critic: nn.Module, x: Tensor) -> Tensor:
    """(B, …) → (B,), of outputs (B, 1). The critic's parameters may be differentiated with respect to, not ``x``."""
    with eval_mode(critic):
        # Not autograd.grad, which a sample under vmap cannot be told to require; nor torch.func.grad, whose first call
        # imports the compiler, 5 s.
        output, pull, *_ = torch.func.vjp(critic, x.detach())
        (gradient,) = pull(torch.ones_like(output))
    squares: Tensor = gradient.flatten(1).square().sum(1)
    return squares


def r1(critic: nn.Module, real: Tensor) -> Tensor:
    """½·E‖∇D(real)‖²; real: (B, …)."""
    return squared_slopes(critic, real).mean() / 2


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """E(‖∇D(x)‖ − 1)², x on the line between a real and a fake sample, at a place drawn uniformly.

    real: (B, …). fake: as many rows, or several batches of them on top of each other.
    """
    reals = torch.cat([real] * (len(fake) // len(real)))
    place = torch.rand_like(fake.flatten(1)[:, :1]).view(-1, *[1] * (fake.dim() - 1))
    slopes = (squared_slopes(critic, fake + place * (reals - fake)) + TINY).sqrt()
    return (slopes - 1).square().mean()


def bound_slope(loss: Tensor, model: Bounded, critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """A discriminator's ``loss`` with both penalties, as far as the model's Config has weights for them.

    To be called after all else that the phase draws: a weight of 0 must not move another draw.
    """
    if model.config.w_r1 > 0:
        loss = loss + model.w_r1 * r1(critic, real)
    if model.config.w_gp > 0:
        loss = loss + model.w_gp * gradient_penalty(critic, real, fake)
    return loss
