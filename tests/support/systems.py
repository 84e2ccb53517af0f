"""Every system, small: settings that follow from its Config's fields, so that a newcomer is tested by being there.

What a system is searched on, and from where, is said by the search space of its name.
"""

from __future__ import annotations

from functools import cache
from itertools import islice, zip_longest
from typing import Any, Literal, get_args, get_origin

import numpy as np
import torch
from annotated_types import Ge
from pydantic import BaseModel, ValidationError
from torch import Tensor

from sparring.data import load_dataset, read_card, reader_of, split_rows
from sparring.models import find_model
from sparring.space import Space, find_space, read_space
from sparring.training.contract.subject import Subject, widened

__all__ = ["Setting", "Subject", "few_rows", "parts_of", "small", "space_of", "variants", "widened"]

SIZES = ("hidden", "width", "latent", "noise")
"""How the names of widths begin; of those that are lists, a net's widths in order, the first two stay."""
WIDTH, IMAGE, LAYERS, STEPS = 16, 8, 2, 20
ROWS = {"n": 150, "reference": 500}
"""Of a data set that is drawn by formula, where its options have these names."""
NOT_THE_STEP = ("lr_schedule", "optim_fn", "kernel_init", "bias_init", "image_fit")
"""How the names of choices begin that change nothing of what a phase computes."""


def space_of(name: str) -> Space:
    return Space(read_space(find_space(name)), find_model(name).Config, name)


def few_rows(space: Space, **rows: int) -> dict[str, Any]:
    """Options of its data set that leave few rows."""
    options = reader_of(read_card(space.dataset)).Options.model_fields
    return {**space.data, **{key: count for key, count in {**ROWS, **rows}.items() if key in options}}


def _smaller(field: str, value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, tuple) and field.startswith(SIZES):
        return tuple(min(width, WIDTH) for width in value[:2])
    if not isinstance(value, int):
        return value
    if field.startswith(SIZES):
        return min(value, WIDTH)
    if field.startswith("n_"):
        return min(value, LAYERS)
    return {"image_size": min(value, IMAGE), "aux_steps": STEPS}.get(field, value)


def _accepted(config: type[BaseModel], values: dict[str, Any]) -> BaseModel | None:
    try:
        return config(**values)
    except ValidationError:
        return None


def small(name: str) -> dict[str, Any]:
    """Fields of a system's Config, from the baseline of its space: small nets, and all switched on that it has.

    Every change on its own, and only where the Config takes it: what belongs together comes in the second round.
    """
    space, config = space_of(name), find_model(name).Config
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in space.values(space.baseline()).items()}
    values |= {"batch_size": 32, "steps_per_epoch": None}
    for _ in range(2):
        for field, about in config.model_fields.items():
            current = getattr(_accepted(config, values), field)
            wanted = _smaller(field, current)
            if about.annotation is float and current == 0 and Ge(0) in about.metadata:
                wanted = 0.1
            if about.annotation is bool and not current:
                with_it = _accepted(config, {**values, field: True})
                wanted = with_it is not None and len(with_it.active_phases) > len(
                    _accepted(config, values).active_phases
                )
            if wanted != current and _accepted(config, {**values, field: wanted}):
                values[field] = wanted
    return values


def variants(name: str) -> list[dict[str, Any]]:
    """Changes of ``small(name)`` in which every choice and every switch of the Config takes every value once.

    The k-th holds the k-th other value of each choice, so there are as many as the longest has; a switch stands alone.
    """
    config, values = find_model(name).Config, small(name)
    choices, switches = {}, []
    for field, about in config.model_fields.items():
        current = getattr(_accepted(config, values), field)
        if about.annotation is bool:
            switches.append({field: not current})
        elif get_origin(about.annotation) is Literal and not field.startswith(NOT_THE_STEP):
            choices[field] = [value for value in get_args(about.annotation) if value != current]
    made, refused = [], []
    for row in zip_longest(*choices.values()):
        changes: dict[str, Any] = {}
        for field, value in zip(choices, row, strict=True):
            if value is not None and _accepted(config, {**values, **changes, field: value}):
                changes[field] = value
            elif value is not None:
                refused.append({field: value})
        made.append(changes)
    for alone in refused:  # it may go with another choice than those of its row
        with_one = ({**alone, field: value} for field in choices for value in choices[field] if field not in alone)
        made += islice((pair for pair in with_one if _accepted(config, {**values, **pair})), 1)
    return [changes for changes in [*made, *switches] if changes and _accepted(config, {**values, **changes})]


@cache
def parts_of(name: str, n: int) -> dict[str, dict[str, Tensor]]:
    """The training and validation rows of the data set that a system is searched on, by field."""
    space = space_of(name)
    dataset = load_dataset(space.dataset, options=few_rows(space, n=n)).with_label()
    split = split_rows(len(dataset), parts=dataset.parts)
    return {
        part: {field: torch.from_numpy(np.ascontiguousarray(rows[index])) for field, rows in dataset.fields.items()}
        for part, index in (("train", split.train), ("valid", split.valid))
    }


class Setting(Subject):
    """A system with its embedded data set and a small configuration; n: the rows of a data set drawn by formula."""

    def __init__(self, name: str, n: int = 600, **changes: Any) -> None:
        self.name = name
        super().__init__(find_model(name), {**small(name), **changes}, parts_of(name, n), space_of(name).objectives[0])
