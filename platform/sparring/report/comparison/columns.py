"""Columns of one HParams page over studies of different spaces: their union, each of one type.

TensorBoard has one type per column and drops a run in which a value is missing. So every run has every column: what its
study does not search is its fixed value, or the system's default; what applies to none of that is marked as unused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ...records import TrialRow, Value
from ...space.dimension import Dimension
from .reading import Compared
from .settings import SPACE, differing

STUDY, SYSTEM = "study", "system"
"""Columns beside the hyperparameters."""


def columns_of(studies: Sequence[Compared]) -> list[Dimension]:
    """The study, its system, what any of them searches, and what is fixed in which they differ."""
    searched = dict.fromkeys(name for study in studies for name in study.settings.searched)
    differ = [name for part, name in differing([study.settings for study in studies]) if part == SPACE]
    fixed = [name for name in differ if all(study.settings.fixed(name) is not None for study in studies)]
    names = [name for name in dict.fromkeys([*searched, *fixed]) if name not in (STUDY, SYSTEM, "model")]
    return [
        Dimension(name=STUDY, kind="str", choices=tuple(study.name for study in studies)),
        Dimension(name=SYSTEM, kind="str", choices=tuple(dict.fromkeys(study.spec.model for study in studies))),
        *(_column(name, studies) for name in names),
    ]


def value_of(column: Dimension, study: Compared, row: TrialRow) -> Value | None:
    """What a trial has there; None where the column means nothing to it."""
    if column.name in (STUDY, SYSTEM):
        return study.name if column.name == STUDY else study.spec.model
    value = row.params.get(column.name)
    if value is None and column.name not in study.settings.searched:
        value = study.settings.fixed(column.name)
    return None if value is None else _cast(column, value)


def _column(name: str, studies: Sequence[Compared]) -> Dimension:
    """The narrowest that holds what any study has."""
    dimensions = [study.settings.searched[name] for study in studies if name in study.settings.searched]
    fixed = [study.settings.fixed(name) for study in studies if name not in study.settings.searched]
    known = [value for value in fixed if value is not None]
    # A column with a condition has a place for runs to which it does not apply.
    when = {} if len(known) == len(fixed) and not any(each.when for each in dimensions) else {name: ()}
    ends = [*(end for each in dimensions for end in each.edges()), *known]
    if all(isinstance(end, bool) for end in ends):
        return Dimension(name=name, kind="bool", choices=(False, True), when=when)
    if any(isinstance(end, bool | str) for end in ends):
        return Dimension(name=name, kind="str", choices=tuple(dict.fromkeys(map(_text, ends))), when=when)
    numbers = sorted({float(cast("float", end)) for end in ends})
    if all(each.choices for each in dimensions):
        return Dimension(name=name, kind="float", choices=tuple(numbers), when=when)
    ranges = [each for each in dimensions if not each.choices]
    is_log = all(each.log for each in ranges) and numbers[0] > 0
    return Dimension(name=name, kind="float", low=numbers[0], high=numbers[-1], log=is_log, when=when)


def _cast(column: Dimension, value: Value) -> Value:
    if column.kind == "float":
        return float(value)
    return _text(value) if column.kind == "str" else value


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
