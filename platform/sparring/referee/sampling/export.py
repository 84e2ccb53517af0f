"""A study as Optuna's own storage keeps one, for Optuna's tools; written from the ledger, and never read back."""

from __future__ import annotations

import math
import re
import warnings
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pyarrow.compute as pc
from optuna.trial import TrialState

from ...errors import UsageError
from ...ledger import (
    is_locked,
    read_attempts,
    read_epochs,
    read_looks,
    read_study,
    read_trials,
    spec_from_json,
)
from ...ledger.ranking import is_ranked, values_of
from ...ledger.schema import to_attempt_rows, to_trial_rows
from ...records import QUEUED, AttemptRow, Outcome, StudySpec, TrialRow, Value
from ...space import table_of, try_names
from ...space.dimension import Dimension
from ...space.dimension_toml import read_dimension

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

FLAG = "--optuna"

_STATES = {Outcome.COMPLETED: TrialState.COMPLETE, Outcome.PRUNED: TrialState.PRUNED}
"""Of what ended otherwise, Optuna says that it failed; how, stands in the trial's user attribute ``outcome``."""


def export_study(folder: Path, address: str, name: str | None = None) -> int:
    """Writes the study in ``folder`` into the storage at ``address``, ``sqlite:///study.db``; returns its trials.

    name: what the study is called there, by default as here. A switch beside a range is a parameter ``NAME.on``, as the
    samplers draw it. Raises UsageError if the storage cannot be opened, or has a study of that name; nothing is left of
    one that could not be written whole. Raises as ``read_trials``.
    """
    begun = _Begun.read(folder)
    trials = [begun.frozen(number) for number in begun.numbers]  # before anything is written
    called = name or begun.spec.name
    storage = _open(address)
    try:
        try:
            made = optuna.create_study(
                storage=storage, study_name=called, directions=[each.goal for each in begun.spec.objectives]
            )
        except optuna.exceptions.DuplicatedStudyError as error:
            raise UsageError(
                f"{FLAG} {_spoken(address)}: it has a study {called!r} already; give this one another --name, or name "
                "another storage"
            ) from error
        try:
            for key, value in begun.about().items():
                made.set_user_attr(key, value)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                made.set_metric_names([each.metric for each in begun.spec.objectives])
            made.add_trials(trials)
        except BaseException:
            optuna.delete_study(study_name=called, storage=storage)
            raise
    finally:
        storage.remove_session()
        storage.engine.dispose()
    return len(trials)


def _open(address: str) -> RDBStorage:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.storages.RDBStorage(address)
    except Exception as error:  # those of SQLAlchemy and of any driver, which are Optuna's own affair
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"{FLAG} {_spoken(address)}: wants the address of a database, such as sqlite:///study.db, but: "
            f"{_spoken(words)}"
        ) from error


def _spoken(text: str) -> str:
    """A text in which no address has its password."""
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)


@dataclass(frozen=True)
class _Begun:
    """Every trial that was begun, as far as it is known."""

    spec: StudySpec
    versions: Mapping[str, str]
    dimensions: tuple[Dimension, ...]
    ended: Mapping[int, TrialRow]
    attempts: Mapping[int, AttemptRow]
    """The last of each trial."""
    started: Mapping[int, datetime]
    """When its first attempt began, by trial; finished: when it ended."""
    finished: Mapping[int, datetime]
    curves: Mapping[int, Mapping[int, float]]
    """The leading objective by trial and epoch."""
    tested: Mapping[int, Mapping[str, float]]
    """Figures on the test rows, by trial and name."""
    is_searched: bool
    """Is a process searching this study now?"""

    @classmethod
    def read(cls, folder: Path) -> _Begun:
        document = read_study(folder)
        spec = spec_from_json(document["spec"])
        trials, attempts = read_trials(folder).table, read_attempts(folder).table
        started: dict[int, datetime] = {}
        for trial, moment in zip(attempts["trial"].to_pylist(), attempts["started"].to_pylist(), strict=True):
            started.setdefault(trial, moment)
        curves: dict[int, dict[int, float]] = defaultdict(dict)
        lines = read_epochs(folder, pc.field("metric") == spec.objective.metric).table.sort_by("attempt")
        for trial, epoch, value in zip(*(lines[name].to_pylist() for name in ("trial", "epoch", "value")), strict=True):
            curves[trial][epoch] = math.nan if value is None else value
        looks = read_looks(folder)
        tested = {} if not looks else {
            trial: {name: each.value for name, each in figures.items()}
            for trial, figures in ((0, looks[-1].default), (looks[-1].trial, looks[-1].winner))
        }  # fmt: skip
        return cls(
            spec=spec,
            versions=document.get("versions", {}),
            dimensions=tuple(
                read_dimension(name, table, f"{spec.name}/study.json: search.{name}")
                for name, table in table_of(spec.space, "search").items()
            ),
            ended={row.trial: row for row in to_trial_rows(trials)},
            attempts={row.trial: row for row in to_attempt_rows(attempts)},
            started=started,
            finished=dict(zip(trials["trial"].to_pylist(), trials["ended"].to_pylist(), strict=True)),
            curves=curves,
            tested=tested,
            is_searched=is_locked(folder),
        )

    @property
    def queued(self) -> list[int]:
        return [number for number, attempt in self.attempts.items() if attempt.source == QUEUED]

    @property
    def numbers(self) -> list[int]:
        return sorted({*self.ended, *self.attempts})

    def about(self) -> dict[str, Any]:
        """The study's user attributes."""
        spec = self.spec
        return {
            "system": spec.model, "data set": spec.dataset, "split": spec.split, "seed": spec.seed,
            "sampler": spec.sampler, "pruner": spec.pruner, "versions": dict(self.versions),
        }  # fmt: skip

    def frozen(self, number: int) -> FrozenTrial:
        """A trial as Optuna has one."""
        row = self.ended.get(number)
        params, distributions = self._parameters(self.attempts[number].params if row is None else row.params)
        state = TrialState.RUNNING if row is None and self.is_searched else TrialState.FAIL
        values: list[float] | None = None
        if row is not None:
            state = _STATES.get(row.outcome, TrialState.FAIL)
            if is_ranked(row):
                values = list(values_of(row, self.spec.objectives))
            elif row.outcome is Outcome.COMPLETED:
                state = TrialState.FAIL  # no finite figure
            elif state is TrialState.PRUNED and row.value is not None and len(self.spec.objectives) == 1:
                values = [row.value]
        trial = optuna.create_trial(
            state=state, values=values, params=params, distributions=distributions,
            user_attrs=self._attributes(number, row), intermediate_values=dict(self.curves.get(number, {})),
        )  # fmt: skip
        if number in self.started:
            trial.datetime_start = _local(self.started[number])
        if number in self.finished and state.is_finished():
            trial.datetime_complete = _local(self.finished[number])
        return trial

    def _parameters(self, params: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, BaseDistribution]]:
        values: dict[str, Value] = {}
        distributions: dict[str, BaseDistribution] = {}
        for dimension in self.dimensions:
            if dimension.name in params:
                for name, (value, distribution) in dimension.to_optuna(params[dimension.name]).items():
                    values[name], distributions[name] = value, distribution
        return values, distributions

    def _attributes(self, number: int, row: TrialRow | None) -> dict[str, Any]:
        """The trial's user attributes; figures that are not finite are texts, since JSON has none."""
        called = "published default" if number == 0 else try_names(self.spec.space, self.queued).get(number)
        found: dict[str, Any] = {"trial": number, **({"name": called} if called else {})}
        if row is None:
            return {**found, "outcome": "not ended", "seed": self.attempts[number].seed}
        found |= {
            "outcome": str(row.outcome), "seed": row.seed, "attempts": row.attempt, "epochs": row.epochs,
            "best epoch": row.best_epoch, "seconds": row.wall_s,
        }  # fmt: skip
        found |= {} if row.error is None else {"error": row.error}
        figures = {**row.metrics, **self.tested.get(number, {})}
        return found | {name: value if math.isfinite(value) else str(value) for name, value in figures.items()}


def _local(moment: datetime) -> datetime:
    """Optuna's times have no zone and are this machine's."""
    return moment.astimezone().replace(tzinfo=None)
