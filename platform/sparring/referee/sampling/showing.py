"""How trials are shown to a sampler.

A completed trial is COMPLETE with its values, one per objective; a pruned one is PRUNED with its last epoch and best
value, which TPE ranks below completed ones. One that diverged or collapsed is PRUNED without a value and violates a
constraint: TPE counts it among the bad whatever the others reached, so it draws elsewhere, and no figure is made up for
it. Every other trial is FAIL without a value, so that no sampler learns from half a training; one that was stopped by
hand is so for every sampler, since nobody knows what it would have reached. ``SamplerKind`` says
which samplers are shown something else: those that breed, and CMA-ES, take a trial that violates a constraint for no
trial at all, and gp, which models figures, is shown the worst.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from optuna.trial import FrozenTrial, TrialState, create_trial

from ...ledger.ranking import values_of
from ...records import EarlierTrial, Objective, Outcome, Trial, TrialRow
from .prior_sampler import SOURCE
from .samplers import POPULATION, SamplerKind

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...space import Space


HEALTH = "health"
"""Optuna's name of the constraint that a trial keeps unless it diverged or collapsed."""


class Shown(NamedTuple):
    """A trial's end as Optuna hears of it."""

    state: TrialState
    values: tuple[float, ...] | None
    """By objective; of a COMPLETE trial alone."""
    reported: Mapping[int, float]
    """Epoch and value of a PRUNED one."""
    is_sick: bool = False
    """Does it violate the constraint of health?"""

    @property
    def constraints(self) -> dict[str, float]:
        """As Optuna has them: above 0 is violated."""
        return {HEALTH: 1.0} if self.is_sick else {}


class Showing:
    """Shows a study's trials to one kind of sampler."""

    def __init__(self, kind: SamplerKind, space: Space[BaseModel], objectives: tuple[Objective, ...]) -> None:
        self._kind, self._space, self._objectives = kind, space, objectives
        self._worst: list[float] | None = None
        self.completed: list[FrozenTrial] = []
        """Ended trials of the ledger that are shown as COMPLETE."""
        self.earlier: list[FrozenTrial] = []
        """Trials of earlier studies that are shown as COMPLETE."""

    def note(self, rows: Iterable[TrialRow]) -> None:
        """Rows from which the worst figures follow."""
        for row in rows:
            if row.value is not None:
                values = values_of(row, self._objectives)
                pairs = zip(self._objectives, self._worst or values, values, strict=True)
                self._worst = [max(pair, key=lambda value: each.sign * value) for each, *pair in pairs]

    def end(self, row: TrialRow) -> Shown:
        """How the sampler hears of a trial that ends so."""
        is_pruned = row.outcome is Outcome.PRUNED and row.value is not None
        if row.outcome is Outcome.COMPLETED or (is_pruned and self._kind.is_flat):
            return Shown(TrialState.COMPLETE, values_of(row, self._objectives), {})
        if row.outcome is Outcome.PRUNED:
            return Shown(TrialState.PRUNED, None, {} if row.value is None else self.reported(row.epochs, row.value))
        if row.outcome in (Outcome.DIVERGED, Outcome.COLLAPSED) and not self._kind.is_flat:
            return Shown(TrialState.PRUNED, None, {}, is_sick=True)
        if self._kind.is_model and self._worst is not None and row.outcome is not Outcome.STOPPED:
            return Shown(TrialState.COMPLETE, tuple(self._worst), {})
        return Shown(TrialState.FAIL, None, {})

    def reported(self, epoch: int, value: float) -> dict[int, float]:
        """What a trial that was stopped after ``epoch`` reports. By several objectives Optuna takes no reports."""
        return {epoch: value} if len(self._objectives) == 1 else {}

    def ended(self, row: TrialRow, source: str = "") -> FrozenTrial:
        """A trial of the ledger that has ended. source: who drew it. Raises SpaceError if it lies outside the space."""
        if not row.params:  # a damaged ledger has lost them
            return create_trial(state=TrialState.FAIL)
        params, distributions = self._space.to_optuna(row.params, flat=self._kind.is_flat)
        shown = self.end(row)
        trial = create_trial(
            state=shown.state, params=params, distributions=distributions, values=shown.values,
            intermediate_values=dict(shown.reported), system_attrs={SOURCE: source, **self._generation()},
            constraints=shown.constraints,
        )  # fmt: skip
        if shown.state is TrialState.COMPLETE:
            self.completed.append(trial)
        return trial

    def before(self, trial: EarlierTrial) -> FrozenTrial:
        """A trial of an earlier study: of one whose figures cannot be compared, whole or not, as completed."""
        params, distributions = self._space.to_optuna(trial.params, flat=self._kind.is_flat)
        is_whole = trial.is_whole or bool(trial.shares) or self._kind.is_flat
        shown = create_trial(
            state=TrialState.COMPLETE if is_whole else TrialState.PRUNED, params=params, distributions=distributions,
            values=trial.values if is_whole else None, system_attrs=self._generation(),
            intermediate_values={} if is_whole else self.reported(trial.epochs, trial.values[0]),
        )  # fmt: skip
        if is_whole:
            self.earlier.append(shown)
        return shown

    def running(self, trial: Trial) -> FrozenTrial:
        """A trial of the ledger that has not ended. Raises SpaceError if its values lie outside the space."""
        values, distributions = self._space.to_optuna(trial.params, flat=self._kind.is_flat)
        attributes: dict[str, int | str] = {SOURCE: trial.source, **self._generation()}
        return create_trial(
            state=TrialState.RUNNING, params=values, distributions=distributions, system_attrs=attributes
        )

    def _generation(self) -> dict[str, int | str]:
        """Which generation a trial belongs to: earlier studies' bred first, then the ledger's, as they are numbered."""
        bred = len(self.earlier) + len(self.completed)
        return {self._kind.generation: bred // POPULATION} if self._kind.generation else {}
