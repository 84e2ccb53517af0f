"""The TOML file of a search space: find, read, change from the command line, write.

A raw space is the file's plain dict. Nothing here knows what a key means beyond its table; ``space.Space`` checks it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import tomli_w

from ..errors import SpaceError, UnknownName, names_hint, refuse_unknown
from ..resources import shipped
from ..untrusted.texts import LimitPassed, read_toml

LARGEST_FILE = 1_000_000
"""Bytes. A space is a page of text; anything larger is some other file."""

INHERITED = ("model", "dataset", "split", "objectives", "data", "fixed")
"""What a space that names no model takes from the shipped one, as far as it does not say it."""

RANGES = frozenset({"loguniform", "uniform", "int", "choice"})
"""Keys of which one makes a table a range; ``dimension_toml.py`` reads them."""

PYTHON = {"True": True, "False": False, "None": None}
"""Values that a setting may spell as Python does."""


def find_space(name: str) -> Path:
    """The file of a space: a path to a ``.toml``, or the name of a shipped one (that of its model).

    Raises SpaceError for a path without a file and UnknownName, with the names there are, for a name.
    """
    if name.endswith(".toml") or "/" in name or "\\" in name:
        path = Path(name)
        if not path.is_file():
            raise SpaceError(f"--space {path}: no such file; give the path of a space's .toml")
        return path
    known = {path.stem: path for path in sorted(shipped("search_spaces").glob("*.toml"))}
    if name not in known:
        raise UnknownName(f"no search space {name!r}; {names_hint(name, known, 'give the path of a .toml')}")
    return known[name]


def read_space(path: Path) -> dict[str, object]:
    """The file as a dict, in which a searched option of the data is called ``data.NAME``, with and without quotes.

    Raises SpaceError if it is not a file, larger than 1 MB, or not TOML (with the line).
    """
    if not path.is_file():
        if path.exists():
            raise SpaceError(f"{path}: a search space is a file, but this is none; give the path of a .toml")
        raise SpaceError(
            f"{path}: no such file; give the path of a .toml, such as `sparring best STUDY -o {path.name}` writes"
        )
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise SpaceError(f"{path}: a search space has at most {LARGEST_FILE:,} bytes, but got {size:,}")
    try:
        return _with_dotted_options(read_toml(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise SpaceError(f"{path}: TOML is UTF-8, but byte {error.start} is not; save it as UTF-8") from error
    except LimitPassed as error:
        raise SpaceError(f"{path}: {error}") from error
    except ValueError as error:
        raise SpaceError(f"{path}: not TOML: {error}") from error


def inherit(raw: Mapping[str, object], shipped: Mapping[str, object]) -> dict[str, object]:
    """A space that says only a part, such as [search], with the rest of a shipped one; neither is changed.

    Fields that ``raw`` searches are not fixed any more. [search], points to try and constraints are never inherited.
    """
    own = {key: table for key, table in raw.items() if key not in ("fixed", "data")}
    searched = table_of(raw, "search")
    changed = {key: shipped[key] for key in INHERITED if key in shipped} | own
    for table, prefix in (("fixed", ""), ("data", "data.")):
        both = {**table_of(shipped, table), **table_of(raw, table)}
        changed[table] = {name: value for name, value in both.items() if prefix + name not in searched}
    return copy.deepcopy(changed)


def apply_settings(raw: Mapping[str, object], settings: Iterable[str], fields: Collection[str]) -> dict[str, object]:
    """A copy in which each ``key=value`` is a fixed value, no longer searched; ``data.key=value`` sets [data].

    A value that is a range, ``lr={loguniform=[1e-4, 1e-3]}``, is searched instead; ``default=…`` in it is trial 0's.

    No [[try]] gives the field any more; ``settle_tries`` then leaves out those that have become one point with another.

    ``value`` is read as TOML, or as Python's True, False and None, and as a string if neither; in quotes it always is
    one. ``fields`` are the Config's; raises SpaceError, naming the closest one, for a key that is none, for a setting
    without ``=``, and for an option of the data that is None.
    """
    changed = copy.deepcopy(dict(raw))
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not key or not equals:
            raise SpaceError(f"--set {setting}: wants key=value, such as --set hidden_size=64")
        value = _read_value(text, f"--set {key}")
        if is_range(value):
            if not key.startswith("data."):
                refuse_unknown([key], fields, f"--set {setting}", "field")
            _set_range(changed, key, value)
        elif key.startswith("data."):
            if value is None:  # which a pinned file could not say
                raise SpaceError(f"--set {setting}: an option of the data wants a value, but got None; leave it out")
            _table(changed, "data")[key.removeprefix("data.")] = value
        else:
            refuse_unknown([key], fields, f"--set {setting}", "field")
            if isinstance(value, dict):
                refuse_unknown(value, RANGES, f"--set {setting}", "range")
            _table(changed, "fixed")[key] = value
        if not is_range(value):
            for table in ("search", "defaults"):
                if key in table_of(changed, table):
                    _table(changed, table).pop(key)
        _drop_from_tries(changed, key)
    return changed


def apply_config(raw: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """A copy whose baseline is ``values``: searched fields start there and stay searched, all others are fixed.

    A published value that a choice lacks joins the choice, so that a published file is taken as it stands.
    """
    changed = copy.deepcopy(dict(raw))
    search = _table(changed, "search")
    for name, value in values.items():
        _table(changed, "defaults" if name in search else "fixed")[name] = value
        dimension = search.get(name)
        choices = dimension.get("choice") if isinstance(dimension, dict) else None
        if isinstance(choices, list) and value not in choices:
            choices.append(value)
    return changed


def write_toml(raw: Mapping[str, object]) -> str:
    """TOML from which ``read_space`` reads an equal dict, floats to the last bit."""
    return tomli_w.dumps(raw)


def table_of(raw: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A table of a raw space; empty if it is not there. Raises SpaceError if a plain value stands in its place."""
    table = raw.get(name, {})
    if not isinstance(table, Mapping):
        raise SpaceError(f"{name}: wants a table [{name}], but got {table!r}")
    return table


def check_plain(value: object, where: str) -> None:
    """Raises SpaceError if ``value`` is no finite number, text, true, false or None, and no array or table of them."""
    if isinstance(value, dict | list):
        for element in value.values() if isinstance(value, dict) else value:
            check_plain(element, where)
    elif value is not None and not isinstance(value, bool | int | float | str):
        raise SpaceError(f"{where}: wants a number, a text, true, false or an array of them, but got {value!r}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise SpaceError(f"{where}: wants a finite number, but got {value}")


def _with_dotted_options(raw: dict[str, object]) -> dict[str, object]:
    """TOML reads ``data.r_max = …`` as a table ``data``; here it becomes the one key that ``"data.r_max"`` is."""
    tries, search = raw.get("try"), raw.get("search")
    points = [table.get("values") for table in tries if isinstance(table, dict)] if isinstance(tries, list) else []
    for table in (search, raw.get("defaults"), *points):
        _dot_options(table)
    for dimension in search.values() if isinstance(search, dict) else ():
        _dot_options(dimension.get("when") if isinstance(dimension, dict) else None)
    return raw


def _dot_options(table: object) -> None:
    if isinstance(table, dict) and isinstance(options := table.get("data"), dict):
        dotted = {f"data.{name}": value for name, value in options.items()}
        items = [each for key, value in table.items() for each in (dotted if key == "data" else {key: value}).items()]
        table.clear()
        table.update(items)  # where they stood: dimensions are drawn in the order of the file


def is_range(value: object) -> bool:
    """Is it the table of a searched field?"""
    return isinstance(value, dict) and not RANGES.isdisjoint(value)


def _set_range(raw: dict[str, object], key: str, value: object) -> None:
    """Searches ``key`` in the place of what the space says of it."""
    assert isinstance(value, dict)
    table, name = ("data", key.removeprefix("data.")) if key.startswith("data.") else ("fixed", key)
    if name in table_of(raw, table):
        _table(raw, table).pop(name)
    _table(raw, "search")[key] = {part: each for part, each in value.items() if part != "default"}
    if "default" in value:
        _table(raw, "defaults")[key] = value["default"]


def _drop_from_tries(raw: Mapping[str, object], field: str) -> None:
    tables = raw.get("try")
    for table in tables if isinstance(tables, list) else ():
        values = table.get("values") if isinstance(table, dict) else None
        if isinstance(values, dict):
            values.pop(field, None)


def _table(raw: dict[str, object], name: str) -> dict[str, object]:
    table = raw.setdefault(name, {})
    if not isinstance(table, dict):
        raise SpaceError(f"{name}: wants a table [{name}], but got {table!r}")
    return table


def _read_value(text: str, where: str) -> object:
    if text in PYTHON:
        return PYTHON[text]
    try:
        read = read_toml(f"value = {text}")
    except LimitPassed as error:
        raise SpaceError(f"{where}: {error}") from error
    except ValueError:
        return text
    # A newline in the text could carry more keys than the one asked for.
    return read["value"] if len(read) == 1 else text
