"""Linear and convolution layers whose weight is divided by its largest singular value.

A discriminator of such layers and of activations no steeper than 1 has a slope of at most 1. Source: T. Miyato et al.,
arXiv:1802.05957.

The value is estimated by one step of power iteration per forward in training, as there, from where the last one ended:
the left singular vector, a buffer. In eval mode, and in phases that do not name the net, it stands still. torch has the
same (``torch.nn.utils.parametrizations.spectral_norm``), but renames the weight, draws the first vector from the
generator that the first weights come from, and does not run under ``torch.func.vmap``.
"""

from __future__ import annotations

from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class Spectral(nn.Module):
    """What both kinds of layer share; ``bounded`` is the weight to use."""

    weight: Tensor
    u: Tensor
    track_running_stats = True
    """False while a phase of other nets runs, as of a batch norm (``training/norms.py``)."""
    is_frozen = False

    def bounded(self) -> Tensor:
        """The weight over its largest singular value, of a convolution that of (outputs, inputs·height·width)."""
        with torch.autocast(self.weight.device.type, enabled=False):  # in bfloat16 the estimate has three digits
            matrix = self.weight.flatten(1)
            u = self.u
            with torch.no_grad():
                v = functional.normalize(matrix.t() @ u, dim=0)
                if self.training and self.track_running_stats:
                    u = functional.normalize(matrix @ v, dim=0)
                    self.u.copy_(u)
                else:
                    u = u.clone()  # the next forward of its own phase writes it anew, and the gradient needs this one
            bounded: Tensor = self.weight / (u @ (matrix @ v))
        return bounded

    def train(self, mode: bool = True) -> Self:
        """A frozen layer stays in eval mode, so that its estimate stays as loaded."""
        return super().train(mode and not self.is_frozen)


class SpectralLinear(Spectral, nn.Linear):
    """(B, inputs) → (B, outputs), with the parameters of a plain layer."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__(plain.in_features, plain.out_features, device="meta")
        self.weight, self.bias = plain.weight, plain.bias
        self.register_buffer("u", first_vector(plain.weight))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.bounded(), self.bias)


class SpectralConv2d(Spectral, nn.Conv2d):
    """(B, C, H, W) → (B, outputs, H', W'), with the parameters of a plain layer."""

    def __init__(self, plain: nn.Conv2d) -> None:
        # torch types these as pairs where they are given, and as any number of numbers where they are kept.
        size, stride, padding = (
            cast("tuple[int, int]", each) for each in (plain.kernel_size, plain.stride, plain.padding)
        )
        super().__init__(plain.in_channels, plain.out_channels, size, stride, padding, device="meta")
        self.weight, self.bias = plain.weight, plain.bias
        self.register_buffer("u", first_vector(plain.weight))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self._conv_forward(x, self.bounded(), self.bias)
        return y


def first_vector(weight: Tensor) -> Tensor:
    """A direction of the outputs, (outputs,), from a generator of its own."""
    return functional.normalize(torch.randn(len(weight), generator=torch.Generator().manual_seed(0)), dim=0)


_TWINS: dict[type[nn.Module], type[SpectralLinear] | type[SpectralConv2d]] = {
    nn.Linear: SpectralLinear,
    nn.Conv2d: SpectralConv2d,
}


def bound_spectrum(net: nn.Module) -> None:
    """Puts a ``Spectral`` layer in the place of every linear and convolution layer; parameters keep their names."""
    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            if type(child) in _TWINS:
                setattr(module, name, _TWINS[type(child)](child))  # type: ignore[arg-type]
