"""Which library multiplies float32 matrices on a CPU: torch's own choice, MKL, or oneDNN.

On AMD's processors with AVX-512 MKL stays with its AVX2 kernels, 105 GFLOP/s of one core at every size, where oneDNN
reaches 160 to 240 (docs/log). A product costs oneDNN some 15 µs more, so nets of narrow layers stay with MKL. Both
are float32 to rounding; the choice follows from the processor, the nets and the batch alone, never from a timing, so
that the same seed gives the same bits.

``torch.set_float32_matmul_precision("medium")`` makes torch use oneDNN. It also permits rounding to bfloat16, which
only processors with AMX do; whether this one does is tried once per process.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path

import torch
from torch import nn

WORTHWHILE = 1_150_000
"""Multiplications in a product from which on oneDNN is faster. For rows × in × out = n million, the forward and both
backward products took MKL 25 + 64 n µs and oneDNN 65 + 29 n."""

ROUNDING = 1e-5
"""Largest error of a product, relative to its largest number. float32 reaches 7e-7 here, bfloat16 3e-3."""


def choose(model: nn.Module, rows: int, device: torch.device) -> AbstractContextManager[None]:
    """What to enter around a training step on ``rows`` rows; enters again and again."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    products = [
        rows * layer.in_features * layer.out_features for layer in layers if layer.weight.dtype == torch.float32
    ]
    gain = sum(product - WORTHWHILE for product in products)
    return OneDnnMatmul() if device.type == "cpu" and gain > 0 and is_suited() else nullcontext()


class OneDnnMatmul:
    """Inside, torch multiplies float32 matrices through oneDNN. May be entered again once it was left."""

    def __enter__(self) -> None:
        self._before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("medium")

    def __exit__(self, *_: object) -> None:
        torch.set_float32_matmul_precision(self._before)


@cache
def is_suited() -> bool:
    """Is this a processor on which oneDNN multiplies faster than MKL, and still in float32?"""
    return torch.backends.cpu.get_cpu_capability() == "AVX512" and is_of_amd() and keeps_float32()


def is_of_amd(described: Path = Path("/proc/cpuinfo")) -> bool:
    """Does the processor come from AMD? False where nothing says so."""
    try:
        with described.open(encoding="utf-8") as file:
            return any(line.startswith("vendor_id") and "AuthenticAMD" in line for line in file)
    except OSError:  # no Linux
        return False


def keeps_float32() -> bool:
    """Does oneDNN multiply float32 matrices to float32's precision here?"""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(shape, generator=generator) for shape in ((64, 512), (512, 64)))
    exact = left.double() @ right.double()
    with OneDnnMatmul():
        off = (left @ right - exact).abs().max()
    return bool(off <= ROUNDING * exact.abs().max())
