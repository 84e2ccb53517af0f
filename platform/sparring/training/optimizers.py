"""torch's optimizers by name. Creating the first one normally imports the compiler, 1 s and 74 MB; not here.

``torch.optim`` imports the compiler (``torch._dynamo``, sympy: 824 modules) on first use, only to tell it to stay out
of the way. Nothing is compiled here, so the undecorated methods are called instead, and for Adam the kernel itself.
These are torch's private names. So each kind of optimizer is tried once per process (``optimizer_probe.py``): where
another torch names them otherwise or answers something else, torch's own way is taken and only the second is lost.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn

from ..models.config import Config, Phase
from . import optimizer_probe

FUSED = {"Adam", "AdamW", "SGD", "Adagrad"}
"""Those with one kernel for all parameters: 0.73 ms against 2.48 ms per step at 1.3 M parameters. Adagrad has it on
CPUs only, in every torch that will do."""

BETA2 = 0.999
"""Adam's second decay rate: torch's default."""


def make_optimizer(config: Config, phase: Phase, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that a phase's Config fields describe, over ``parameters``."""
    name: str = getattr(config, phase.optim_fn)
    options: dict[str, object] = {"lr": getattr(config, phase.lr)}
    if phase.weight_decay is not None:
        options["weight_decay"] = getattr(config, phase.weight_decay)
    if phase.beta1 is not None and name in ("Adam", "AdamW"):
        options["betas"] = (getattr(config, phase.beta1), BETA2)
    device = parameters[0].device
    return _make(name, parameters, options, fast=is_trusted(name, device.type))


def step_of(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """A function that takes one step from the parameters' ``.grad``, without hooks.

    Ask for another one after the optimizer's state has been replaced.
    """
    (group,) = optimizer.param_groups
    if not is_trusted(type(optimizer).__name__, group["params"][0].device.type):

        def plain_step() -> None:
            optimizer.step()

        return plain_step
    return _fast_step_of(optimizer)


@cache
def is_trusted(name: str, device: str) -> bool:
    """Do the short cuts below give what torch's optimizer ``name`` computes? Tried once per process and kind of device.

    device: its type, such as cuda. Warns if they do not.
    """

    def begin(parameters: Sequence[nn.Parameter], options: dict[str, object]) -> Callable[[], None]:
        return _fast_step_of(_make(name, parameters, options, fast=True))

    problem = optimizer_probe.find_problem(name, begin, torch.device(device))
    if problem is not None:
        warnings.warn(
            f"{name}: torch {torch.__version__} steps otherwise than expected ({problem}); its plain optimizer is used",
            RuntimeWarning,
            stacklevel=2,
        )
    return problem is None


def _make(
    name: str, parameters: Sequence[nn.Parameter], options: dict[str, object], *, fast: bool
) -> torch.optim.Optimizer:
    if fast:
        _keep_compiler_out()
        if name in FUSED and not (name == "Adagrad" and parameters[0].is_cuda):
            options = {**options, "fused": True}
    optimizer: torch.optim.Optimizer = getattr(torch.optim, name)(parameters, **options)
    return optimizer


def _fast_step_of(optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """The undecorated step; for fused Adam and AdamW the kernel alone once every parameter has its state.

    torch's own way there counts each parameter's steps one by one: 223 µs against 48 at 30 small parameters. Same
    kernel, same numbers.
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
        # torch skips a parameter without a gradient, and its count stands still: then one addition to all counts would
        # be wrong, and torch's own way is taken.
        if kernel is not None and group.get("fused") and len(gradients) == len(parameters) > 0:
            # The first step is torch's, for it makes the state; after a restore the state is there already.
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
    """Tells torch that adding parameters needs no protection from the compiler: asking for it is what imports it."""
    add = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", None)
    if add is not None and not hasattr(add, "__dynamo_disable"):
        setattr(add, "__dynamo_disable", add)  # an identifier here would be mangled in a class
