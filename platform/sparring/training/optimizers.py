"""torch's optimizers by name, without the second and the 74 MB that the first of them costs.

``torch.optim`` imports the compiler (``torch._dynamo``, sympy: 824 modules) on first use, only to tell it to stay out
of the way. Nothing is compiled here, so the undecorated methods are called instead; where another torch names them
otherwise, its own way is taken and only the second is lost.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from ..models.config import Phase

FUSED = {"Adam", "AdamW", "SGD", "Adagrad"}
"""Those with one kernel for all parameters on CPU and CUDA: 0.73 ms against 2.48 ms per step at 1.3 M parameters."""


def make_optimizer(config: Any, phase: Phase, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that a phase's Config fields describe, over ``parameters``."""
    _keep_compiler_out()
    kind = getattr(config, phase.optim_fn)
    options: dict[str, Any] = {"lr": getattr(config, phase.lr)}
    if phase.weight_decay is not None:
        options["weight_decay"] = getattr(config, phase.weight_decay)
    if phase.beta1 is not None and kind in ("Adam", "AdamW"):
        options["betas"] = (getattr(config, phase.beta1), 0.999)  # torch's own second
    if kind in FUSED:
        options["fused"] = True
    optimizer: torch.optim.Optimizer = getattr(torch.optim, kind)(parameters, **options)
    return optimizer


def step_of(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """A function that takes one step from the parameters' ``.grad``, without hooks."""
    plain = inspect.unwrap(type(optimizer).step)

    def step() -> None:
        with torch.no_grad():
            plain(optimizer)

    return step


def _keep_compiler_out() -> None:
    add = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", None)
    if add is not None and not hasattr(add, "__dynamo_disable"):
        setattr(add, "__dynamo_disable", add)  # an identifier here would be mangled in a class
