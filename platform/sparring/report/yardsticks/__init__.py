"""What plain methods reach in the very figures a study searched, on the same split: what a search has to beat.

Nothing here is searched or tuned; the point of a yardstick is that it does not move. Which methods they are depends on
what a system is for: its Config's ``yardsticks`` names the module here that has them.

prediction       one field from another: the mean, ridge, nearest neighbours, trees
reconstruction   autoencoders: the mean, principal components as many as the winner's code is long
generation       samples that look like the data: their columns shuffled, a Gaussian copula, Gaussianization
codes            independent codes: the values as they are, principal components, Gaussianization

Where the figures are a model's own, so is the code that computes them: the plain method takes the nets' place in it.
"""

from __future__ import annotations

import importlib
import math
import time
from typing import TYPE_CHECKING

from ...errors import SparringError
from ...models import find_config
from .rival import Rival, Rows, Task, Yardstick

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Rival", "Rows", "Task", "Yardstick", "depends_on_winner", "measure"]

FAILURES = (SparringError, ArithmeticError, ValueError, RuntimeError, MemoryError, OSError)
"""What scikit-learn, torch and a data set raise where a method cannot be computed; a mistake of ours is not among them.
"""


def measure(task: Task) -> tuple[list[Yardstick], list[str]]:
    """Every yardstick of the task's system, and a sentence for each that could not be had; test rows stay untouched."""
    kind = task.config.yardsticks
    if not kind:
        return [], [f"no yardsticks: {task.model} names none"]
    try:
        rivals: Sequence[Rival] = importlib.import_module(f"{__name__}.{kind}").rivals(task)
    except FAILURES as error:
        return [], [f"no yardsticks: {_words(error)}"]
    found, complaints = [], []
    for rival in rivals:
        start = time.perf_counter()
        try:
            figures = {name: value for name, value in rival.figures().items() if math.isfinite(value)}
        except FAILURES as error:
            complaints.append(f"no yardstick {rival.name}: {_words(error)}")
            continue
        seconds = time.perf_counter() - start
        found.append(Yardstick(name=rival.name, figures=figures, seconds=seconds, is_floor=rival.is_floor))
    return found, complaints


def depends_on_winner(model: str) -> bool:
    """Do the yardsticks change with the winner's configuration, the length of its code for one?"""
    return find_config(model).yardsticks != "prediction"


def _words(error: BaseException) -> str:
    """An error's first line; its class where it has no words."""
    return str(error).partition("\n")[0] or type(error).__name__
