"""One searched hyperparameter: its values, when it applies, and how it is drawn (read by ``dimension_toml.py``).

A choice may be a list, such as the widths of a net's layers. Lists have different lengths, so they fit neither a column
of numbers nor Optuna, which warns of categories that are no text or number. Everywhere but in TOML and in the model's
Config such a value is therefore its JSON text, "[32, 64]": hashable, sortable, the same in Parquet and on the screen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from ..records import Kind, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

OPTION = "data."
"""What the name of a searched option of the data begins with; all other names are fields of the model's Config."""

KINDS: Mapping[type, Kind] = {float: "float", int: "int", bool: "bool", str: "str"}


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A field of the model's Config, or an option of the data set's reader, that the search may vary.

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

    @property
    def option(self) -> str:
        """The option of the data that it varies; empty if it varies a field of the Config."""
        return self.name.removeprefix(OPTION) if self.name.startswith(OPTION) else ""

    def cast(self, value: object) -> Value:
        """``value`` as this dimension's own type where it means the same: 10.0 as 10, 1 as 1.0, a list as its text.

        What means nothing here, such as None, is returned as it is; ``contains`` is false of it.
        """
        if self.is_list:
            return to_text(value)
        if self.kind == "int" and isinstance(value, float) and value.is_integer():
            return int(value)
        return float(value) if self.kind == "float" and type(value) is int else cast("Value", value)

    def decode(self, value: Value) -> object:
        """``value`` as TOML and the model's Config have it: a list's text as the list."""
        return from_text(value) if self.is_list else value

    def contains(self, value: object) -> bool:
        """Whether the search could draw ``value``, ``off`` included."""
        value = self.cast(value)
        if KINDS.get(type(value)) != self.kind:
            return False
        if self.choices:
            return value in self.choices
        if value == self.off:
            return True
        if isinstance(value, str):  # only a choice is a text
            return False
        # A drawn float is low + k * step with a rounding error, so the grid is met to 1e-8 of a step, as in Optuna.
        steps = (value - self.low) / self.step if self.step else 0.0
        return bool(self.low <= value <= self.high and abs(steps - round(steps)) < 1e-8)

    def applies(self, values: Mapping[str, object]) -> bool:
        """Whether ``values`` (fixed ones and those drawn so far) fulfil ``when``."""
        return all(name in values and to_text(values[name]) in allowed for name, allowed in self.when.items())

    def edges(self) -> tuple[Value, ...]:
        """Every choice, or both ends, and ``off``: the values a model must accept."""
        return self.choices or (self.low, self.high, *(() if self.off is None else (self.off,)))

    @property
    def is_countable(self) -> bool:
        """Whether ``points`` can list its values. It cannot for a range of floats without a step."""
        return bool(self.choices) or self.kind == "int" or self.step is not None

    def points(self) -> tuple[Value, ...]:
        """Every value it takes, in order, ``off`` first. Only if it ``is_countable``."""
        if self.choices:
            return self.choices
        step = self.step or 1
        steps = round((self.high - self.low) / step)
        # In decimals: 0.1 + 2 * 0.1 is to be 0.3, which floats make 0.30000000000000004.
        exact = [Decimal(str(self.low)) + n * Decimal(str(step)) for n in range(steps + 1)]
        numbers = [int(value) if self.kind == "int" else float(value) for value in exact]
        return (*(() if self.off is None else (self.off,)), *numbers)

    def middle(self) -> Value:
        """What stands for the field where it does not apply and yet needs a value: the first choice, half the range."""
        if self.choices:
            return self.choices[0]
        half = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        if self.kind == "int" or self.step is not None:
            step = self.step or 1
            half = self.low + round((half - self.low) / step) * step
        return int(half) if self.kind == "int" else half

    @property
    def switch(self) -> str:
        """Optuna's name of the on/off switch; no Config field can have it."""
        return f"{self.name}.on"

    def suggest(self, trial: BaseTrial, *, flat: bool = False) -> Value:
        """A value drawn through ``trial``: the switch first, then, if on or flat, a value in the range."""
        if self.choices:
            return cast("Value", trial.suggest_categorical(self.name, self.choices))
        is_on = self.off is None or trial.suggest_categorical(self.switch, (False, True))
        if not is_on and not flat:
            return cast("Value", self.off)
        value: Value
        if self.kind == "int":
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            value = int(trial.suggest_int(self.name, low, high, step=step, log=self.log))
        else:  # some samplers draw NumPy's numbers, which are not of the field's type
            value = float(trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log))
        return value if is_on else cast("Value", self.off)

    def to_optuna(self, value: Value, *, flat: bool = False) -> dict[str, tuple[Value, BaseDistribution]]:
        """The Optuna parameters, with their distributions, that make ``suggest`` return ``value``.

        flat: the range stands beside a switch that is off too, at its middle.
        """
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices:
            return {self.name: (value, CategoricalDistribution(self.choices))}
        drawn: dict[str, tuple[Value, BaseDistribution]] = {}
        if self.off is not None:
            drawn[self.switch] = (value != self.off, CategoricalDistribution((False, True)))
        if value == self.off:
            if not flat:
                return drawn
            value = self.middle()
        if self.kind == "int":
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            return {**drawn, self.name: (value, IntDistribution(low, high, step=step, log=self.log))}
        return {**drawn, self.name: (value, FloatDistribution(self.low, self.high, step=self.step, log=self.log))}

    def __str__(self) -> str:
        if self.choices:
            return f"one of {list(self.choices)}"
        return f"[{self.low}, {self.high}]" + ("" if self.off is None else f" or off = {self.off}")


def to_text(value: object) -> Value:
    """A list or tuple as its JSON text; anything else as it is, also what is no Value."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else cast("Value", value)


def from_text(value: object) -> object:
    """The list that ``to_text`` made a text of; anything else as it is."""
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value
