"""The board by Grafana's own types, which Grafana Labs generates from its schemas for its Python SDK."""

from __future__ import annotations

import copy
import json
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

dashboard = pytest.importorskip(
    "grafana_foundation_sdk.models.dashboard", reason="no grafana-foundation-sdk here; it comes with sparring[test]"
)
from grafana_foundation_sdk.cog import plugins, runtime  # noqa: E402 -- after the skip

FREE = (Any, object)


@pytest.fixture(scope="module")
def board(checkout) -> dict[str, Any]:
    plugins.register_default_plugins()
    return json.loads((checkout / "dashboards" / "grafana" / "sparring.json").read_text(encoding="utf-8"))


def names_of(kind: type) -> dict[str, str]:
    """The JSON's names of a type's fields, by those of Python: ``id_val`` is id, ``grid_pos`` gridPos."""
    known = {}
    for field in typing.get_type_hints(kind):
        first, *rest = field.removesuffix("_val").split("_")
        known[first + "".join(part.capitalize() for part in rest)] = field
    return known


def against(value: Any, kind: Any, where: str) -> Iterator[str]:
    """What a value of the JSON does not have of a type of the SDK's, one sentence each."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in FREE or isinstance(kind, typing.TypeVar):
        return
    if origin in (typing.Union, types.UnionType):
        found = [list(against(value, each, where)) for each in arguments]
        if all(found):
            yield from min(found, key=len)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{where}: {value!r} is none of {arguments}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
        for number, each in enumerate(value if isinstance(value, list) else ()):
            yield from against(each, arguments[0], f"{where}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no table"
        for name, each in value.items() if isinstance(value, dict) else ():
            yield from against(each, arguments[1], f"{where}.{name}")
    elif isinstance(kind, type) and issubclass(kind, Enum):
        if value not in [each.value for each in kind]:
            yield f"{where}: {value!r} is none of {[each.value for each in kind]}"
    elif hasattr(kind, "from_json"):
        yield from of_fields(value, kind, where)
    elif kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{where}: {value!r} is no number"
    elif isinstance(kind, type) and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        yield f"{where}: {value!r} is no {kind.__name__}"


def of_fields(value: Any, kind: type, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no {kind.__name__}"
        return
    hints, names = typing.get_type_hints(kind), names_of(kind)
    for name, each in value.items():
        if name not in names:
            yield f"{where}: {kind.__name__} has no {name}"
        elif names[name] == "targets":
            query = runtime.dataquery_from_json  # the query's type is that of its data source
            for number, target in enumerate(each):
                made = query(target, target["datasource"]["type"])
                yield from of_fields(target, type(made), f"{where}.targets[{number}]")
        elif not (each is None and type(None) in typing.get_args(hints[names[name]])):
            yield from against(each, hints[names[name]], f"{where}.{name}")
    if kind.__name__ == "Panel":
        yield from of_plugin(value, where)


def of_plugin(panel: dict[str, Any], where: str) -> Iterator[str]:
    """Options and the fields' own settings, whose types are those of the panel's kind."""
    parts = runtime.panelcfg_config(panel["type"])
    if parts is None:
        yield f"{where}: Grafana has no panel called {panel['type']}"
        return
    custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
    for hook, given in ((parts.options_from_json_hook, panel["options"]), (parts.field_config_from_json_hook, custom)):
        if hook is not None and given is not None:
            yield from of_fields(given, hook.__self__, where)


def faults(board: dict[str, Any]) -> list[str]:
    return list(of_fields(board, dashboard.Dashboard, "board"))


def test_the_board_has_the_types_of_grafanas_schema(board):
    assert faults(board) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("refresh",), 10, "board.refresh: 10 is no str"),
        (("panels", 1, "gridPos", "w"), "12", "gridPos.w: '12' is no int"),
        (("panels", 1, "titel"), "x", "Panel has no titel"),
        (("panels", 1, "type"), "timeserie", "Grafana has no panel called timeserie"),
        (("panels", 1, "options", "legend", "placement"), "under", "'under' is none of ['bottom', 'right']"),
        (("panels", 1, "options", "legent"), {}, "Options has no legent"),
        (("panels", 1, "fieldConfig", "defaults", "custom", "lineWidth"), "2", "lineWidth: '2' is no number"),
        (("panels", 1, "targets", 0, "expression"), "up", "has no expression"),
        (("templating", "list", 0, "type"), "data", "'data' is none of"),
    ],
)
def test_a_planted_fault_is_found(board, path, value, said):
    broken = copy.deepcopy(board)
    *way, last = path
    place = broken
    for step in way:
        place = place[step]
    place[last] = value
    assert any(said in words for words in faults(broken)), faults(broken)
