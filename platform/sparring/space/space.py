"""A search space: which fields of a model's Config the search varies, and how.

Built from a TOML file's dict (``toml_file.py``) and the model's Config class. It draws values through an Optuna
trial, translates finished ones back, knows which ones break a constraint, and makes the Config of a trial. It samples
nothing by itself and holds no study.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import SpaceError, refuse_unknown, rule_of, sentence
from ..records import RUNGS, Kind, Objective, Value
from .constraints import Constraint, read_constraints
from .dimension import OPTION, Dimension
from .dimension_toml import read_dimension
from .objectives import read_objectives
from .toml_file import table_of
from .tries import Try, read_tries

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial


C_co = TypeVar("C_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True, eq=False)
class Space(Generic[C_co]):
    """A search space. ``checks.checked_space`` makes one from a user's file; this constructor checks nothing.

    ``raw`` is the TOML's dict, ``config_class`` the model's Config, ``where`` what messages call the file.
    """

    raw: Mapping[str, object]
    config_class: type[C_co]
    where: str = "search space"
    said: Mapping[str, str] = field(default_factory=dict)
    """Flags of the command line by what they set: ``fixed.epochs`` by ``--set epochs=3``; messages name these."""

    def place(self, table: str, name: str = "") -> str:
        """What messages call a value: the flag that the user typed, else the file and where in it."""
        key = f"{table}.{name}" if name else table
        return self.said.get(key, f"{self.where}: {key}")

    def without_model(self) -> Space[BaseModel]:
        """The same space for one who draws, translates and begins with the baseline, but makes no Config.

        It holds no class of the model's, so a process that receives it imports no torch: the referee starts a second
        sooner and takes 200 MB less.
        """
        unsearched = {name: self._default_of(name) for name in self._spoken if name in self.config_class.model_fields}
        raw = {**self.raw, "defaults": {**unsearched, **self.table("defaults"), **self.baseline()}}
        if self.tries:
            raw["try"] = [{"name": each.name, "source": each.source, "values": each.params} for each in self.tries]
        return Space(raw, BaseModel, self.where)

    @property
    def model(self) -> str:
        return str(self.raw["model"])

    @property
    def dataset(self) -> str:
        return str(self.raw["dataset"])

    @property
    def split(self) -> str | None:
        split = self.raw.get("split")
        return None if split is None else str(split)

    @property
    def seed(self) -> int | None:
        """A pinned configuration's seed; None in a space."""
        seed = self.raw.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def rungs(self) -> int:
        """How many rungs successive halving has: at epochs/3, epochs/9, …"""
        rungs = self.raw.get("rungs", RUNGS)
        return rungs if isinstance(rungs, int) else RUNGS

    @property
    def data(self) -> Mapping[str, object]:
        """Options of the data set's reader; the reader checks them."""
        return self.table("data")

    @property
    def fixed(self) -> Mapping[str, object]:
        return self.table("fixed")

    @property
    def searches_data(self) -> bool:
        """Whether any option of the data is searched, so that not all trials train on the same values."""
        return any(dimension.option for dimension in self.dimensions)

    def data_options(self, params: Mapping[str, Value]) -> dict[str, object]:
        """Options of the data set's reader for a trial: [data], and those of ``params``."""
        drawn = {dimension.option: dimension.decode(value) for dimension, value in self._applied(params)}
        return {**self.data, **{option: value for option, value in drawn.items() if option}}

    @property
    def given(self) -> dict[str, object]:
        """What every trial has, by the names that conditions use: [fixed], and [data] as ``data.NAME``."""
        return {**self.fixed, **{f"{OPTION}{name}": value for name, value in self.data.items()}}

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        return read_objectives(self.raw.get("objectives"), self.place("objectives"))

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """What must hold between the values of every configuration. Raises SpaceError if the file's are malformed."""
        return read_constraints(self.raw.get("constraints", []), f"{self.where}: constraints")

    @cached_property
    def _spoken(self) -> frozenset[str]:
        """Names that constraints speak of."""
        return frozenset(name for constraint in self.constraints for name in constraint.names)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """What is searched, each after those its ``when`` names; otherwise as written."""
        written = {
            name: read_dimension(name, table, self.place("search", name))
            for name, table in self.table("search").items()
        }
        parents = {
            name: [parent for parent in dimension.when if parent in written] for name, dimension in written.items()
        }
        try:
            return tuple(written[name] for name in TopologicalSorter(parents).static_order())
        except CycleError as error:
            circle = " needs ".join(reversed(error.args[1]))
            raise SpaceError(f"{self.where}: search: `when` runs in a circle: {circle}; drop one of them") from error

    @cached_property
    def tries(self) -> tuple[Try, ...]:
        """Points to try first: trial 1 takes the first. Raises SpaceError if the file's [[try]] are no such points."""
        return read_tries(self.raw.get("try", []), self.where, self.kinds, self.complete)

    @property
    def first(self) -> int:
        """How many trials a study begins with before it draws any: the baseline and the tries."""
        return 1 + len(self.tries)

    @property
    def known(self) -> tuple[Mapping[str, Value], ...]:
        """The parameters of those trials, in their order."""
        return (self.baseline(), *(point.params for point in self.tries))

    @property
    def kinds(self) -> dict[str, Kind]:
        """The column type of each searched field."""
        return {dimension.name: dimension.kind for dimension in self.dimensions}

    def baseline(self) -> dict[str, Value]:
        """The published default, as far as it is searched: [defaults], else the Config's own; trial 0."""
        return self.complete({})

    def complete(self, values: Mapping[str, object]) -> dict[str, Value]:
        """A trial's parameters: ``values``, and the default of every other searched field.

        A value that does not apply beside those before it is left out. Whether one lies in its range is not asked.
        """
        params: dict[str, Value] = {}
        for dimension in self.dimensions:
            if dimension.applies({**self.given, **params}):
                given = dimension.name in values
                params[dimension.name] = dimension.cast(values[dimension.name]) if given else self._default(dimension)
        return params

    def default_config(self) -> C_co:
        """The Config of trial 0. Raises SpaceError if the model refuses the combination."""
        return self.config(self.baseline())

    def suggest(self, trial: BaseTrial, *, flat: bool = False) -> dict[str, Value]:
        """Draws one configuration, define-by-run; a value that does not apply is neither drawn nor returned.

        flat: such a value is drawn too, so that every trial has the same Optuna parameters, and still not returned.
        """
        params: dict[str, Value] = {}
        for dimension in self.dimensions:
            if dimension.applies({**self.given, **params}):
                params[dimension.name] = dimension.suggest(trial, flat=flat)
            elif flat:
                dimension.suggest(trial, flat=True)
        return params

    def to_optuna(
        self, params: Mapping[str, Value], *, flat: bool = False
    ) -> tuple[dict[str, Value], dict[str, BaseDistribution]]:
        """The Optuna parameters (on/off switches too) and distributions under which ``suggest`` draws ``params``.

        For ``optuna.trial.create_trial`` and, the first alone, ``study.enqueue_trial``. flat: as in ``suggest``; what
        does not apply has the middle of its range. Raises SpaceError if a value is out of range, missing, or given
        where it does not apply.
        """
        drawn: dict[str, tuple[Value, BaseDistribution]] = {}
        for dimension, value in self._applied(params):
            if not dimension.contains(value):
                raise SpaceError(f"{self.where}: search.{dimension.name}: {value!r} lies outside {dimension}")
            drawn |= dimension.to_optuna(dimension.cast(value), flat=flat)
        if flat:
            for dimension in self.dimensions:
                if dimension.name not in params:
                    drawn |= dimension.to_optuna(
                        dimension.middle() if dimension.off is None else dimension.off, flat=True
                    )
        values = {name: value for name, (value, _) in drawn.items()}
        return values, {name: distribution for name, (_, distribution) in drawn.items()}

    def broken(self, params: Mapping[str, Value]) -> str | None:
        """The first constraint that a configuration breaks, with the values that it speaks of; None if it keeps all."""
        if not self.constraints:
            return None
        values = self.spoken(params)
        for constraint in self.constraints:
            if not constraint.holds(values):
                return f"{constraint.text!r} does not hold for {constraint.spoken(values)}"
        return None

    def spoken(self, params: Mapping[str, Value]) -> dict[str, object]:
        """The values of a configuration that constraints may speak of: the Config's, and the data's as data.NAME."""
        known = {name: self._default_of(name) for name in self._spoken if name in self.config_class.model_fields}
        options = {f"{OPTION}{name}": value for name, value in self.data_options(params).items()}
        return {**known, **self.values(params), **options}

    def config(self, params: Mapping[str, Value]) -> C_co:
        """The model's Config of a trial. Raises SpaceError if it breaks a constraint, or the model refuses it."""
        if (broken := self.broken(params)) is not None:
            raise SpaceError(f"{self.where}: constraints: {broken}")
        try:
            return self._validate(self.values(params))
        except ValidationError as error:
            raise SpaceError(f"{self.where}: {self.config_class.__qualname__} refuses {sentence(error)}") from error

    def values(self, params: Mapping[str, Value]) -> dict[str, object]:
        """Config fields of a trial: [defaults], [fixed] and ``params``, which must be those that apply."""
        drawn = {dimension.name: dimension.decode(value) for dimension, value in self._applied(params)}
        return _of_config({**self.table("defaults"), **self.fixed, **drawn})

    def fingerprint(self) -> str:
        """SHA-256 of what is searched, minimised, constrained and tried first.

        The order of keys and choices, 1 beside 1.0, and what a try is called do not count.
        """
        search = [{**asdict(dimension), "choices": sorted(dimension.choices, key=str)} for dimension in self.dimensions]
        for each in search:
            del each["is_list"]  # the Config decides it, and fingerprints older than lists stay what they are
        meaning: dict[str, object] = {
            "model": self.model,
            "objectives": [asdict(objective) for objective in self.objectives],
            "fixed": self.fixed,
            "baseline": self.baseline(),
            "search": sorted(search, key=lambda each: str(each["name"])),
        }
        if self.constraints:
            meaning["constraints"] = sorted({constraint.plain for constraint in self.constraints})
        if self.rungs != RUNGS:
            meaning["rungs"] = self.rungs
        if self.tries:  # fingerprints of spaces without any stay what they were before there were tries
            meaning["tries"] = [each.params for each in self.tries]
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()

    def table(self, name: str) -> Mapping[str, object]:
        """A table of the file; empty if it is not there."""
        return table_of(self.raw, name)

    def _default_of(self, name: str) -> object:
        """A field's own default; None where it has none, or the class is not the model's."""
        field = self.config_class.model_fields[name]
        return None if field.is_required() else field.get_default(call_default_factory=True)

    def _default(self, dimension: Dimension) -> Value:
        if dimension.name in self.table("defaults"):
            return dimension.cast(self.table("defaults")[dimension.name])
        field = self.config_class.model_fields.get(dimension.name)  # None: the reader's, which is not known here
        if field is None or field.is_required():
            raise SpaceError(f"{self.where}: search.{dimension.name}: has no default; set one under [defaults]")
        return dimension.cast(field.get_default(call_default_factory=True))

    def _validate(self, values: Mapping[str, object]) -> C_co:
        # Strict JSON: "1e-3" is no number and true no integer, while a TOML array may fill a tuple.
        return self.config_class.model_validate_json(json.dumps(values), strict=True)

    def complaint(self, name: str, value: object) -> str:
        """What the Config says against one field's value, whatever it says of the others. It knows no data."""
        try:
            self._validate(_of_config({**self.table("defaults"), **self.fixed, name: value}))
        except ValidationError as error:
            return next((rule_of(broken) for broken in error.errors() if broken["loc"][:1] == (name,)), "")
        return ""

    def _applied(self, params: Mapping[str, Value]) -> Iterator[tuple[Dimension, Value]]:
        refuse_unknown(params, set(self.kinds), self.where, "searched field")
        for dimension in self.dimensions:
            applies = dimension.applies({**self.given, **params})
            if applies != (dimension.name in params):
                state = "applies but has no value" if applies else f"does not apply but is {params[dimension.name]!r}"
                raise SpaceError(f"{self.where}: search.{dimension.name}: {state}")
            if applies:
                yield dimension, params[dimension.name]


def _of_config(values: Mapping[str, object]) -> dict[str, object]:
    """The values without options of the data."""
    return {name: value for name, value in values.items() if not name.startswith(OPTION)}
