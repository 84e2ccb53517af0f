"""One searched hyperparameter: its range, when it applies, and the checks a range must pass.

Four kinds, after the TOML key that makes them: ``loguniform``, ``uniform``, ``int``, ``choice``. Whether a model
accepts the values is not asked here but in ``space.py``.

A choice may be a list, such as the widths of a net's layers. Lists have different lengths, so they fit neither a column
of numbers nor Optuna, which warns of categories that are no text or number. Everywhere but in TOML and in the model's
Config such a value is therefore its JSON text, "[32, 64]": hashable, sortable, the same in Parquet and on the screen.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from .errors import SpaceError
from .records import Kind, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

LARGEST = 2**53
"""Bounds beyond it are refused: neither Optuna nor a float64 column tells neighbouring integers apart there."""

_OPTIONS = {
    "loguniform": ("off", "when"),
    "uniform": ("step", "off", "when"),
    "int": ("step", "log", "off", "when"),
    "choice": ("when",),
}
_KINDS: Mapping[type, Kind] = {float: "float", int: "int", bool: "bool", str: "str"}


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A field of the model's Config that the search may vary.

    ``low`` and ``high`` are inclusive; ``choices`` is empty for a range. ``off`` is a value beside the range that a
    switch, drawn first, may choose. ``when`` maps other fields to the values under which this one applies; all must
    hold, and a field that does not itself apply holds nothing. With ``is_list``, choices are texts of lists.
    """

    name: str
    kind: Kind
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()
    off: float | None = None
    when: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    is_list: bool = False

    def cast(self, value: Any) -> Any:
        """``value`` as this dimension's own type where it means the same: 10.0 as 10, 1 as 1.0, a list as its text."""
        if self.is_list:
            return to_text(value)
        if self.kind == "int" and isinstance(value, float) and value.is_integer():
            return int(value)
        return float(value) if self.kind == "float" and type(value) is int else value

    def decode(self, value: Value) -> Any:
        """``value`` as TOML and the model's Config have it: a list's text as the list."""
        return from_text(value) if self.is_list else value

    def contains(self, value: Any) -> bool:
        """Whether the search could draw ``value``, ``off`` included."""
        value = self.cast(value)
        if _KINDS.get(type(value)) != self.kind:
            return False
        if self.choices or value == self.off:
            return not self.choices or value in self.choices
        # A drawn float is low + k * step with a rounding error, so the grid is met to 1e-8 of a step, as in Optuna.
        steps = (value - self.low) / self.step if self.step else 0.0
        return bool(self.low <= value <= self.high and abs(steps - round(steps)) < 1e-8)

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether ``values`` (fixed ones and those drawn so far) fulfil ``when``."""
        return all(name in values and to_text(values[name]) in allowed for name, allowed in self.when.items())

    def edges(self) -> tuple[Value, ...]:
        """Every choice, or both ends, and ``off``: the values a model must accept."""
        return self.choices or (self.low, self.high, *(() if self.off is None else (self.off,)))

    @property
    def switch(self) -> str:
        """Optuna's name of the on/off switch; no Config field can have it."""
        return f"{self.name}.on"

    def suggest(self, trial: BaseTrial) -> Any:
        """A value drawn through ``trial``: the switch first, then, if on, a value in the range."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if self.off is not None and not trial.suggest_categorical(self.switch, (False, True)):
            return self.off
        if self.kind == "int":
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            return trial.suggest_int(self.name, low, high, step=step, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def to_optuna(self, value: Value) -> dict[str, tuple[Any, BaseDistribution]]:
        """The Optuna parameters, with their distributions, that make ``suggest`` return ``value``."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices:
            return {self.name: (value, CategoricalDistribution(self.choices))}
        drawn: dict[str, tuple[Any, BaseDistribution]] = {}
        if self.off is not None:
            drawn[self.switch] = (value != self.off, CategoricalDistribution((False, True)))
        if value == self.off:
            return drawn
        if self.kind == "int":
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            return {**drawn, self.name: (value, IntDistribution(low, high, step=step, log=self.log))}
        return {**drawn, self.name: (value, FloatDistribution(self.low, self.high, step=self.step, log=self.log))}

    def __str__(self) -> str:
        if self.choices:
            return f"one of {list(self.choices)}"
        return f"[{self.low}, {self.high}]" + ("" if self.off is None else f" or off = {self.off}")


def read_dimension(name: str, table: Any, at: str) -> Dimension:
    """The dimension that ``table`` of the TOML describes; ``at`` is its place for messages. Raises SpaceError."""
    if not isinstance(table, dict):
        raise SpaceError(
            f"{at}: a searched field is a table such as {{ uniform = [0.0, 0.5] }}, but got {table!r}; "
            f"a single value belongs under [fixed]"
        )
    refuse_unknown(table, {*_OPTIONS, "step", "log", "off", "when"}, at, "key")
    kinds = [kind for kind in _OPTIONS if kind in table]
    if len(kinds) != 1:
        raise SpaceError(f"{at}: a dimension has exactly one of {', '.join(_OPTIONS)}, but got {kinds or 'none'}")
    (kind,) = kinds
    for key in table:
        if key not in (kind, *_OPTIONS[kind]):
            raise SpaceError(f"{at}: a {kind} goes with {', '.join(_OPTIONS[kind])}, but got {key}; leave it out")
    when = _read_when(table["when"], f"{at}.when") if "when" in table else {}
    if kind == "choice":
        choices, is_list = _read_choices(table["choice"], at)
        return Dimension(name=name, kind=_KINDS[type(choices[0])], choices=choices, when=when, is_list=is_list)
    return _read_range(name, kind, table, when, at)


def _read_range(
    name: str, kind: str, table: Mapping[str, Any], when: Mapping[str, tuple[Value, ...]], at: str
) -> Dimension:
    ends = table[kind]
    if not isinstance(ends, list) or len(ends) != 2:
        raise SpaceError(f"{at}: {kind} wants [low, high], but got {ends!r}")
    low, high = (_read_number(end, kind, at) for end in ends)
    log = table.get("log", kind == "loguniform")
    step = _read_number(table["step"], kind, f"{at}.step") if "step" in table else None
    off = _read_number(table["off"], kind, f"{at}.off") if "off" in table else None
    if not isinstance(log, bool):
        raise SpaceError(f"{at}.log: wants true or false, but got {log!r}")
    if low > high:
        raise SpaceError(f"{at}: wants low < high, but got low={low}, high={high}; swap them")
    if low == high:
        raise SpaceError(f"{at}: low and high are both {low}, which leaves nothing to search; set it under [fixed]")
    if log and low <= 0:
        raise SpaceError(
            f"{at}: a log range needs 0 < low, but got low={low}; use a small positive low such as "
            f"{'1' if kind == 'int' else '1e-6'}" + (", and off = 0.0 beside it for zero" if low == 0 else "")
        )
    if step is not None and log:
        raise SpaceError(f"{at}: a log range has no step, but got step={step}; leave out step or log")
    if step is not None and step <= 0:
        raise SpaceError(f"{at}: wants step > 0, but got step={step}")
    if step is not None and (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(step)):
        raise SpaceError(f"{at}: step={step} does not divide high - low = {high} - {low}; move an end onto the grid")
    if off is not None and low <= off <= high:
        raise SpaceError(f"{at}.off: must lie outside [{low}, {high}], but got {off}; leave it out")
    number: Kind = "int" if kind == "int" else "float"
    return Dimension(name=name, kind=number, low=low, high=high, step=step, log=log, off=off, when=when)


def _read_number(value: Any, kind: str, at: str) -> float:
    wanted, types = ("an integer", {int}) if kind == "int" else ("a number", {int, float})
    if type(value) not in types:
        raise SpaceError(f"{at}: {kind} wants {wanted}, but got {value!r}")
    if not abs(value) <= LARGEST:  # written so that NaN is refused as well
        raise SpaceError(f"{at}: wants a finite number within ±2^53, but got {value}")
    return value if kind == "int" else float(value)


def _read_choices(choices: Any, at: str) -> tuple[tuple[Value, ...], bool]:
    """The choices, and whether they are texts of lists."""
    if not isinstance(choices, list) or not choices:
        raise SpaceError(f"{at}: choice wants a list of values, but got {choices!r}")
    types = {type(choice) for choice in choices}
    is_list = types == {list}
    if len(types) > 1 or not (is_list or types <= set(_KINDS)):
        raise SpaceError(
            f"{at}: choices are all float, all int, all bool or all str, or all lists of those, but got {choices!r}"
        )
    if is_list:
        for choice in choices:
            _check_elements(choice, at)
        choices = [to_text(choice) for choice in choices]
    if types <= {int, float} and not all(abs(choice) <= LARGEST for choice in choices):
        raise SpaceError(f"{at}: choices are finite numbers within ±2^53, but got {choices!r}")
    if len(set(choices)) < len(choices):
        raise SpaceError(f"{at}: each choice stands once, but got {choices!r}")
    if len(choices) == 1:
        raise SpaceError(f"{at}: {choices[0]!r} is the only choice, so nothing is searched; set it under [fixed]")
    return tuple(choices), is_list


def _check_elements(choice: list[Any], at: str) -> None:
    types = {type(element) for element in choice}
    if not choice or len(types) > 1 or not types <= set(_KINDS):
        raise SpaceError(
            f"{at}: a choice that is a list holds one or more values, all float, all int, all bool or all str, but "
            f"got {choice!r}"
        )
    if types <= {int, float} and not all(abs(element) <= LARGEST for element in choice):
        raise SpaceError(f"{at}: numbers are finite and within ±2^53, but got {choice!r}")


def to_text(value: Any) -> Any:
    """A list or tuple as its JSON text; anything else as it is."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value


def from_text(value: Any) -> Any:
    """The list that ``to_text`` made a text of; anything else as it is."""
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value


def _read_when(table: Any, at: str) -> Mapping[str, tuple[Value, ...]]:
    if not isinstance(table, dict) or not table:
        raise SpaceError(f'{at}: wants a table such as {{ loss_gen = "wcc" }}, but got {table!r}')
    when = {name: tuple(value) if isinstance(value, list) else (value,) for name, value in table.items()}
    for name, values in when.items():
        if not values or any(type(value) not in (*_KINDS, list) for value in values):
            raise SpaceError(f"{at}.{name}: wants a value or a list of values, but got {table[name]!r}")
    # A list inside the list is one value: { hidden_dims = [[32, 64]] }.
    texts = {name: tuple(to_text(value) for value in values) for name, values in when.items()}
    return cast("Mapping[str, tuple[Value, ...]]", texts)


def refuse_unknown(names: Iterable[str], known: Collection[str], at: str, what: str) -> None:
    """Raises SpaceError at the first of ``names`` not in ``known``, with the closest known one, else with all."""
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(known))}"
            raise SpaceError(f"{at}: no {what} {name!r}; {hint}")
