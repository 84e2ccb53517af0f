"""Noise that belongs to a row: the same row meets the same numbers in any batch, epoch, process and machine.

For validation, where a generator's draws must neither depend on how rows are cut into batches nor differ between
epochs. Training noise is the engine's (``training/noise.py``). Integer arithmetic on the row's float32 bits
(splitmix64, Steele 2014), so devices agree to the bit; equal rows get equal noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

_GOLDEN = -0x61C8864680B583EB
_FIRST, _SECOND = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
"""splitmix64's constants 0x9E37…, 0xBF58…, 0x94D0… as signed 64-bit integers."""
_BITS = 23


def keyed_uniform(rows: Tensor, count: int, stream: int = 0) -> Tensor:
    """(B, features) -> (B, count) uniform on the open interval (0, 1), in the rows' type.

    stream: another number gives other draws for the same rows.
    """
    state = torch.full_like(rows[..., 0], stream, dtype=torch.int64) * _SECOND
    for bits in rows.detach().float().contiguous().view(torch.int32).long().unbind(-1):
        state = _mix(state + bits * _GOLDEN)
    counters = torch.arange(1, count + 1, device=rows.device) * _GOLDEN
    whole = (_mix(state[..., None] + counters) >> (64 - _BITS)) & ((1 << _BITS) - 1)
    uniform: Tensor = (whole.to(rows.dtype) + 0.5) / (1 << _BITS)
    return uniform


def keyed_normal(rows: Tensor, count: int, stream: int = 0) -> Tensor:
    """(B, features) -> (B, count) draws from N(0, 1), cut off at ±5.3."""
    normal: Tensor = torch.special.ndtri(keyed_uniform(rows, count, stream))
    return normal


def _mix(state: Tensor) -> Tensor:
    state = (state ^ _shift(state, 30)) * _FIRST
    state = (state ^ _shift(state, 27)) * _SECOND
    return state ^ _shift(state, 31)


def _shift(state: Tensor, by: int) -> Tensor:
    """Right, filled with zeros: torch's own shift of a signed integer fills with the sign."""
    return (state >> by) & ((1 << (64 - by)) - 1)
