"""A system built as the winner was, with its nets replaced by a plain method, and its figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...ledger.looks import test_name
from ...models import find_model
from ...models.base import Model
from ...models.sums import add_up
from ...records import Interval
from ...study import intervals
from ...study.row_intervals import computed_once, measure
from .rival import Figures, Task

BATCH = 4096
"""Validation rows at a time."""


def build(task: Task, most: int | None = None) -> Model:
    """The winner's system, untrained, but fitted to the training rows; most: how many of them, by default all."""
    shapes = {name: array.shape[1:] for name, array in task.fields.items()}
    model = find_model(task.model)(task.config, shapes)
    model.prepare({name: tensor(task.rows(name, "train", most)) for name in task.config.taken(task.fields)})
    return model.eval()


def tensor(rows: np.ndarray) -> Tensor:
    """Rows in the form in which a model gets them in training: bytes stay bytes."""
    return torch.from_numpy(rows)


@torch.no_grad()
def judge(kind: type[Model], model: Model, task: Task, **stand_ins: Any) -> dict[str, float | Interval]:
    """The model's own figures on validation and test rows, with these in the place of its attributes.

    kind: the model's class, or one above it, whose figures alone are wanted.
    """
    for name, plain in stand_ins.items():
        setattr(model, name, plain)
    windows = (task.split.valid[start : start + BATCH] for start in range(0, len(task.split.valid), BATCH))

    def batches(rows: Iterable[np.ndarray]) -> Iterator[dict[str, Tensor]]:
        names = task.config.taken(task.fields)
        return ({name: tensor(task.fields[name][numbers]) for name in names} for numbers in rows)

    figures = partial(kind.figures, model)
    found: dict[str, float | Interval] = {
        **figures(add_up(kind.evaluate(model, **batch) for batch in batches(windows)))
    }
    if task.blocks:
        with computed_once(model, kind.row_free):
            tested = measure(partial(kind.evaluate, model), batches(task.blocks), figures)
        found |= {test_name(name): figure for name, figure in tested.items()}
    return found


def mean_of(figures: Sequence[Figures]) -> dict[str, float | Interval]:
    """By name, the mean over several draws."""
    means: dict[str, float | Interval] = {}
    for name in figures[0]:
        drawn = [each[name] for each in figures]
        tested = [value for value in drawn if isinstance(value, Interval)]
        plain = [value for value in drawn if not isinstance(value, Interval)]
        means[name] = intervals.mean_of(tested) if tested else sum(plain) / len(plain)
    return means
