"""Options of the data that a search varies: their defaults, and what keeps the figures of its trials comparable.

Every trial has the same rows and splits them alike, and no searched option changes a field in which an objective is
measured. ``data/variants.py`` makes the sets; here is what is checked before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..data.cards import complaint_of, options_of, read_card
from ..data.dataset import Dataset
from ..data.variants import Source, changes_of, checksums
from ..errors import DataError, SpaceError, SparringError, refuse_unknown
from ..metrics import find_metric
from ..models import find_config
from ..records import StudySpec, Value
from ..space import Space, table_of
from ..space.dimension import OPTION, Dimension

if TYPE_CHECKING:
    from ..models.config import Config

UNEVEN = 0.381966
"""Where in a range without steps a value is tried that is no whole number."""


def with_data_defaults(raw: Mapping[str, object], dataset: str, where: str) -> dict[str, object]:
    """A copy in which trial 0 has the card's or the reader's value of every searched option of the data.

    What [defaults] says stays. Raises SpaceError for an option that the reader does not have, and what ``read_card``
    and ``options_of`` raise; nothing where no option is searched.
    """
    search = table_of(raw, "search")
    options = [name.removeprefix(OPTION) for name in search if name.startswith(OPTION)]
    if not options:
        return dict(raw)
    own = options_of(read_card(dataset), table_of(raw, "data")).model_dump(mode="json")
    refuse_unknown(options, own, f"{where}: search", f"option of {dataset}'s data")
    found = {f"{OPTION}{option}": own[option] for option in options if own[option] is not None}
    return {**raw, "defaults": {**found, **table_of(raw, "defaults")}}


def check_searched_data(space: Space[Config]) -> None:
    """Raises SpaceError if trials under the searched options of the data would not compare, or the reader refuses one.

    What is checked is what the reader declares; ``source_of`` looks at the data.
    """
    for dimension in searched_options(space):
        where, option = f"{space.where}: search.{dimension.name}", dimension.option
        changes = changes_of(space.dataset)
        if option not in changes:
            others = ", ".join(changes) or "none"
            raise SpaceError(
                f"{where}: all trials train and validate on the same rows, but {option} says which rows there are; fix "
                f"it under [data]; options of {space.dataset} that may be searched: {others}"
            )
        for objective in space.objectives:
            touched = set(changes[option]) & set(space.config_class.measured_in(objective.metric))
            if touched:
                fit = ", ".join(_comparable(space, set(changes[option]))) or "none"
                raise SpaceError(
                    f"{where}: it changes the {' and the '.join(sorted(touched))}, in which {objective.metric} is "
                    f"measured, so trials would not compare; fix it under [data], or search by another objective; "
                    f"those that compare: {fit}"
                )
        for value in _probed(dimension):
            given = {**space.data, option: dimension.decode(value)}
            if complaint := complaint_of(read_card(space.dataset), given, option):
                raise SpaceError(
                    f"{where}: the data of {space.dataset} refuse {value!r}: {complaint}; narrow the range, or give it "
                    "a step"
                )


def source_of(spec: StudySpec, space: Space[Config], data: Dataset) -> Source | None:
    """How slots make the data of their trials; None if all trials have the same. data: that of trial 0."""
    if not space.searches_data:
        return None
    changed, fields = _changed(space), space.config_class.fields
    return Source(
        dataset=spec.dataset, path=spec.data_path, options=dict(spec.data_options), split=spec.split, fields=fields,
        common=checksums(data, [name for name in fields if name not in changed]),
    )  # fmt: skip


def try_source(source: Source, space: Space[Config]) -> None:
    """Makes the data once at the low ends of the ranges, which is seldom more work than trial 0's.

    Raises DataError if that cannot be done.
    """
    ends = {dimension.name: _other_end(dimension, space.baseline()) for dimension in searched_options(space)}
    options = space.data_options(space.complete(ends))
    try:
        options_of(read_card(source.dataset), options)
    except DataError:  # these ends do not go together; each by itself does
        name, end = next(iter(ends.items()))
        options = space.data_options(space.complete({name: end}))
    source.load(options)


def spoilt_figures(space: Space[Config]) -> list[str]:
    """Validation figures that do not compare between trials, because an option changes what they are measured in."""
    if not space.searches_data:
        return []
    changed = _changed(space)
    figures = [name for name in space.config_class.emitted() if name.startswith("val/")]
    return [name for name in figures if changed & set(space.config_class.measured_in(name))]


def comparison_note(space: Space[Config]) -> str | None:
    """Which figures of the trials do not compare, in a sentence; None if all do."""
    if not (spoilt := spoilt_figures(space)):
        return None
    named = ", ".join(dimension.name for dimension in searched_options(space))
    return f"{named} differ from trial to trial, so these figures do not compare between trials: {', '.join(spoilt)}"


def comparison_of(spec: StudySpec) -> tuple[tuple[str, ...], list[str]]:
    """``spoilt_figures`` and ``comparison_note`` of a study; also if its card or its system are gone."""
    try:
        space = Space(spec.space, find_config(spec.model))
        spoilt, note = tuple(spoilt_figures(space)), comparison_note(space)
    except SparringError as error:
        return (), [f"which figures compare between trials cannot be told: {error}"]
    return spoilt, [] if note is None else [note]


def searched_options(space: Space[Config]) -> Iterator[Dimension]:
    """The dimensions that are options of the data."""
    return (dimension for dimension in space.dimensions if dimension.option)


def _changed(space: Space[Config]) -> set[str]:
    """The fields that the searched options change."""
    changes = changes_of(space.dataset)
    return {field for dimension in searched_options(space) for field in changes.get(dimension.option, ())}


def _comparable(space: Space[Config], changed: set[str]) -> list[str]:
    """Figures that could be objectives beside options that change these fields."""
    config_class = space.config_class
    goals = {name: find_metric(name).goal for name in config_class.emitted()}
    return [
        name for name, goal in goals.items() if goal != "none" and not changed & set(config_class.measured_in(name))
    ]


def _probed(dimension: Dimension) -> Iterator[Value]:
    """Values that tell whether a reader takes the whole range: its ends, and one between them."""
    yield from dimension.edges()
    if dimension.choices:
        return
    if dimension.kind == "int":
        yield int(dimension.low + (dimension.step or 1))
    else:
        yield dimension.low + (dimension.step or UNEVEN * (dimension.high - dimension.low))


def _other_end(dimension: Dimension, baseline: Mapping[str, Value]) -> Value:
    """The first value that is not trial 0's."""
    return next(value for value in dimension.edges() if value != baseline.get(dimension.name))
