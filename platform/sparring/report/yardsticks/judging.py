"""A system built as the winner was, with its nets replaced by a plain method, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...models import find_model
from ...models.base import Model
from ...models.sums import add_up
from .rival import Task

BATCH = 4096
"""Validation rows at a time."""


def build(task: Task, most: int | None = None) -> Model:
    """The winner's system, untrained, but fitted to the training rows; most: how many of them, by default all."""
    shapes = {name: array.shape[1:] for name, array in task.fields.items()}
    model = find_model(task.model)(task.config, shapes)
    model.prepare({name: tensor(task.rows(name, "train", most)) for name in task.config.fields})
    return model.eval()


def tensor(rows: np.ndarray) -> Tensor:
    """Rows in the form in which a model gets them in training: bytes stay bytes."""
    return torch.from_numpy(rows)


@torch.no_grad()
def judge(kind: type[Model], model: Model, task: Task, **stand_ins: Any) -> dict[str, float]:
    """The model's own figures on the validation rows, with these in the place of its attributes.

    kind: the model's class, or one above it, whose figures alone are wanted.
    """
    for name, plain in stand_ins.items():
        setattr(model, name, plain)
    windows = (task.split.valid[start : start + BATCH] for start in range(0, len(task.split.valid), BATCH))
    batches = ({name: tensor(task.fields[name][rows]) for name in task.config.fields} for rows in windows)
    return kind.figures(model, add_up(kind.evaluate(model, **batch) for batch in batches))


def mean_of(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By name, the mean over several draws."""
    return {name: sum(each[name] for each in figures) / len(figures) for name in figures[0]}
