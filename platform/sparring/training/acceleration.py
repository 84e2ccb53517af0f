"""How a phase multiplies, and whether it is compiled: what ``--precision`` and ``--compile`` do.

fp32   float32 everywhere; on a GPU convolutions too, which torch by itself would run in TF32.
tf32   matrix products and convolutions of a GPU round their inputs to 10 bits. No effect on a CPU.
bf16   autocast: products in bfloat16 (8 bits), losses in float32 where autocast puts them; parameters, gradients,
       optimizers and sums stay float32.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from ..errors import UnknownName
from ..records import PRECISIONS


def cast(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
    """What to enter around every forward. Sets this process's TF32 switches if ``device`` is a GPU.

    Raises UnknownName.
    """
    if precision not in PRECISIONS:
        raise UnknownName(f"precision: there are {', '.join(PRECISIONS)}, but got {precision!r}; choose one of them")
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    if precision == "bf16":
        return lambda: torch.autocast(device.type, torch.bfloat16)
    return nullcontext
