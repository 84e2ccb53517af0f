"""The form that a field's samples must have, told by shape and range, before anything is trained.

A search whose every trial would fail at the same array never begins. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..data.physics.kinematics import COLUMNS, RARENESS
from ..errors import DataError

if TYPE_CHECKING:
    from ..data import Dataset
    from .config import Config

SLACK = 0.01
"""How far floats of an image may leave 0 to 1, as some ways of scaling pictures do."""


class Form(NamedTuple):
    """What a sample may be."""

    fits: Callable[[tuple[int, ...]], bool]
    """Whether a sample of this shape is one."""
    words: str
    way_out: str


def _table(columns: Sequence[str]) -> Form:
    return Form(
        lambda shape: shape == (len(columns),), f"{len(columns)} numbers ({', '.join(columns)})", "give those columns"
    )


FORMS: Mapping[str, Form] = {
    "row": Form(lambda shape: len(shape) == 1, "a row of numbers", "flatten it"),
    "series": Form(lambda shape: len(shape) == 2, "times by channels", "give arrays (N, T, C)"),
    "image": Form(
        lambda shape: len(shape) == 3 and shape[0] in (1, 3),
        "an image of 1 or 3 channels, height and width",
        "give arrays (N, C, H, W)",
    ),
    "muons": _table(COLUMNS),
    "rareness": _table(RARENESS),
}

OF_FIELDS: Mapping[str, tuple[str, ...]] = {
    "structure": ("row",),
    "spectrum": ("row",),
    "series": ("series",),
    "image": ("image",),
    "muons": ("muons",),
    "rareness": ("rareness",),
}
"""Field -> the forms that it has in every system, unless its Config's ``forms`` say otherwise."""


def check_shape(name: str, shape: tuple[int, ...], forms: Sequence[str] | None = None) -> None:
    """Raises DataError unless a sample of ``name`` has one of the forms; None: those of ``OF_FIELDS``."""
    allowed = [FORMS[form] for form in (OF_FIELDS.get(name, ()) if forms is None else forms)]
    if allowed and not any(form.fits(tuple(shape)) for form in allowed):
        words = " or ".join(form.words for form in allowed)
        raise DataError(f"{name}: a sample is {words}, but got shape {tuple(shape)}; {allowed[0].way_out}")


def check_forms(config_class: type[Config], data: Dataset) -> None:
    """Raises DataError, naming the data set, if samples have a form or a range that the system cannot learn."""
    where = f"data set {data.name}"
    for name in config_class.fields:
        try:
            check_shape(name, data.shapes[name], config_class.forms.get(name))
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        if name == "image" and len(data.shapes[name]) == 3:
            check_intensities(data.fields[name], where)


def check_intensities(images: np.ndarray, where: str) -> None:
    """Raises DataError unless images are bytes, or floats that are intensities from 0 to 1. where: the data set."""
    if images.dtype == np.uint8 or not images.size:
        return
    low, high = float(images.min()), float(images.max())
    if low < -SLACK or high > 1 + SLACK:
        way_out = "give bytes, or divide by 255" if low >= 0 and high <= 255 else "scale them to 0 to 1"
        raise DataError(
            f"{where}: image: floats are intensities from 0 to 1, but these go from {low:g} to {high:g}; {way_out}"
        )
