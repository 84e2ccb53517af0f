"""The Optuna study inside the referee: in memory, rebuilt from the ledger at every start.

It learns how each trial ended. A completed trial is COMPLETE with its values, one per objective; a pruned one is PRUNED
with its last epoch and best value, which TPE ranks below completed ones. Every other trial is FAIL without a value, so
that no sampler learns from a NaN or from half a training.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState, create_trial

from ...errors import LedgerError, UnknownName
from ...ledger.ranking import values_of
from ...records import SAMPLERS, Outcome, StudySpec, Trial, TrialRow
from ...space.grid import points
from .grid_sampler import PointSampler
from .optuna_storage import Memory
from .prior_sampler import SOURCE, PriorSampler

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...space import Space

_SAMPLERS: dict[str, Callable[[int, StudySpec, Space[BaseModel]], optuna.samplers.BaseSampler]] = {
    "prior": lambda seed, spec, space: PriorSampler(
        [space.to_optuna(params)[0] for params in space.known],
        [objective.sign for objective in spec.objectives],
        seed=spec.seed,
        drawn=seed - spec.seed,
    ),
    "tpe": lambda seed, *_: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True),
    "random": lambda seed, *_: optuna.samplers.RandomSampler(seed=seed),
    "grid": lambda _, spec, space: PointSampler([space.to_optuna(point)[0] for point in points(space, spec.seed)]),
}


class OptunaStudy:
    """Draws trials and learns from how they end. Trial numbers are Optuna's own, from 0 without gaps."""

    def __init__(self, spec: StudySpec, space: Space[BaseModel]) -> None:
        self._spec, self._space = spec, space
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna: optuna.Study | None = None
        self._open: dict[int, optuna.Trial] = {}

    def rebuild(
        self, ended: Mapping[int, TrialRow], live: Mapping[int, Trial], sources: Mapping[int, str] | None = None
    ) -> None:
        """Refills the study with what the ledger holds, in the order of the trials' numbers.

        What the space begins with, and the ledger has not, comes next: the published default, the points to try first.
        The sampler's seed depends on how many trials there are, so a resumed study does not draw its first trials
        again. sources: who drew each trial. Raises LedgerError if a number is missing.
        """
        sampler = make_sampler(self._spec, self._space, len(ended) + len(live))
        self._memory = Memory([objective.sign for objective in self._spec.objectives], self._spec.seed)
        goals = [objective.goal for objective in self._spec.objectives]
        self._optuna = optuna.create_study(directions=goals, sampler=sampler, storage=self._memory)
        for number in range(len(ended) + len(live)):
            if number in ended:
                self._add_ended(ended[number], (sources or {}).get(number, ""))
            elif number in live:
                self._add_live(live[number])
            else:
                raise LedgerError(
                    f"the ledger holds {len(ended) + len(live)} trials but none with number {number}; "
                    "a part was removed from attempts/ or trials/: restore it or begin another study"
                )
        for params in self._space.known[len(ended) + len(live) :]:
            self._optuna.enqueue_trial(self._space.to_optuna(params)[0])

    def _add_ended(self, row: TrialRow, source: str) -> None:
        params, distributions = self._space.to_optuna(row.params)
        state = _STATES.get(row.outcome, TrialState.FAIL)
        reported = {row.epochs: row.value} if state is TrialState.PRUNED and row.value is not None else {}
        self.optuna.add_trial(
            create_trial(
                state=state,
                params=params,
                distributions=distributions,
                values=self._values(row),
                intermediate_values=reported,
                system_attrs={SOURCE: source},
            )
        )

    def _add_live(self, trial: Trial) -> None:
        params, distributions = self._space.to_optuna(trial.params)
        running = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=distributions,
            system_attrs={SOURCE: trial.source},
        )
        study_id = self._memory.get_study_id_from_name(self.optuna.study_name)
        self._open[trial.number] = optuna.Trial(self.optuna, self._memory.create_new_trial(study_id, running))

    @property
    def optuna(self) -> optuna.Study:
        assert self._optuna is not None, "rebuild() comes first"
        return self._optuna

    def ask(self) -> Trial:
        """A new trial with its active parameters. Trial 0 is the published default; the tries follow."""
        drawn = self.optuna.ask()
        self._open[drawn.number] = drawn
        source = self._memory.get_trial(drawn._trial_id).system_attrs.get(SOURCE, "")
        return Trial(number=drawn.number, params=self._space.suggest(drawn), seed=self._spec.seed, source=source)

    def show_paused(self, number: int, value: float, epoch: int) -> None:
        """Until the trial ends, the sampler sees it as pruned after ``epoch`` with ``value`` as its best objective."""
        self._memory.show_paused(self._open[number]._trial_id, value, epoch)

    def tell(self, row: TrialRow) -> None:
        """How a trial ended."""
        trial = self._open.pop(row.trial)
        state = _STATES.get(row.outcome, TrialState.FAIL)
        if state is TrialState.PRUNED and row.value is not None:
            trial.report(row.value, row.epochs)
        self.optuna.tell(trial, self._values(row), state=state)

    def _values(self, row: TrialRow) -> tuple[float, ...] | None:
        return values_of(row, self._spec.objectives) if row.outcome is Outcome.COMPLETED else None


_STATES = {Outcome.COMPLETED: TrialState.COMPLETE, Outcome.PRUNED: TrialState.PRUNED}


def make_sampler(spec: StudySpec, space: Space[BaseModel], begun: int) -> optuna.samplers.BaseSampler:
    """The study's sampler after ``begun`` trials; raises UnknownName with the list of those there are."""
    if spec.sampler not in _SAMPLERS:
        raise UnknownName(f"--sampler: no sampler {spec.sampler!r}; there are: {', '.join(SAMPLERS)}")
    with warnings.catch_warnings():
        # group=True is marked experimental; it is what searches conditional parameters.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _SAMPLERS[spec.sampler](spec.seed + begun, spec, space)
