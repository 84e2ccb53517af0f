"""How far codes are from draws of their prior, without an adversary: two distances that an encoder can learn from.

* maximum mean discrepancy: no choice of a smooth function has another mean over codes than over draws; of Wasserstein
  autoencoders (I. Tolstikhin et al., arXiv:1711.01558);
* sliced Wasserstein distance: along any direction codes lie as draws do (S. Kolouri et al., arXiv:1804.01947).

Both compare a batch as a whole. Of several workers each compares its own rows, as each takes its own statistics for a
batch norm, so their gradient is another estimate than that of one worker, and a rougher one.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Widths of the kernel, in the mean squared distance of two draws; those of the authors' code, which adds them up."""


class _Weights(Protocol):
    @property
    def w_mmd(self) -> float: ...
    @property
    def w_swd(self) -> float: ...


class Matched(Protocol):
    """A model with the weights of both distances, as fields of its Config and as buffers."""

    w_mmd: Tensor
    w_swd: Tensor

    @property
    def config(self) -> _Weights: ...


def _kernels(one: Tensor, other: Tensor) -> Tensor:
    """Inverse multiquadratic kernels C/(C + ‖a − b‖²), mean over their widths C; (A, d), (B, d) → (A, B)."""
    squares = one.square().sum(1)[:, None] + other.square().sum(1) - 2 * one @ other.t()
    squares = squares.clamp_min(0)  # rounding
    widths = [2 * one.shape[1] * scale for scale in SCALES]
    return torch.stack([width / (width + squares) for width in widths]).mean(0)


def mmd(codes: Tensor, draws: Tensor) -> Tensor:
    """Squared discrepancy without bias: around 0, also below, where both have one distribution. (B, d) both, B ≥ 2.

    The widths suit draws of variance 1.
    """
    n = len(codes)
    within = [_kernels(rows, rows).sum() - n for rows in (codes, draws)]  # each kernel of a row with itself is 1
    return (within[0] + within[1]) / (n * (n - 1)) - 2 * _kernels(codes, draws).mean()


def sliced_wasserstein(codes: Tensor, draws: Tensor, directions: Tensor) -> Tensor:
    """Mean squared distance between codes and draws of the same rank along each direction.

    codes, draws: (B, d). directions: (L, d) of any length.
    """
    along = functional.normalize(directions, dim=1).t()
    ranked = [(rows @ along).sort(dim=0).values for rows in (codes, draws)]
    return (ranked[0] - ranked[1]).square().mean()


def match_prior(loss: Tensor, model: Matched, codes: Tensor, *, folded: bool = False) -> Tensor:
    """An encoder's ``loss`` with both distances, as far as the model's Config has weights for them.

    codes: (B, latent_dim) in units of the prior's deviation, the prior then being N(0, I), or with ``folded`` the
    absolute values of draws from that. There are as many directions as rows. To be called after all else that the phase
    draws: a weight of 0 must not move another draw.
    """
    if model.config.w_mmd == 0 and model.config.w_swd == 0:
        return loss
    draws = torch.randn_like(codes)
    draws = draws.abs() if folded else draws
    with torch.autocast(codes.device.type, enabled=False):  # differences of nearly equal numbers
        wide = codes.to(torch.promote_types(codes.dtype, torch.float32))
        if model.config.w_mmd > 0:
            loss = loss + model.w_mmd * mmd(wide, draws.to(wide))
        if model.config.w_swd > 0:
            loss = loss + model.w_swd * sliced_wasserstein(wide, draws.to(wide), torch.randn_like(wide))
    return loss
