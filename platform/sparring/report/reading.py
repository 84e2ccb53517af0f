"""A study's folder as one frozen value: trials ranked, outcomes counted, importance and yardsticks measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from ..display import Say, unsaid
from ..errors import NothingToReport
from ..ledger import Reading, attempt_rows, queued_trials, read_looks, read_study, read_trials, spec_from_json
from ..ledger.health import warnings
from ..ledger.looks import test_name
from ..ledger.prospects import prospect
from ..ledger.ranking import best_row, front, is_ranked
from ..ledger.schema import to_trial_rows
from ..records import Objective, Outcome, Prospect, StudySpec, TrialRow
from ..space.dimension import Dimension
from ..space.dimension_toml import read_dimension
from ..space.toml_file import table_of
from ..space.tries import try_names
from ..study.claim import sentences_of
from ..study.fresh_seeds import find_winner
from .held_out import LOSING, HeldOut, together
from .importance import UNMEASURED, Importance, measure_importance
from .yardstick_cache import kept_yardsticks, read_yardsticks
from .yardsticks import Yardstick

FLOOR = "the figure of a perfect model, which nothing has to beat"
"""What a floor is, in a sentence that names it."""

_ORDER = {outcome: index for index, outcome in enumerate(Outcome)}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a study has found so far."""

    folder: Path
    spec: StudySpec
    dimensions: tuple[Dimension, ...]
    trials: tuple[TrialRow, ...]
    """Completed ones by their value, then the rest: by value where they have one, then by outcome."""
    table: pa.Table
    """The same rows as the ledger's columns, after ``rank`` (null unless completed), ``is_baseline`` and ``try`` (a
    name or null); under several objectives ``is_on_front`` too."""
    importance: Importance
    held_out: HeldOut
    yardsticks: tuple[Yardstick, ...] = ()
    """Sorted by their figure, best first; empty where they could not be or were not to be measured."""
    notes: tuple[str, ...] = ()
    """What the reader must know: torn parts, data that could not be loaded."""
    conclusion: tuple[str, ...] = ()
    """What may be claimed by re-trainings on fresh seeds, or that there are none, in sentences; the first leads."""
    queued: frozenset[int] = frozenset()
    """Trials that somebody has put in line by hand while the search ran."""
    apart: tuple[str, ...] = ()
    """Figures that do not compare between trials, since each measures them in data of its own."""

    @property
    def objective(self) -> Objective:
        """The one that leads: trials are ranked by it."""
        return self.spec.objective

    @cached_property
    def front(self) -> tuple[TrialRow, ...]:
        """Under several objectives the completed trials that no other beats in all of them; empty under one."""
        return tuple(front(self.trials, self.spec.objectives)) if len(self.spec.objectives) > 1 else ()

    best: TrialRow | None
    """The winner: by fresh seeds where a race was held, else the first of ``trials``; None if none has completed."""

    @property
    def baseline(self) -> TrialRow | None:
        """Trial 0, the published default; None while it is unfinished."""
        return next((row for row in self.trials if row.trial == 0), None)

    @cached_property
    def tries(self) -> Mapping[int, str]:
        """Names of the points to try first, and of those put in line by hand, by trial number."""
        return try_names(self.spec.space, self.queued)

    @cached_property
    def known(self) -> int:
        """How many trials are given before any is drawn: the published default and the points to try first."""
        return 1 + len(try_names(self.spec.space))

    @cached_property
    def drawn(self) -> tuple[TrialRow, ...]:
        """The trials without those put in line by hand, from which nothing follows for what draws would bring."""
        return tuple(row for row in self.trials if row.trial not in self.queued)

    @property
    def is_endless(self) -> bool:
        """Whether no number of trials tries all of the space."""
        return not all(dimension.is_countable for dimension in self.dimensions)

    @cached_property
    def prospect(self) -> Prospect | None:
        """What as many drawn trials again would bring; None where too few have ended, or the space has an end."""
        if not self.is_endless:
            return None
        return prospect(self.drawn, self.objective, known=self.known, best=best_row(self.trials, self.objective))

    @property
    def outcomes(self) -> Mapping[Outcome, int]:
        """Finished trials by outcome, in the order of ``Outcome``."""
        counts = Counter(row.outcome for row in self.trials)
        return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}

    @property
    def rivals(self) -> tuple[Yardstick, ...]:
        """The yardsticks without the floor, which no trial has to beat."""
        return tuple(yardstick for yardstick in self.yardsticks if not yardstick.is_floor)

    @property
    def stronger(self) -> tuple[Yardstick, ...]:
        """The yardsticks that the best trial loses to: on the test rows, if it was scored there."""
        best, sign = self.best, self.objective.sign
        if self.held_out.verdict(self.rivals):
            return self.held_out.stronger(self.rivals)
        if best is None or best.value is None:
            return ()
        figures = [(rival, rival.figure(self.objective.metric)) for rival in self.rivals]
        return tuple(rival for rival, value in figures if value is not None and sign * value < sign * best.value)

    @property
    def verdict(self) -> str:
        """The winner against the yardsticks, in a sentence or two; empty without either."""
        if self.best is None or not self.rivals:
            return ""
        if on_test_rows := self.held_out.verdict(self.rivals):
            return f"{on_test_rows}{self._above_floor}"
        named = [f"{rival.name} ({rival.figure(self.objective.metric):.4g})" for rival in self.stronger or self.rivals]
        start = f"The best trial ({self.best.value:.4g})"
        if not self.stronger:
            return f"{start} beats every yardstick; the closest is {named[0]}.{self._above_floor}"
        return f"{start} loses to {together(named)}. {LOSING}{self._above_floor}"

    @property
    def _above_floor(self) -> str:
        """What the floor is, where the best trial has not reached it; empty without one."""
        metric, tested = self.held_out.metric, self.held_out.figure(self.best)
        for floor in self.yardsticks:
            ours = None if self.best is None else self.best.value
            theirs = floor.figure(self.objective.metric)
            if tested is not None and metric in floor.test:
                ours, theirs = tested.value, floor.test[metric].value
            if floor.is_floor and ours is not None and theirs is not None and self.objective.sign * (ours - theirs) > 0:
                return f" It is above the floor ({floor.name.removeprefix('floor: ')}: {theirs:.4g}), {FLOOR}."
        return ""


def read_report(
    folder: Path, *, yardsticks: bool = True, cached: bool = False, importance: bool = True, say: Say = unsaid
) -> Report:
    """Reads a study, also while it is being searched; never writes but to cache the yardsticks.

    cached: without measuring yardsticks, those that an earlier report has measured. importance: measure that of
    hyperparameters, which takes seconds. say: hears what is being done, for
    those who wait.

    Raises NothingToReport if no trial has finished, UnknownName if the folder holds no study.
    """
    folder = Path(folder)
    study = read_study(folder)
    spec = spec_from_json(study["spec"])
    reading = read_trials(folder)
    rows = to_trial_rows(reading.table)  # of the same look: a trial may end meanwhile
    if not rows:
        raise NothingToReport(_nothing(spec, len({row.trial for row in attempt_rows(folder)}), reading.torn))
    objective = spec.objective
    ranked = sorted(rows, key=lambda row: _key(row, objective))
    dimensions = tuple(
        read_dimension(name, table, f"{spec.name}/study.json: search.{name}")
        for name, table in table_of(spec.space, "search").items()
    )
    notes = [f"left out, torn: {part}" for part in reading.torn]
    apart: tuple[str, ...] = ()
    if any(dimension.option for dimension in dimensions):
        from ..study.searched_data import comparison_of

        apart, comparison = comparison_of(spec)
        notes += comparison
    best = find_winner(folder, rows)
    held_out = HeldOut(
        objective=objective,
        looks=read_looks(folder),
        rows=study.get("rows", {}).get("test", 0),
        ended=len(rows),
        split=spec.split,
        best=None if best is None else best.trial,
    )
    queued = queued_trials(folder)
    measured: Sequence[Yardstick] = ()
    if yardsticks and best is not None:
        measured, complaints = read_yardsticks(folder, study, spec, best, tests=held_out.look is not None, say=say)
        notes += complaints
    elif cached and best is not None:
        measured = kept_yardsticks(folder, study, spec, best, tests=held_out.look is not None)
    if best is not None:
        notes += [f"health of trial {best.trial}: {words}" for words in warnings(best.metrics)]
    shown = [yardstick for yardstick in measured if yardstick.figure(objective.metric) is not None]
    if measured and not shown:
        notes.append(f"no yardsticks: those of {spec.model} say nothing about {objective.metric}")
    return Report(
        folder=folder,
        spec=spec,
        dimensions=dimensions,
        trials=tuple(ranked),
        best=best,
        table=_rank_table(reading, ranked, spec, held_out, queued),
        importance=measure_importance(ranked, dimensions, objective, spec.seed) if importance else UNMEASURED,
        held_out=held_out,
        yardsticks=tuple(sorted(shown, key=lambda shown: objective.sign * (shown.figure(objective.metric) or 0.0))),
        notes=tuple(notes),
        conclusion=sentences_of(folder),
        queued=queued,
        apart=apart,
    )


def _key(row: TrialRow, objective: Objective) -> tuple[bool, bool, float, int, int]:
    has_value = row.value is not None and math.isfinite(row.value)
    value = objective.sign * (row.value or 0.0) if has_value else 0.0
    return (not is_ranked(row), not has_value, value, _ORDER[row.outcome], row.trial)


def _rank_table(
    reading: Reading, ranked: Sequence[TrialRow], spec: StudySpec, held_out: HeldOut, queued: frozenset[int]
) -> pa.Table:
    row_of = {trial: index for index, trial in enumerate(reading.table["trial"].to_pylist())}
    table = reading.table.take(pa.array([row_of[row.trial] for row in ranked], pa.int64()))
    ranks = pa.array([index + 1 if is_ranked(row) else None for index, row in enumerate(ranked)], pa.int64())
    table = table.add_column(0, "rank", ranks)
    table = table.add_column(1, "is_baseline", pa.array([row.trial == 0 for row in ranked]))
    names = try_names(spec.space, queued)
    table = table.add_column(2, "try", pa.array([names.get(row.trial) for row in ranked], pa.string()))
    if len(spec.objectives) > 1:
        best = {row.trial for row in front(ranked, spec.objectives)}
        table = table.add_column(2, "is_on_front", pa.array([row.trial in best for row in ranked]))
    if held_out.look is None:
        return table
    for metric in reversed([test_name(objective.metric) for objective in spec.objectives]):
        figures = [held_out.figure(row, metric) for row in ranked]
        for end in ("high", "low", "value"):
            column = pa.array([figure and getattr(figure, end) for figure in figures], pa.float64())
            table = table.add_column(1, metric if end == "value" else f"{metric} {end}", column)
    return table


def _nothing(spec: StudySpec, begun: int, torn: Sequence[str]) -> str:
    running = f"{begun} begun" if begun else "none begun"
    damage = f"; {len(torn)} torn parts were left out" if torn else ""
    return (
        f"study {spec.name}: no trial has finished yet ({running}){damage}; "
        f"wait, or search on with the same command as before"
    )
