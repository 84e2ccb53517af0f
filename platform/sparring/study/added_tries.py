"""The user's own points to try first: ``--try FILE``, which come after those of the space.

A file is a pinned configuration, as ``sparring best`` writes it, or holds [[try]] tables as a space does.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from pathlib import Path

from pydantic import BaseModel

from ..errors import SpaceError, refuse_unknown
from ..space import Space, apply_settings, check_try, read_space, read_try, table_of
from ..space.dimension import OPTION, to_text
from ..space.toml_file import check_plain
from ..space.tries import LONGEST_NAME


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
