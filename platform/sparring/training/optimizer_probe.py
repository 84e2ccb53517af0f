"""Does an optimizer's short cut compute what torch documents? Three steps on two small parameters say so.

``optimizers.py`` calls torch's undecorated methods and its kernels by private names. What they must give is computed
here from the documented formulas, for torch's own step would import the compiler, which is what the short cut avoids.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

STARTS = ((0.5, -1.0, 2.0), (-0.25, 0.75))
GRADIENTS = (((0.3, -0.2, 1.0), (-0.5, 0.1)), ((-0.1, 0.4, 0.2), (0.7, 0.2)), ((0.6, 0.6, -0.8), (0.1, -0.9)))
"""Per step and parameter. Three steps: the first makes the state, the second and third use what was made of it."""

LR, DECAY = 0.1, 0.05
"""Large beside the tolerance, so that a step left out or a decay forgotten shows."""

TOLERANCE = 1e-4
"""Most that a value may be off: float32 is off by 1e-7 here, a decay left out by 1e-2."""

Begin = Callable[[Sequence[nn.Parameter], dict[str, object]], Callable[[], None]]
"""(parameters, options of torch's optimizer) -> a function that takes one step from the parameters' ``.grad``."""


def find_problem(name: str, begin: Begin, device: torch.device) -> str | None:
    """What is wrong with the steps that ``begin`` makes of torch's optimizer ``name``, in a few words; None if nothing.

    Whatever is raised by names that are no longer there, or take other arguments, counts as a problem.
    """
    parameters = [nn.Parameter(torch.tensor(values, device=device)) for values in STARTS]
    try:
        step = begin(parameters, {"lr": LR, "weight_decay": DECAY})
        for gradients in GRADIENTS:
            for parameter, values in zip(parameters, gradients, strict=True):
                parameter.grad = torch.tensor(values, device=device)
            step()
    except Exception as error:  # a changed signature is a TypeError, a kernel without this device a RuntimeError, …
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    reached = torch.cat([parameter.detach() for parameter in parameters]).tolist()
    pairs = list(zip(reached, expected(name), strict=True))
    if all(abs(value - right) <= TOLERANCE for value, right in pairs):  # false of NaN too
        return None
    return f"three steps lead to {reached[0]:.4g} instead of {pairs[0][1]:.4g}"


def expected(name: str) -> list[float]:
    """Where torch's optimizer ``name`` with its defaults takes the numbers of ``STARTS``."""
    starts = [value for values in STARTS for value in values]
    gradients = [[value for values in step for value in values] for step in GRADIENTS]
    return [_follow(name, start, [step[index] for step in gradients]) for index, start in enumerate(starts)]


def _follow(name: str, value: float, gradients: Sequence[float]) -> float:
    """One number's way; the formulas of https://docs.pytorch.org/docs/stable/optim.html."""
    first = second = 0.0
    for count, gradient in enumerate(gradients, start=1):
        if name == "AdamW":
            value *= 1 - LR * DECAY
        else:
            gradient += DECAY * value
        match name:
            case "Adam" | "AdamW":
                first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
                mean, square = first / (1 - 0.9**count), second / (1 - 0.999**count)
                value -= LR * mean / (math.sqrt(square) + 1e-8)
            case "RMSprop":
                second = 0.99 * second + 0.01 * gradient**2
                value -= LR * gradient / (math.sqrt(second) + 1e-8)
            case "Adagrad":
                second += gradient**2
                value -= LR * gradient / (math.sqrt(second) + 1e-10)
            case "SGD":
                value -= LR * gradient
            case _:
                raise AssertionError(f"no formula for {name}")
    return value
