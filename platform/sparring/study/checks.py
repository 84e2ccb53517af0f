"""What is checked of a study before anything starts: its words, its objectives, its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data.cards import complaint_of, read_card, reader_of
from ..errors import SpaceError, UnknownName, UsageError, names_hint
from ..metrics import find_metric
from ..records import PRUNERS, SAMPLERS, StudySpec
from ..space.dimension import OPTION
from .feasibility import AS_MANY_AS_FIT

if TYPE_CHECKING:
    from ..data import Card, Dataset
    from ..models.config import Config
    from ..space import Space
    from .asked_space import AskedSpace


def check_names(spec: StudySpec) -> None:
    """Raises UsageError if there is no sampler or no pruner of the name."""
    for flag, name, known in (("sampler", spec.sampler, SAMPLERS), ("pruner", spec.pruner, PRUNERS)):
        if name not in known:
            raise UsageError(f"--{flag}: no {flag} {name!r}; {names_hint(name, known)}")


MOST_OBJECTIVES_OF_GP = 3
"""By two objectives gp took 1.3 s for a draw of six values, by three 2.1, by four 4.8, and by five 40 draws did not end
in four minutes."""


def check_sampler(spec: StudySpec, space: Space[Config]) -> None:
    """Raises UsageError if the sampler cannot search by so many objectives, or has nothing to draw in this space."""
    count = len(spec.objectives)
    if spec.sampler == "cmaes" and count > 1:
        raise UsageError(
            f"--sampler: cmaes searches by one objective, but there are {count}; keep one, or take another --sampler"
        )
    if spec.sampler == "gp" and count > MOST_OBJECTIVES_OF_GP:
        raise UsageError(
            f"--sampler: gp searches by {MOST_OBJECTIVES_OF_GP} objectives at most, but there are {count}; keep fewer, "
            "or take another --sampler"
        )
    if spec.sampler == "cmaes" and all(dimension.choices for dimension in space.dimensions):
        raise UsageError(
            "--sampler: cmaes searches ranges, but every field of this space is a choice; take another --sampler"
        )


def sampling_notes(spec: StudySpec, space: Space[Config]) -> tuple[str, ...]:
    """What a user of the sampler would not expect, one sentence each."""
    if spec.sampler == "cmaes":
        named = [
            each.name if each.choices else each.switch
            for each in space.dimensions
            if each.choices or each.off is not None
        ]
        return (f"cmaes draws ranges alone; by TPE, each by itself, are drawn: {', '.join(named)}",) if named else ()
    return ()


ONE_OBJECTIVE = ("patient", "wilcoxon")
"""Pruners that look at a curve of one figure; the others compare trials by several too."""


def check_metrics(asked: AskedSpace, config_class: type[Config]) -> None:
    """Raises UnknownName if an objective is none that the model measures, with those it does."""
    own = {name: find_metric(name) for name in config_class.emitted()}
    tables = asked.raw.get("objectives")
    for index, table in enumerate(tables if isinstance(tables, list) else ()):
        name = table.get("metric") if isinstance(table, dict) else None
        if isinstance(name, str) and name not in own:
            written = f"{asked.where}: objectives[{index}].metric"
            place = f"--objective {name}" if "objectives" in asked.said else written
            known = [each for each, metric in own.items() if metric.goal != "none"]
            model = asked.raw.get("model")
            raise UnknownName(f"{place}: {model} does not measure {name}; {names_hint(name, known)}")


def check_settings(space: Space[Config]) -> None:
    """Raises SpaceError if the data set's reader does not have an option of the command line, or refuses its value."""
    card = read_card(space.dataset)
    for name, value in space.data.items():
        if f"{OPTION}{name}" not in space.said:
            continue
        place, known = space.place(f"{OPTION}{name}"), reader_of(card).Options.model_fields
        if name not in known:
            raise SpaceError(f"{place}: {space.dataset} has no option {name!r}; {names_hint(name, list(known))}")
        if complaint := complaint_of(card, space.data, name):
            raise SpaceError(f"{place}: the data of {space.dataset} refuse {value!r}: {complaint}")


def check_objectives(space: Space[Config], pruner: str) -> None:
    """Raises UsageError if the model does not measure one, or the pruner cannot compare trials by several."""
    config_class = space.config_class
    for field in (config_class.ood, config_class.ood_path):
        if field in space.kinds:
            raise UsageError(
                f"{space.where}: search.{field}: every trial is compared with the same out-of-distribution set; "
                "move it to [fixed]"
            )
    measured = [find_metric(name) for name in config_class.emitted()]
    for objective in space.objectives:
        if objective.metric not in {metric.name for metric in measured}:
            named = ", ".join(metric.name for metric in measured if metric.goal != "none")
            raise UsageError(
                f"{space.place('objectives')}: {space.model} does not measure {objective.metric}; there are: {named}"
            )
        needed = config_class.optional.get(objective.metric)
        if needed is not None and (needed in space.kinds or not getattr(space.default_config(), needed)):
            raise UsageError(
                f"{space.place('objectives')}: {objective.metric} is measured only where {needed} is set, for all "
                f"trials alike; add --set {needed}=…"
            )
    if len(space.objectives) > 1 and pruner in ONE_OBJECTIVE:
        named = ", ".join(objective.metric for objective in space.objectives)
        raise UsageError(
            f"--pruner: {pruner} looks at the curve of one objective, but there are {named}; keep one, or take another "
            "--pruner such as halving"
        )


def check_slots(spec: StudySpec) -> None:
    """Raises UsageError if there is no slot; ``AS_MANY_AS_FIT`` is a number of slots."""
    if spec.slots < 1 and spec.slots != AS_MANY_AS_FIT:
        raise UsageError(f"--slots: a search needs at least 1 slot, but got {spec.slots}")


def check_writable(folder: Path, flag: str = "--results") -> None:
    """Raises UsageError if a folder, which need not exist, could not be made or written. flag: how the user says it."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir():
        raise UsageError(f"{flag}: {existing} is a file, not a folder; choose another folder with {flag} DIR")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"{flag}: {existing} cannot be written to; choose another folder with {flag} DIR")


def smallest_batch(space: Space[Config]) -> int:
    """Samples in the smallest batch the space can draw."""
    for dimension in space.dimensions:
        if dimension.name == "batch_size":
            return min(int(edge) for edge in dimension.edges())
    return space.default_config().batch_size


STEP_UNIT = "eV"
UNEVEN = 0.05
"""Share of a step by which a point may lie elsewhere: the iron set's energies are rounded to a hundredth of an eV."""


def check_steps(config: Config, where: str, data: Dataset, card: Card) -> None:
    """Raises UsageError if the set's axis has another unit or other steps than ``config`` says, or uneven ones.

    where: what messages call the file. card: the set's.
    """
    for name, field in config.steps.items():
        step, axis = getattr(config, name), data.axes.get(field)
        if step is None or axis is None:
            continue
        told = card.fields[field].axis if field in card.fields else None
        if told is not None and STEP_UNIT not in told.replace(",", " ").split():
            raise UsageError(
                f"{where}: {name} is in {STEP_UNIT}, but the axis of {field} in data set {data.name} is the {told}; "
                "leave it out"
            )
        even = np.linspace(axis[0], axis[-1], len(axis))
        found = (axis[-1] - axis[0]) / max(len(axis) - 1, 1)
        if np.abs(axis - even).max() > UNEVEN * abs(found):
            raise UsageError(
                f"{where}: {name} needs points at even steps, but those of {field} in data set {data.name} are uneven; "
                "leave it out"
            )
        if abs(step - found) > UNEVEN * abs(found):
            raise UsageError(
                f"{where}: {name}: the points of {field} in data set {data.name} lie {found:.4g} apart, but got "
                f"{step:.4g}; set it to {found:.4g}"
            )
