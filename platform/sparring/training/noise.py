"""Noise and data order as functions of (seed, step, phase, sample): no generator state to save, none to share.

Authors write ``torch.randn_like``, ``torch.rand_like`` and dropout; while a phase runs, ``Noise`` answers those calls.
Every draw is made for the whole global batch and each worker takes its own rows, so N workers together see the numbers
that one worker alone would; the order of a phase's draws is fixed because a phase may not branch on values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_MASK = (1 << 64) - 1
ORDER = 1 << 20
"""The phase index under which epochs draw their sample order; no system has so many phases."""

LEVELS = 1 << 16
"""How finely a dropout's probability is drawn: 0.1 becomes 6554 of 65536, and what is kept is scaled by that."""

_UNKEYED = {
    torch.randn, torch.rand, torch.randint, torch.randint_like, torch.normal, torch.bernoulli, torch.multinomial,
    torch.poisson, torch.randperm, torch.rrelu, functional.alpha_dropout, functional.feature_alpha_dropout,
    functional.dropout1d, functional.dropout2d, functional.dropout3d, functional.gumbel_softmax,
    Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.bernoulli, Tensor.exponential_, Tensor.random_,
}  # fmt: skip


def mix(*keys: int) -> int:
    """A 63-bit seed from integers; neighbouring keys give unrelated seeds (splitmix64's finaliser, Steele 2014)."""
    state = 0x9E3779B97F4A7C15
    for key in keys:
        state = (state + (key & _MASK) * 0xBF58476D1CE4E5B9 + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state >> 1


def order(seed: int, epoch: int, n: int, cumulative_weights: Tensor | None = None) -> Tensor:
    """The ``n`` training rows of pass ``epoch`` (counted from 0) in the order they are taken; on the CPU, int64.

    Each row once, unless there are weights: then n rows are drawn with replacement, in proportion to them.
    cumulative_weights: the weights as ``cumulate`` adds them up, (n,).
    """
    generator = torch.Generator().manual_seed(mix(seed, epoch, ORDER))
    if cumulative_weights is None:
        return torch.randperm(n, generator=generator)
    # Inverse transform sampling, because torch.multinomial takes at most 2^24 rows.
    shares = 1 - torch.rand(n, dtype=torch.float64, generator=generator)  # above 0, at most 1: never a row of weight 0
    return torch.searchsorted(cumulative_weights, shares * cumulative_weights[-1])


def cumulate(weights: Tensor) -> Tensor:
    """Running sums of the rows' weights, on the CPU, in float64: in float32 single rows among 2^24 are lost."""
    return weights.double().cpu().cumsum(0)


class Noise(TorchFunctionMode):
    """While active, supplies the random draws of one phase.

    rows: global batch size; first: this worker's first row in it; own: how many are its own, None for all that follow.
    A phase may stack several batches and draw for all at once, such as fakes above reals; each gets draws of its own.
    ``drawn`` counts the draws of the phase last begun.
    """

    def __init__(
        self,
        seed: int,
        *,
        rows: int,
        first: int = 0,
        own: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__()
        self._seed, self._rows, self._first = seed, rows, first
        self._own = rows - first if own is None else own
        self._generator = torch.Generator(device)
        self.drawn = 0

    def begin(self, step: int, phase: int) -> Noise:
        """Points the generator at one phase of one step; returns itself, to be entered as a context."""
        self._generator.manual_seed(mix(self._seed, step, phase))
        self.drawn = 0
        return self

    def __torch_function__(  # Any, as torch declares it: every call of every torch function comes by
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.dropout:
            return self._dropout(*args, **kwargs)
        if func is torch.randn_like:
            return self._draw(torch.randn, args[0])
        if func is torch.rand_like:
            return self._draw(torch.rand, args[0])
        if func in _UNKEYED:
            raise TypeError(
                f"a phase may draw noise by torch.randn_like, torch.rand_like and dropout only, but it called "
                f"{getattr(func, '__name__', func)}; those three are keyed by sample, so results repeat on any cluster"
            )
        return func(*args, **kwargs)

    def _draw(self, make: Callable[..., Tensor], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Numbers of ``make`` in ``like``'s shape: its own rows of what the global batch draws."""
        self.drawn += 1
        # How many batches are stacked. Fewer rows than its own are one batch too: a model may draw for some of them.
        times = max(1, like.shape[0] // self._own)
        # The whole global batch, of which a worker throws most away: the numbers then do not depend on how many workers
        # there are, and no worker asks another for them.
        shape = (times, self._rows, *like.shape[1:])
        block = make(shape, generator=self._generator, dtype=dtype or like.dtype, device=like.device)
        if times == 1:
            return block[0, self._first : self._first + like.shape[0]]
        return block[:, self._first : self._first + self._own].flatten(0, 1)

    def _dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or p == 0.0:
            return input
        dropped = round(p * LEVELS)
        # At least float32: bfloat16 would round the scale 1.11 to 1.109. The mask holds numbers, because each product
        # would convert a mask of bools: 11 µs against 43 at 100 × 1000.
        kept = self._draw(_draw_levels, input, torch.promote_types(input.dtype, torch.float32)).ge_(dropped)
        kept.mul_(LEVELS / (LEVELS - dropped) if dropped < LEVELS else 0.0)
        return (input * kept).to(input.dtype)


def _draw_levels(
    shape: Sequence[int], *, generator: torch.Generator, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Whole numbers from 0 to LEVELS - 1, four from each 64-bit draw: 63 µs, against 190 by ``rand``, at 100 × 1000.

    shape: (times, rows, …). No two rows share a draw, so that a worker's rows do not depend on where a batch is cut.
    """
    # The last draw of a row may be used in part: its other numbers are cut off.
    width = math.prod(shape[2:])
    draws = torch.empty((*shape[:2], -(-width // 4)), dtype=torch.int64, device=device)
    draws.random_(-(1 << 63), None, generator=generator)
    return draws.view(torch.int16)[..., :width].reshape(shape).to(dtype).add_(LEVELS // 2)
