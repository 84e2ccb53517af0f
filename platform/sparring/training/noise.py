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
    """The ``n`` training rows of pass ``epoch`` (counted from 0), on the CPU, int64: each once, or drawn by ``reach``.

    reach: what ``cumulate`` makes of the rows' weights, (n,). Then as many rows are drawn, with replacement, each as
    often as its weight says; ``torch.multinomial`` would take 2^24 at most.
    """
    generator = torch.Generator().manual_seed(mix(seed, epoch, ORDER))
    if cumulative_weights is None:
        return torch.randperm(n, generator=generator)
    shares = 1 - torch.rand(n, dtype=torch.float64, generator=generator)  # above 0, at most 1
    return torch.searchsorted(cumulative_weights, shares * cumulative_weights[-1])


def cumulate(weights: Tensor) -> Tensor:
    """Running sums of the rows' weights, on the CPU, in float64: in float32 single rows among 2^24 are lost."""
    return weights.double().cpu().cumsum(0)


class Noise(TorchFunctionMode):
    """While active, supplies the random draws of one phase.

    rows: global batch size; first: this worker's first row in it; own: how many are its own, None for all that follow.
    A phase may draw for several times its rows at once, such as fakes above reals; each time is a batch of its own.
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

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
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
        times = max(1, like.shape[0] // self._own)
        shape = (times, self._rows, *like.shape[1:])
        block = make(shape, generator=self._generator, dtype=dtype or like.dtype, device=like.device)
        if times == 1:
            return block[0, self._first : self._first + like.shape[0]]
        return block[:, self._first : self._first + self._own].flatten(0, 1)

    def _dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or p == 0.0:
            return input
        dropped = round(p * LEVELS)
        # At least float32: in bfloat16 the scale 1.11 would be 1.109 for all. A number, not a bool, which each product
        # would convert: 11 µs against 43 at 100 × 1000.
        kept = self._draw(_draw_levels, input, torch.promote_types(input.dtype, torch.float32)).ge_(dropped)
        kept.mul_(LEVELS / (LEVELS - dropped) if dropped < LEVELS else 0.0)
        return (input * kept).to(input.dtype)


def _draw_levels(shape: Sequence[int], *, generator: torch.Generator, dtype: torch.dtype, device: Any) -> Tensor:
    """Whole numbers from 0 to LEVELS - 1, four from each 64-bit draw: 63 µs against 190 of ``rand`` at 100 × 1000.

    shape: (times, rows, …); each row's numbers are of draws of its own.
    """
    width = math.prod(shape[2:])
    draws = torch.empty((*shape[:2], -(-width // 4)), dtype=torch.int64, device=device)
    draws.random_(-(1 << 63), None, generator=generator)
    return draws.view(torch.int16)[..., :width].reshape(shape).to(dtype).add_(LEVELS // 2)
