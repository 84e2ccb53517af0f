"""Points to try first: [[try]] of a search space, what a practitioner would begin with beside the published default.

They are the trials after trial 0, in the order of the file, so a trial's number says which one it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from ..errors import SpaceError, refuse_unknown
from ..records import Value
from .toml_file import check_plain

LONGEST_NAME = 40
"""Characters of a name, which stands in a column of tables."""

BY_HAND = "queued by hand"
"""What a trial is called that somebody has put in line while the search ran."""

Complete = Callable[[Mapping[str, object]], dict[str, Value]]
"""Makes a trial's parameters of some values: ``Space.complete``."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One point to try first."""

    name: str
    source: str
    """Why it is worth a trial, or where it comes from."""
    params: Mapping[str, Value]
    """All that its trial takes: what the file gives, and the baseline's value of everything else."""


def try_names(raw: Mapping[str, object], queued: Collection[int] = ()) -> dict[int, str]:
    """By trial number, the names of a study's raw space; for readers that know no Config.

    queued: trials that somebody has put in line while the search ran, which are named after that.
    """
    tables = raw.get("try")
    tables = tables if isinstance(tables, list) else []
    names = {number: str(table["name"]) for number, table in enumerate(tables, start=1)}
    return names | dict.fromkeys(queued, BY_HAND)


def read_tries(tables: object, where: str, searched: Collection[str], complete: Complete) -> tuple[Try, ...]:
    """The [[try]] of a file. searched: the fields they may give. Raises SpaceError as ``read_try``, or if two are one.

    Whether a value lies inside its range, and the model takes it, is asked in ``checks.py``.
    """
    if not isinstance(tables, list):
        raise SpaceError(f"{where}: try: wants [[try]] with name, source and values, but got {tables!r}")
    tries: list[Try] = []
    for index, table in enumerate(tables):
        each = read_try(table, where, index, searched, complete)
        place = f"{where}: try {each.name!r}"
        if any(each.name == other.name for other in tries):
            raise SpaceError(f"{place}: each name stands once; rename one of them")
        if each.params == complete({}):
            raise SpaceError(f"{place}: values: they are the default's, which trial 0 tries already; leave it out")
        if same := [other.name for other in tries if each.params == other.params]:
            raise SpaceError(f"{place}: values: they make the same point as {same[0]!r}; keep one of them")
        tries.append(each)
    return tuple(tries)


def read_try(table: object, where: str, index: int, searched: Collection[str], complete: Complete) -> Try:
    """One [[try]]. Raises SpaceError if it is malformed, or gives what is not searched or does not apply."""
    if not isinstance(table, dict):
        raise SpaceError(f"{where}: try: wants [[try]] with name, source and values, but got {table!r}")
    place = f"{where}: try[{index}]"
    refuse_unknown(table, ("name", "source", "values"), place, "key")
    name, source, values = table.get("name"), table.get("source"), table.get("values")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise SpaceError(f"{place}.name: wants a text of 1 to {LONGEST_NAME} characters, but got {name!r}")
    place = f"{where}: try {name!r}"
    if not isinstance(source, str) or not source.strip():
        raise SpaceError(f"{place}: source: wants a text that says why it is tried, but got {source!r}")
    if not isinstance(values, dict):
        raise SpaceError(f"{place}: values: wants a table such as {{ lr_gen = 2e-3 }}, but got {values!r}")
    for field, value in values.items():
        check_plain(value, f"{place}: {field}")
    refuse_unknown(values, searched, place, "searched field")
    params = complete(values)
    for field in values:
        if field not in params:
            raise SpaceError(f"{place}: {field}: it does not apply beside the other values; leave it out")
    return Try(name=name, source=source, params=params)
