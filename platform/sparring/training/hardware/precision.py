"""How a phase multiplies: what ``--precision`` does.

fp32   float32 everywhere; on a GPU convolutions too, which torch by itself would run in TF32. Which library takes the
       products of a CPU, ``matmul.py`` says.
tf32   matrix products and convolutions of a GPU round their inputs to 10 bits. No effect on a CPU.
bf16   autocast: products in bfloat16 (8 bits), losses in float32 where autocast puts them; parameters, gradients,
       optimizers and sums stay float32.

What bf16 does to figures (embedded EXAFS set, 600 rows, 9 epochs, CPU, seeds 0, 1, 2; best ``val/score``):

    published default        fp32 0.388 0.386 0.359   bf16 0.359 0.380 0.350   1 ulp 0.399 0.376 0.349
    lr_gen 1e-3, scaled,     fp32 0.232 0.220 0.222   bf16 0.234 0.234 0.225   1 ulp 0.228 0.221 0.222
    w_adv 0.01

"1 ulp" is fp32 whose first weights were moved by one rounding step. Where training is rough (the default's lr_gen is
0.01), bf16 is one more such push; where it is tame it cost 1 to 7 %. TF32, emulated on a CPU by rounding the inputs of
every product to 10 bits (no GPU was there to run it; another day and split, so compare within a line):

    published default        fp32 0.360 0.349 0.352   tf32 0.355 0.335 0.342
    lr_gen 1e-3, scaled,     fp32 0.232 0.236 0.238   tf32 0.233 0.242 0.254
    w_adv 0.01

Precision is the study's, never a trial's, so trials of a study compare; figures of two precisions do not.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from ...errors import UnknownName
from ...records import PRECISIONS


def cast(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
    """What to enter around every forward. If ``device`` is a GPU, sets this process's TF32 switches, and has its
    convolutions repeat to the bit.

    Raises UnknownName.
    """
    if precision not in PRECISIONS:
        raise UnknownName(f"precision: there are {', '.join(PRECISIONS)}, but got {precision!r}; choose one of them")
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.deterministic = True  # else a resumed trial's convolutions would add up in another order
    if precision == "bf16":
        return lambda: torch.autocast(device.type, torch.bfloat16)
    return nullcontext
