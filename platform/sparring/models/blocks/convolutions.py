"""Building blocks of convolutional nets: strided encoders, transposed decoders, critics of images and of codes.

Two families. ``ImageEncoder``, ``ImageDecoder`` and ``ImageCritic`` halve a square image once per hidden dimension,
3×3, normalised (the AdvVAE). ``CodeEncoder`` and ``CodeDecoder`` halve images or series by 5-wide filters without
norms, and ``CodeCritic`` judges codes (the AAE). Weights start as torch's layers do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from ..config import Norm


def make_norm(kind: Norm, channels: int) -> nn.Module:
    """What follows a convolution: batch norm, group norm (two channels a group, one if odd), or nothing."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        return nn.GroupNorm(channels // 2 if channels % 2 == 0 else channels, channels)
    return nn.Identity()


def _stage(layer: nn.Module, norm: Norm, channels: int) -> nn.Sequential:
    return nn.Sequential(layer, make_norm(norm, channels), nn.LeakyReLU())


def _halving(channels: int, dims: Sequence[int], norm: Norm) -> nn.Sequential:
    """(B, channels, S, S) → (B, dims[-1], S/2^L, S/2^L), L = len(dims)."""
    layers = pairwise((channels, *dims))
    return nn.Sequential(*(_stage(nn.Conv2d(i, o, 3, stride=2, padding=1), norm, o) for i, o in layers))


class ImageEncoder(nn.Module):
    """(B, channels, side, side) → mean and log variance of the code's Gaussian, both (B, latent_dim)."""

    def __init__(self, channels: int, side: int, dims: Sequence[int], latent_dim: int) -> None:
        super().__init__()
        self.stages = _halving(channels, dims, "batch")
        flat = dims[-1] * (side >> len(dims)) ** 2
        self.mean = nn.Linear(flat, latent_dim)
        self.logvar = nn.Linear(flat, latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.stages(x).flatten(1)
        return self.mean(hidden), self.logvar(hidden)


class ImageDecoder(nn.Module):
    """(B, latent_dim) → (B, channels, side, side) in (-1, 1)."""

    def __init__(self, channels: int, side: int, dims: Sequence[int], latent_dim: int) -> None:
        super().__init__()
        self.start = (dims[-1], side >> len(dims), side >> len(dims))
        self.enter = nn.Linear(latent_dim, math.prod(self.start))
        widths = pairwise((*reversed(dims), dims[0]))
        self.stages = nn.Sequential(
            *(_stage(nn.ConvTranspose2d(i, o, 3, stride=2, padding=1, output_padding=1), "batch", o) for i, o in widths)
        )
        self.leave = nn.Conv2d(dims[0], channels, 3, padding=1)

    def forward(self, code: Tensor) -> Tensor:
        x: Tensor = self.leave(self.stages(self.enter(code).unflatten(1, self.start)))
        return x.tanh()


class ImageCritic(nn.Module):
    """(B, channels, side, side) → logits (B, 1) of being real."""

    def __init__(self, channels: int, side: int, dims: Sequence[int], norm: Norm) -> None:
        super().__init__()
        self.stages = _halving(channels, dims, norm)
        self.leave = nn.Linear(dims[-1] * (side >> len(dims)) ** 2, 1)

    def features(self, x: Tensor) -> Tensor:
        """What the last hidden layer makes of images, (B, features)."""
        hidden: Tensor = self.stages(x)
        return hidden.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.leave(self.features(x))
        return logits


# -- the AAE's: images (two axes) or series (one) ---------------------------------------------------------------------

_CONVOLUTIONS: tuple[type[nn.Conv1d | nn.Conv2d], ...] = (nn.Conv1d, nn.Conv2d)
_TRANSPOSED: tuple[type[nn.ConvTranspose1d | nn.ConvTranspose2d], ...] = (nn.ConvTranspose1d, nn.ConvTranspose2d)


def _least(extents: Sequence[int], stages: int) -> tuple[int, ...]:
    """The extents after ``stages`` halvings, each rounded up."""
    return tuple(-(-extent // 2**stages) for extent in extents)


class CodeEncoder(nn.Module):
    """(B, channels, *extents) → codes (B, latent_dim); 5-wide convolutions of width, 2·width, 4·width … channels.

    Order per stage: convolution, dropout, ReLU; at the end a bare linear layer. Dropout is the caller's to ask for:
    a phase that trains another net looks at this one without it.
    """

    def __init__(
        self, channels: int, extents: Sequence[int], width: int, stages: int, latent_dim: int, dropout: float
    ) -> None:
        super().__init__()
        convolution = _CONVOLUTIONS[len(extents) - 1]
        widths = pairwise((channels, *(width * 2**stage for stage in range(stages))))
        self.layers = nn.ModuleList(convolution(i, o, 5, stride=2, padding=2) for i, o in widths)
        self.leave = nn.Linear(width * 2 ** (stages - 1) * math.prod(_least(extents, stages)), latent_dim)
        self.dropout = dropout

    def forward(self, x: Tensor, *, drops: bool = True) -> Tensor:
        for layer in self.layers:
            x = functional.dropout(layer(x), self.dropout, self.training and drops).relu()
        code: Tensor = self.leave(x.flatten(1))
        return code


class CodeDecoder(nn.Module):
    """(B, latent_dim) → (B, channels, *extents), any real number; the encoder's mirror without dropout.

    The last layer doubles by 2-wide filters and cuts off what the encoder's rounding up has added.
    """

    def __init__(self, channels: int, extents: Sequence[int], width: int, stages: int, latent_dim: int) -> None:
        super().__init__()
        transposed = _TRANSPOSED[len(extents) - 1]
        least = _least(extents, stages)
        self.start = (width * 2 ** (stages - 1), *least)
        self.enter = nn.Linear(latent_dim, math.prod(self.start))
        widths = pairwise(width * 2**stage for stage in reversed(range(stages)))
        self.layers = nn.ModuleList(transposed(i, o, 5, stride=2, padding=2, output_padding=1) for i, o in widths)
        odd = tuple(extent % 2 for extent in extents)
        surplus = (2**stages * small - extent + rest for small, extent, rest in zip(least, extents, odd, strict=True))
        # torch types these as tuples of one or two; which, the number of axes says.
        cut, extra = tuple(excess // 2 for excess in surplus), odd
        self.leave = transposed(width, channels, 2, stride=2, padding=cut, output_padding=extra)  # type: ignore[arg-type]

    def forward(self, code: Tensor) -> Tensor:
        x = self.enter(code).relu().unflatten(1, self.start)
        for layer in self.layers:
            x = layer(x).relu()
        out: Tensor = self.leave(x)
        return out


class CodeCritic(nn.Module):
    """Codes (B, latent_dim) → logits (B, 1) of being draws from the prior; 2·width, width and 8 hidden units.

    Order per hidden layer: linear, dropout, ReLU. The last layer is a bare logit.
    """

    def __init__(self, latent_dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise((latent_dim, 2 * width, width, 8)))
        self.leave = nn.Linear(8, 1)
        self.dropout = dropout

    def forward(self, code: Tensor, *, drops: bool = True) -> Tensor:
        for layer in self.layers:
            code = functional.dropout(layer(code), self.dropout, self.training and drops).relu()
        logits: Tensor = self.leave(code)
        return logits
