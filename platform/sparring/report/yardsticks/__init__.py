"""What plain methods reach in the very figures a study searched, on the same split: what a search has to beat.

Nothing here is searched or tuned; the point of a yardstick is that it does not move. Which methods there are depends on
the purpose of a system: its Config's ``yardsticks`` names their module in this folder.

prediction       one field from another: the mean, ridge, nearest neighbours, trees
reconstruction   autoencoders: the mean, principal components as many as the winner's code is long
generation       samples that look like the data: their columns shuffled, a Gaussian copula, Gaussianization
codes            independent codes: the values as they are, principal components, Gaussianization

Where a figure is a model's own, the model computes it, with the plain method in the place of its nets.
"""

from __future__ import annotations

import importlib
import math
import time
from typing import TYPE_CHECKING

from ...display import Say, unsaid
from ...errors import SparringError
from ...models import find_config
from ...records import Interval
from .rival import Figures, Rival, RowNumbers, Task, Yardstick, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Rival", "RowNumbers", "Task", "Yardstick", "depends_on_winner", "measure"]


def measure(task: Task, say: Say = unsaid) -> tuple[list[Yardstick], list[str]]:
    """Every yardstick of the task's system, and a sentence for each that cannot be computed.

    All learn from the training rows, those that the winner learnt from. No test row is read unless ``task.tests``.
    """
    module = task.config.yardsticks
    if not module:
        return [], [f"no yardsticks: {task.model} names none"]
    try:
        rivals: Sequence[Rival] = importlib.import_module(f"{__name__}.{module}").rivals(task)
    except Exception as error:
        if not _is_failure(error):
            raise
        return [], [f"no yardsticks: {first_line(error)}"]
    yardsticks, complaints = [], []
    rows = f"{len(task.split.train):,} training rows"
    for number, rival in enumerate(rivals, 1):
        say(f"measuring yardstick {number} of {len(rivals)} on {rows}: {rival.name} …")
        start = time.perf_counter()
        try:
            found = rival.figures()
        except Exception as error:
            if not _is_failure(error):
                raise
            complaints.append(f"no yardstick {rival.name}: {first_line(error)}")
            continue
        seconds = time.perf_counter() - start
        figures, test = split_figures(found)
        yardsticks.append(
            Yardstick(name=rival.name, figures=figures, seconds=seconds, is_floor=rival.is_floor, test=test)
        )
    return yardsticks, complaints


def split_figures(found: Figures) -> tuple[dict[str, float], dict[str, Interval]]:
    """Those on the validation rows and those on the test rows, without the ones that are not finite."""
    plain = {name: value for name, value in found.items() if not isinstance(value, Interval) and math.isfinite(value)}
    test = {name: value for name, value in found.items() if isinstance(value, Interval) and math.isfinite(value.value)}
    return plain, test


def _is_failure(error: Exception) -> bool:
    """Does an error say that a method cannot be computed: unsuitable data, no memory, a disk?

    What a library raises becomes a DataError at its call (``rival.library_call``), so any other is a mistake of ours.
    """
    no_memory = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)  # torch, on a CPU
    return no_memory or isinstance(error, SparringError | MemoryError | OSError)


def depends_on_winner(model: str) -> bool:
    """Do the yardsticks change with the winner's configuration, the length of its code for one?"""
    return find_config(model).yardsticks != "prediction"
