"""The table of a space's file that makes a dimension, and the checks that it must pass.

Four kinds, after the TOML key that makes them: ``loguniform``, ``uniform``, ``int``, ``choice``. Whether a model
accepts the values is not asked here but in ``checks.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from ..errors import SpaceError, refuse_unknown
from ..records import Kind, Value
from .dimension import KINDS, Dimension, to_text

LARGEST = 2**53
"""Bounds beyond it are refused: neither Optuna nor a float64 column tells neighbouring integers apart there."""

_OPTIONS = {
    "loguniform": ("off", "when"),
    "uniform": ("step", "off", "when"),
    "int": ("step", "log", "off", "when"),
    "choice": ("when",),
}


def read_dimension(name: str, table: object, where: str) -> Dimension:
    """The dimension that ``table`` of the TOML describes. where: what messages call the table. Raises SpaceError."""
    if not isinstance(table, dict):
        raise SpaceError(
            f"{where}: a searched field is a table such as {{ uniform = [0.0, 0.5] }}, but got {table!r}; "
            f"a single value belongs under [fixed]"
        )
    refuse_unknown(table, {*_OPTIONS, "step", "log", "off", "when"}, where, "key")
    kinds = [kind for kind in _OPTIONS if kind in table]
    if len(kinds) != 1:
        raise SpaceError(f"{where}: a dimension has exactly one of {', '.join(_OPTIONS)}, but got {kinds or 'none'}")
    (kind,) = kinds
    for key in table:
        if key not in (kind, *_OPTIONS[kind]):
            raise SpaceError(f"{where}: a {kind} goes with {', '.join(_OPTIONS[kind])}, but got {key}; leave it out")
    when = _read_when(table["when"], f"{where}.when") if "when" in table else {}
    if kind == "choice":
        choices, is_list = _read_choices(table["choice"], where)
        return Dimension(name=name, kind=KINDS[type(choices[0])], choices=choices, when=when, is_list=is_list)
    return _read_range(name, kind, table, when, where)


def _read_range(
    name: str, kind: str, table: Mapping[str, object], when: Mapping[str, tuple[Value, ...]], where: str
) -> Dimension:
    ends = table[kind]
    if not isinstance(ends, list) or len(ends) != 2:
        raise SpaceError(f"{where}: {kind} wants [low, high], but got {ends!r}")
    low, high = (_read_number(end, kind, where) for end in ends)
    log = table.get("log", kind == "loguniform")
    step = _read_number(table["step"], kind, f"{where}.step") if "step" in table else None
    off = _read_number(table["off"], kind, f"{where}.off") if "off" in table else None
    if not isinstance(log, bool):
        raise SpaceError(f"{where}.log: wants true or false, but got {log!r}")
    if low > high:
        raise SpaceError(f"{where}: wants low < high, but got low={low}, high={high}; swap them")
    if low == high:
        raise SpaceError(f"{where}: low and high are both {low}, which leaves nothing to search; set it under [fixed]")
    if log and low <= 0:
        raise SpaceError(
            f"{where}: a log range needs 0 < low, but got low={low}; use a small positive low such as "
            f"{'1' if kind == 'int' else '1e-6'}" + (", and off = 0.0 beside it for zero" if low == 0 else "")
        )
    if step is not None and log:
        raise SpaceError(f"{where}: a log range has no step, but got step={step}; leave out step or log")
    if step is not None and step <= 0:
        raise SpaceError(f"{where}: wants step > 0, but got step={step}")
    if step is not None and (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)):
        raise SpaceError(f"{where}: step={step} does not divide high - low = {high} - {low}; move an end onto the grid")
    if off is not None and low <= off <= high:
        raise SpaceError(f"{where}.off: must lie outside [{low}, {high}], but got {off}; leave it out")
    number: Kind = "int" if kind == "int" else "float"
    return Dimension(name=name, kind=number, low=low, high=high, step=step, log=log, off=off, when=when)


def _read_number(value: object, kind: str, where: str) -> float:
    if type(value) is int or (type(value) is float and kind != "int"):
        if not abs(value) <= LARGEST:  # written so that NaN is refused as well
            raise SpaceError(f"{where}: wants a finite number within ±2^53, but got {value}")
        return value if kind == "int" else float(value)
    raise SpaceError(f"{where}: {kind} wants {'an integer' if kind == 'int' else 'a number'}, but got {value!r}")


def _read_choices(choices: object, where: str) -> tuple[tuple[Value, ...], bool]:
    """The choices, and whether they are texts of lists."""
    if not isinstance(choices, list) or not choices:
        raise SpaceError(f"{where}: choice wants a list of values, but got {choices!r}")
    types = {type(choice) for choice in choices}
    is_list = types == {list}
    if len(types) > 1 or not (is_list or types <= set(KINDS)):
        raise SpaceError(
            f"{where}: choices are all float, all int, all bool or all str, or all lists of those, but got {choices!r}"
        )
    if is_list:
        for choice in choices:
            _check_elements(choice, where)
        choices = [to_text(choice) for choice in choices]
    if types <= {int, float} and not all(map(_is_within, choices)):
        raise SpaceError(f"{where}: choices are finite numbers within ±2^53, but got {choices!r}")
    if len(set(choices)) < len(choices):
        raise SpaceError(f"{where}: each choice stands once, but got {choices!r}")
    if len(choices) == 1:
        raise SpaceError(f"{where}: {choices[0]!r} is the only choice, so nothing is searched; set it under [fixed]")
    return tuple(choices), is_list


def _check_elements(choice: list[Value], where: str) -> None:
    types = {type(element) for element in choice}
    if not choice or len(types) > 1 or not types <= set(KINDS):
        raise SpaceError(
            f"{where}: a choice that is a list holds one or more values, all float, all int, all bool or all str, but "
            f"got {choice!r}"
        )
    if types <= {int, float} and not all(map(_is_within, choice)):
        raise SpaceError(f"{where}: numbers are finite and within ±2^53, but got {choice!r}")


def _is_within(number: object) -> bool:
    return isinstance(number, int | float) and abs(number) <= LARGEST  # False for NaN


def _read_when(table: object, where: str) -> Mapping[str, tuple[Value, ...]]:
    if not isinstance(table, dict) or not table:
        raise SpaceError(f'{where}: wants a table such as {{ loss_gen = "wcc" }}, but got {table!r}')
    when = {name: tuple(value) if isinstance(value, list) else (value,) for name, value in table.items()}
    for name, values in when.items():
        if not values or any(type(value) not in (*KINDS, list) for value in values):
            raise SpaceError(f"{where}.{name}: wants a value or a list of values, but got {table[name]!r}")
    # A list inside the list is one value: { hidden_dims = [[32, 64]] }.
    texts = {name: tuple(to_text(value) for value in values) for name, values in when.items()}
    return cast("Mapping[str, tuple[Value, ...]]", texts)
