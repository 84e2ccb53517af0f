"""The user's own points: ``search --try FILE``, which come after those of the space, and ``queue`` while it runs.

A file is a pinned configuration, as ``sparring best`` writes it, or holds [[try]] tables as a space does.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from pathlib import Path

from pydantic import BaseModel

from ..errors import SpaceError, refuse_unknown
from ..records import Value
from ..space import BY_HAND, Space, Try, apply_settings, check_try, read_space, read_try, table_of
from ..space.dimension import OPTION, to_text
from ..space.toml_file import check_plain
from ..space.tries import LONGEST_NAME

NO_VALUES: Mapping[str, Value] = {}


def add_tries(
    raw: Mapping[str, object], files: Sequence[Path], settings: Sequence[str], config_class: type[BaseModel], where: str
) -> tuple[dict[str, object], list[str]]:
    """A copy of the raw space with the files' points after its own, and what the user should hear of them.

    raw: after ``settings``, which take their fields out of the files' tries too. A point that the search begins with
    anyway is left out and said. Raises SpaceError, naming the file, at the first that is no point of the space.
    """
    space = Space(raw, config_class, where)
    known = {each.name: dict(each.params) for each in space.tries}
    kept, notes = _listed(raw.get("try", [])), []
    for path in files:
        place = f"--try {path}"
        tables, ignored = _read_file(path, place, space, settings, known)
        if ignored:
            notes.append(f"{place}: not taken, for this search does not vary them: {ignored}")
        for index, table in enumerate(tables):
            each = read_try(table, place, index, space.kinds, space.complete)
            check_try(space, each, place)
            if each.name in known:
                raise SpaceError(f"{place}: try {each.name!r}: another one has this name; rename it")
            same = [repr(name) for name, params in known.items() if params == each.params]
            if each.params == space.baseline():
                same = ["trial 0, the default,"]
            if same:
                notes.append(f"{place}: {each.name!r} is left out, for {same[0]} is the same point")
                continue
            known[each.name] = dict(each.params)
            kept.append(table)
    return {**copy.deepcopy(dict(raw)), "try": kept}, notes


def read_point(
    space: Space[BaseModel],
    settings: Sequence[str],
    *,
    pinned: Path | None = None,
    base: Mapping[str, Value] = NO_VALUES,
) -> tuple[dict[str, Value], list[str]]:
    """All searched values of a trial that somebody asks for by hand, and what the user should hear.

    It takes the values of ``settings``, ``key=value`` each; others from ``pinned``, a pinned configuration, or from
    ``base``, another trial's; the rest are the defaults. Raises SpaceError at the first that no trial could take.
    """
    notes: list[str] = []
    values: dict[str, object] = dict(base)
    if pinned is not None:
        place = f"--from {pinned}"
        tables, ignored = _read_file(pinned, place, space, (), ())
        if len(tables) != 1:
            raise SpaceError(f"{place}: holds {len(tables)} points, but one trial is queued; name a file of one")
        values = dict(read_try(tables[0], place, 0, space.kinds, space.complete).params)
        if ignored:
            notes.append(f"{place}: not taken, for this study does not vary them: {ignored}")
    for setting in settings:
        said = apply_settings({}, [setting], {*space.config_class.model_fields, *space.kinds})
        options = {f"{OPTION}{name}": value for name, value in table_of(said, "data").items()}
        given = {**table_of(said, "fixed"), **options}
        if table_of(said, "search"):
            raise SpaceError(f"--set {setting}: one trial takes one value, but got a range; begin a search of its own")
        for name in given:
            if name not in space.kinds:
                raise SpaceError(
                    f"--set {setting}: this study does not vary {name}, so no trial of it can have another value; "
                    f"it varies {', '.join(space.kinds)}"
                )
        values |= given
        params = space.complete(values)
        if absent := [name for name in given if name not in params]:
            raise SpaceError(f"--set {setting}: {absent[0]} does not apply beside the other values; leave it out")
    point = Try(name="queued", source=BY_HAND, params=space.complete(values))
    check_try(space, point, space.where)
    return dict(point.params), notes


def _read_file(
    path: Path, place: str, space: Space[BaseModel], settings: Sequence[str], names: Collection[str]
) -> tuple[list[object], str]:
    """The [[try]] tables of a file, one of a pinned configuration, and what that holds beside, in words."""
    document = read_space(path)
    if document.get("model", space.model) != space.model:
        raise SpaceError(f"{place}: model: it is for {document['model']!r}, but {space.model!r} is searched")
    if "try" in document:
        return _listed(apply_settings(document, settings, space.config_class.model_fields)["try"]), ""
    fixed = table_of(document, "fixed")
    if not fixed or table_of(document, "search"):
        raise SpaceError(
            f"{place}: wants a pinned configuration, as `sparring best STUDY -o FILE.toml` writes it, or [[try]] tables"
        )
    refuse_unknown(fixed, space.config_class.model_fields, f"{place}: fixed", f"field of {space.model}'s Config")
    check_plain(fixed, f"{place}: fixed")
    stem = path.stem[: LONGEST_NAME - 3]
    numbered = (f"{stem} {number}" for number in count(2))
    name = stem if stem not in names else next(each for each in numbered if each not in names)
    options = {f"{OPTION}{option}": value for option, value in table_of(document, "data").items()}
    given = {**fixed, **{name: value for name, value in options.items() if name in space.kinds}}
    applied = space.complete(given)  # without a default that had no effect, which is pinned too
    values = {field: value for field, value in given.items() if field in applied}
    ignored = {field: value for field, value in fixed.items() if field not in space.kinds}
    return [{"name": name, "source": str(path), "values": values}], _differing(space, ignored)


def _differing(space: Space[BaseModel], values: Mapping[str, object]) -> str:
    """Those of the values, of fields that are not searched, which no trial of this search has."""
    fields = space.config_class.model_fields
    here = {name: space.fixed.get(name, fields[name].get_default(call_default_factory=True)) for name in values}
    differing = [name for name, value in values.items() if to_text(value) != to_text(here[name])]
    return ", ".join(f"{name} = {values[name]!r} ({here[name]!r} here)" for name in differing)


def _listed(tables: object) -> list[object]:
    """What ``read_try`` takes one by one, and refuses if it is no table."""
    return list(tables) if isinstance(tables, list) else [tables]
