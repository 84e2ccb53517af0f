"""The Optuna study inside the referee: in memory, rebuilt from the ledger at every start."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import optuna
from optuna.trial import Trial as Drawn
from optuna.trial import TrialState

from ...errors import SpaceError
from ...records import QUEUED, StudySpec, Trial, TrialRow, Value
from ...space.grid import points
from .optuna_storage import Memory
from .prior_sampler import SOURCE
from .samplers import Begun, find_sampler, make_sampler
from .showing import Showing
from .untried import Untried

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...space import Space


class OptunaStudy:
    """Draws trials and learns from how they end. Their numbers go from 0 without gaps; Optuna's need not."""

    def __init__(self, spec: StudySpec, space: Space[BaseModel]) -> None:
        """Raises UnknownName if there is no such sampler, SpaceError if there is no such grid."""
        self._spec, self._space = spec, space
        self._kind = find_sampler(spec.sampler)
        # Its one warning that samplers.py does not settle is of a library that would speed gp up.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.given = points(space, spec.seed) if spec.sampler == "grid" else space.known
        """What the first trials take, by their numbers."""
        self._begun = 0
        self._optuna: optuna.Study | None = None
        self._open: dict[int, Drawn] = {}

    def rebuild(
        self, ended: Mapping[int, TrialRow], live: Mapping[int, Trial], sources: Mapping[int, str] | None = None
    ) -> None:
        """Refills the study with what the ledger holds, in the order of the trials' numbers.

        What the space begins with, and the ledger has not, comes next: the published default, the points to try first;
        or a grid's points. sources: who drew each trial.
        """
        begun, objectives = len(ended) + len(live), self._spec.objectives
        signs = [each.sign for each in objectives]
        self._memory = Memory(signs, self._spec.seed, shown=self._kind.shown, best=self._kind.best)
        self._optuna = optuna.create_study(directions=[each.goal for each in objectives], storage=self._memory)
        self._showing = Showing(self._kind, self._space, objectives)
        self._showing.note(ended.values())
        self._untried = Untried(self._space, self._spec.seed)
        self._add_earlier()
        for number in range(begun):
            if number in ended:
                self._optuna.add_trial(self._showing.ended(ended[number], (sources or {}).get(number, "")))
                self._untried.note(ended[number].params)
            else:
                self._add_live(live[number])
                self._untried.note(live[number].params)
        self._begun = begun
        then = Begun(
            space=self._space, signs=signs, seed=self._spec.seed, trials=begun, completed=self._showing.completed,
            earlier=self._showing.earlier,
        )  # fmt: skip
        self._optuna.sampler = make_sampler(self._kind, then)

    def _add_earlier(self) -> None:
        """Trials of earlier studies, the best first, evenly thinned out if they are more than the sampler is shown."""
        study_id = self._memory.get_study_id_from_name(self.optuna.study_name)
        for each in self._spec.earlier[:: math.ceil(len(self._spec.earlier) / self._kind.earlier) or 1]:
            self._memory.add_earlier(study_id, self._showing.before(each), each.shares)

    def _add_live(self, trial: Trial) -> None:
        study_id = self._memory.get_study_id_from_name(self.optuna.study_name)
        running = self._memory.create_new_trial(study_id, self._showing.running(trial))
        self._open[trial.number] = optuna.Trial(self.optuna, running)

    @property
    def optuna(self) -> optuna.Study:
        assert self._optuna is not None, "rebuild() comes first"
        return self._optuna

    @property
    def exhausted(self) -> str | None:
        """Why there is nothing more to ask for, in a sentence; None while there is."""
        return self._untried.exhausted

    def refusal(self, params: Mapping[str, Value]) -> str | None:
        """Why no trial can take ``params``, in a sentence; None if one can."""
        try:
            self._space.to_optuna(params)
        except SpaceError as error:
            return str(error)
        return self._space.broken(params)

    def has_tried(self, params: Mapping[str, Value]) -> bool:
        """Whether a trial has begun with ``params``, which no constraint forbids."""
        return params not in self._untried

    def ask(self, queued: Mapping[str, Value] | None = None) -> Trial:
        """A new trial with its active parameters. Trial 0 is the published default; the tries follow.

        queued: what the trial takes instead of a draw, once those have begun. No configuration is drawn twice, and none
        that breaks a constraint of the space. Raises SpaceError if none is left, as ``exhausted`` says.
        """
        number = self._begun
        given = self.given[number] if number < len(self.given) else queued
        drawn, params = self._draw() if given is None else self._give(given)
        if given is queued is not None:
            self._memory.set_trial_system_attr(self._id(drawn), SOURCE, QUEUED)
        self._begun += 1
        self._untried.note(params)
        if self._kind.is_model:
            self._settle_idle(drawn, params)
        self._open[number] = drawn
        return Trial(number=number, params=params, seed=self._spec.seed, source=self._source(drawn))

    def _give(self, params: Mapping[str, Value]) -> tuple[Drawn, dict[str, Value]]:
        """An Optuna trial of these values."""
        self.optuna.enqueue_trial(self._space.to_optuna(params, flat=self._kind.is_flat)[0])
        drawn = self.optuna.ask()
        if self._kind.generation is not None:
            _ = drawn.relative_params  # which asks the sampler, so that the trial belongs to a generation
        return drawn, self._space.suggest(drawn, flat=self._kind.is_flat)

    def _draw(self) -> tuple[Drawn, dict[str, Value]]:
        """An Optuna trial of the sampler's; one of a configuration that cannot be taken becomes a failed one."""
        if self.exhausted:
            raise SpaceError(f"{self.exhausted}; widen [search], or take what they found")
        for _ in range(1 + self._kind.redraws):
            drawn = self.optuna.ask()
            params = self._space.suggest(drawn, flat=self._kind.is_flat)
            if params in self._untried:
                return drawn, params
            self.optuna.tell(drawn, state=TrialState.FAIL)
        given, params = self._give(self._untried.nearest(params))
        self._memory.set_trial_system_attr(self._id(given), SOURCE, self._source(drawn))
        return given, params

    def _id(self, drawn: Drawn) -> int:
        """Optuna's name of a trial in its storage."""
        study_id = self._memory.get_study_id_from_name(self.optuna.study_name)
        return self._memory.get_trial_id_from_study_id_trial_number(study_id, drawn.number)

    def _source(self, drawn: Drawn) -> str:
        """Who drew a trial, where the sampler says it."""
        return str(self._memory.get_trial(self._id(drawn)).system_attrs.get(SOURCE, ""))

    def _settle_idle(self, drawn: Drawn, params: dict[str, Value]) -> None:
        """What was drawn and does not apply is shown as the middle of its range, as after a resume."""
        values, distributions = self._space.to_optuna(params, flat=True)
        for name, value in values.items():
            if drawn.params[name] != value:
                inside = distributions[name].to_internal_repr(value)
                self._memory.set_trial_param(self._id(drawn), name, inside, distributions[name])

    def show_paused(self, number: int, values: Sequence[float], epoch: int) -> None:
        """Until the trial ends, the sampler sees it as one that was stopped after ``epoch``. values: its objectives at
        its best epoch."""
        trial_id = self._id(self._open[number])
        if self._kind.is_flat:
            self._memory.show_paused(trial_id, TrialState.COMPLETE, values=values)
        else:
            self._memory.show_paused(trial_id, TrialState.PRUNED, reported=self._showing.reported(epoch, values[0]))

    def tell(self, row: TrialRow) -> None:
        """How a trial ended."""
        trial = self._open.pop(row.trial)
        self._showing.note([row])
        shown = self._showing.end(row)
        for epoch, value in shown.reported.items():
            trial.report(value, epoch)
        for name, violated in shown.constraints.items():
            trial.set_constraint(name, violated)
        self.optuna.tell(trial, shown.values, state=shown.state)
