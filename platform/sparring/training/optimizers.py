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
from torch import Tensor, nn

from ..models.config import Phase

FUSED = {"Adam", "AdamW", "SGD", "Adagrad"}
"""Those with one kernel for all parameters: 0.73 ms against 2.48 ms per step at 1.3 M parameters. Adagrad has it on
CPUs only, as far as every torch that will do goes."""


def make_optimizer(config: Any, phase: Phase, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that a phase's Config fields describe, over ``parameters``."""
    _keep_compiler_out()
    kind = getattr(config, phase.optim_fn)
    options: dict[str, Any] = {"lr": getattr(config, phase.lr)}
    if phase.weight_decay is not None:
        options["weight_decay"] = getattr(config, phase.weight_decay)
    if phase.beta1 is not None and kind in ("Adam", "AdamW"):
        options["betas"] = (getattr(config, phase.beta1), 0.999)  # torch's own second
    if kind in FUSED and not (kind == "Adagrad" and parameters[0].is_cuda):
        options["fused"] = True
    optimizer: torch.optim.Optimizer = getattr(torch.optim, kind)(parameters, **options)
    return optimizer


def step_of(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """A function that takes one step from the parameters' ``.grad``, without hooks.

    Of fused Adam and AdamW it is the kernel alone once every parameter has its state: torch's own way there counts each
    parameter's steps one by one: 223 µs against 48 at 30 small parameters. Same kernel, same numbers. Ask for another
    function after the optimizer's state has been replaced.
    """
    plain = inspect.unwrap(type(optimizer).step)
    kernel = getattr(torch, _KERNELS.get(type(optimizer).__name__, ""), None)
    (group,) = optimizer.param_groups
    parameters: list[nn.Parameter] = group["params"]
    direct: Callable[[list[Tensor]], None] | None = None

    @torch.no_grad()
    def step() -> None:
        nonlocal direct
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if kernel is not None and group.get("fused") and len(gradients) == len(parameters) > 0:
            if direct is None and all(optimizer.state.get(parameter) for parameter in parameters):
                direct = _direct(kernel, optimizer, parameters)
            if direct is not None:
                direct(gradients)
                return
        plain(optimizer)

    return step


_KERNELS = {"Adam": "_fused_adam_", "AdamW": "_fused_adamw_"}


def _direct(
    kernel: Callable[..., None], optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]
) -> Callable[[list[Tensor]], None]:
    """One call of the kernel. The parameters' step counters become parts of one tensor, so that one addition counts."""
    (group,) = optimizer.param_groups
    states = [optimizer.state[parameter] for parameter in parameters]
    counts = torch.stack([state["step"] for state in states])
    for state, count in zip(states, counts.unbind(), strict=True):
        state["step"] = count
    firsts, seconds = [state["exp_avg"] for state in states], [state["exp_avg_sq"] for state in states]
    steps = [state["step"] for state in states]
    beta1, beta2 = group["betas"]

    def step(gradients: list[Tensor]) -> None:
        counts.add_(1)
        kernel(
            parameters,
            gradients,
            firsts,
            seconds,
            [],
            steps,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
            grad_scale=None,
            found_inf=None,
        )

    return step


def _keep_compiler_out() -> None:
    add = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", None)
    if add is not None and not hasattr(add, "__dynamo_disable"):
        setattr(add, "__dynamo_disable", add)  # an identifier here would be mangled in a class
