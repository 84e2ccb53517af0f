"""The rules a search space must keep, in the order a reader of the file would find them broken.

Ranges by themselves are checked in ``dimension.py``; here they meet the rest of the file and the model's Config.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from ..errors import SpaceError, refuse_unknown
from ..records import RUNGS, Value
from .dimension import OPTION, from_text
from .objectives import read_objectives
from .space import Space
from .toml_file import check_plain
from .tries import Try

C = TypeVar("C", bound=BaseModel)

_TEXTS = ("model", "dataset", "split", "data_path")
_UNLESS_SAID = {"split": "80/20", "data_path": "."}
MOST_RUNGS = 5
"""The earliest would be at 1/243 of the epochs."""
NOTHING_SAID: Mapping[str, str] = {}
_TABLES = ("data", "fixed", "defaults", "search", "found")


def checked_space(
    raw: Mapping[str, object],
    config_class: type[C],
    where: str = "search space",
    said: Mapping[str, str] = NOTHING_SAID,
) -> Space[C]:
    """The space that a user's file says. Raises SpaceError, with place, rule and value, at the first broken rule.

    raw: the TOML's dict. where: what messages call the file. said: flags that changed it, as ``Space`` has them. A
    space out of a study.json was checked when that was written; it takes the bare constructor of ``Space``.
    """
    space = Space(raw, config_class, where, said)
    _check_tables(space.raw, space.where)
    _check_fields(space)
    _check_conditions(space)
    _check_ranges(space)
    _check_baseline(space)
    _check_tries(space)
    read_objectives(space.raw.get("objectives"), space.place("objectives"))
    return space


def _check_tables(raw: Mapping[str, object], where: str) -> None:
    refuse_unknown(raw, {*_TEXTS, *_TABLES, "seed", "objectives", "constraints", "rungs", "try"}, where, "key")
    for name in _TEXTS:
        value = raw.get(name, _UNLESS_SAID.get(name))
        if value is None:
            raise SpaceError(f'{where}: {name} is missing; write it above the tables, as in {name} = "…"')
        if not isinstance(value, str) or not value:
            raise SpaceError(f"{where}: {name}: wants a text, but got {value!r}")
    for name in _TABLES:
        if not isinstance(raw.get(name, {}), dict):
            raise SpaceError(f"{where}: {name}: wants a table [{name}], but got {raw[name]!r}")
    seed = raw.get("seed", 0)
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise SpaceError(f"{where}: seed: wants an integer from 0 to 2^63 - 1, but got {seed!r}")
    rungs = raw.get("rungs", RUNGS)
    if type(rungs) is not int or not 1 <= rungs <= MOST_RUNGS:
        raise SpaceError(f"{where}: rungs: wants an integer from 1 to {MOST_RUNGS}, but got {rungs!r}")


def _check_fields(space: Space[BaseModel]) -> None:
    search = space.table("search")
    for table in ("fixed", "defaults", "search"):
        where = f"{space.where}: {table}"
        names = [name for name in space.table(table) if table == "fixed" or not name.startswith(OPTION)]
        refuse_unknown(names, space.config_class.model_fields, where, f"field of {space.model}'s Config")
    for table in ("data", "fixed", "defaults", "found"):
        for name, value in space.table(table).items():
            check_plain(value, space.place(table, name))
    for name, value in space.fixed.items():
        if name in search:
            raise SpaceError(f"{space.where}: {name}: stands under both [fixed] and [search]; keep one")
        if complaint := space.complaint(name, value):
            raise SpaceError(f"{space.place('fixed', name)}: {space.model} refuses {value!r}: {complaint}")
    for name in space.data:
        if f"{OPTION}{name}" in search:
            raise SpaceError(f"{space.where}: {OPTION}{name}: stands under both [data] and [search]; keep one")
    for name, value in space.table("defaults").items():
        if name not in search:
            table = "data" if name.startswith(OPTION) else "fixed"
            raise SpaceError(f"{space.where}: defaults.{name}: {value!r} is not searched; move it to [{table}]")


def _check_conditions(space: Space[BaseModel]) -> None:
    searched = {dimension.name: dimension for dimension in space.dimensions}
    for dimension in space.dimensions:
        where = f"{space.where}: search.{dimension.name}.when"
        for parent, allowed in dimension.when.items():
            refuse_unknown([parent], {*searched, *space.given}, where, "searched or fixed field")
            if parent in searched and not searched[parent].choices and searched[parent].kind == "float":
                raise SpaceError(f"{where}: a condition wants a choice or an int, but {parent} is a range of floats")
            for value in allowed:
                if parent in searched and not searched[parent].contains(value):
                    raise SpaceError(f"{where}: {parent} = {value!r} never occurs; it is {searched[parent]}")
                is_list = searched[parent].is_list if parent in searched else isinstance(space.given[parent], list)
                if complaint := space.complaint(parent, from_text(value) if is_list else value):
                    raise SpaceError(f"{where}: {parent} = {value!r} never occurs: {complaint}")


def _check_ranges(space: Space[BaseModel]) -> None:
    for dimension in space.dimensions:
        for value in dimension.edges():
            if complaint := space.complaint(dimension.name, dimension.decode(value)):
                where = space.place("search", dimension.name)
                raise SpaceError(f"{where}: {space.model} refuses {value!r}: {complaint}; narrow the range")


def _check_baseline(space: Space[BaseModel]) -> None:
    baseline = space.baseline()
    for dimension in space.dimensions:
        if dimension.name in baseline and not dimension.contains(baseline[dimension.name]):
            is_said = f"search.{dimension.name}" in space.said
            start = "say where trial 0 starts by default=…" if is_said else "set another start under [defaults]"
            raise SpaceError(
                f"{space.place('search', dimension.name)}: the default {baseline[dimension.name]!r} lies outside "
                f"{dimension}; widen the range, or {start}"
            )
    _check_constraints(space, baseline)
    space.config(baseline)


def _check_constraints(space: Space[BaseModel], baseline: Mapping[str, Value]) -> None:
    """That they speak of what there is, and that the baseline keeps them."""
    options = {name for name in (*space.given, *space.kinds) if name.startswith(OPTION)}
    known, what = {*space.config_class.model_fields, *options}, f"field of {space.model}'s Config"
    for index, constraint in enumerate(space.constraints):
        where = f"{space.where}: constraints[{index}]"
        for name in constraint.names:
            if name.startswith(OPTION) and name not in options:
                raise SpaceError(f"{where}: {name} is not said in this space; set it under [data]")
            refuse_unknown([name], known, where, what)
        values = space.spoken(baseline)
        try:
            result = constraint.compute(values)
        except SpaceError as error:
            raise SpaceError(f"{where}: {error}") from error
        if not isinstance(result, bool):
            raise SpaceError(f"{where}: {constraint.text!r} is {result!r}; compare it with something, as in `… == 0`")
        if not result:
            raise SpaceError(
                f"{where}: {constraint.text!r} does not hold for the default, {constraint.spoken(values)}; set another "
                "start under [defaults], or loosen it"
            )


def _check_tries(space: Space[BaseModel]) -> None:
    for each in space.tries:
        check_try(space, each, space.where)


def check_try(space: Space[BaseModel], each: Try, where: str) -> None:
    """Raises SpaceError if a trial could not take the point. where: what messages call the file it stands in."""
    place = f"{where}: try {each.name!r}"
    for dimension in space.dimensions:
        if dimension.name in each.params and not dimension.contains(each.params[dimension.name]):
            raise SpaceError(
                f"{place}: {dimension.name}: {each.params[dimension.name]!r} lies outside {dimension}; "
                f"give another value, or widen search.{dimension.name}"
            )
    try:
        space.config(each.params)
    except SpaceError as error:
        raise SpaceError(
            f"{place}: values: {str(error).removeprefix(f'{space.where}: ')}; give other values"
        ) from error
