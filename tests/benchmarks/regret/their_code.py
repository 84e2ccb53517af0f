"""Opponents by their own code: Optuna's samplers and pruners, Tune's ASHA; nothing of theirs is written anew here.

Every one is told the best objective so far after every epoch, which is kinder to them than the raw curve.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from sparring.records import Value

from .slots import Word
from .strategies import Budget, Whole

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sparring.space import Space

optuna.logging.set_verbosity(optuna.logging.ERROR)

PRUNERS: dict[str, Callable[[int], optuna.pruners.BasePruner]] = {
    "none": lambda epochs: optuna.pruners.NopPruner(),
    "halving": lambda epochs: optuna.pruners.SuccessiveHalvingPruner(),
    "hyperband": lambda epochs: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs),
    "median": lambda epochs: optuna.pruners.MedianPruner(),
}
"""By name, each with its defaults; Hyperband is told the epochs, as in its documentation."""

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
}
"""By name, each with its defaults."""


class OptunaSearch(Whole):
    """A study in memory, used as Optuna's documentation does: ask, report every epoch from step 0, prune, tell.

    space: what the sampler draws from; None draws nothing, for trials whose curves are given. told: the space's points
    to try first are put in line after the default, as Optuna's documentation does with what is known.
    """

    def __init__(
        self,
        budget: Budget,
        epochs: int,
        *,
        sampler: str,
        pruner: str,
        seed: int,
        space: Space[BaseModel] | None = None,
        told: bool = False,
    ) -> None:
        super().__init__(budget, epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            made = SAMPLERS[sampler](seed)
        # The study's name decides Hyperband's brackets, so it has to depend on the seed alone.
        self.study = optuna.create_study(sampler=made, pruner=PRUNERS[pruner](epochs), study_name=f"seed {seed}")
        self.space = space
        if space is not None:  # as a practitioner would: the default is tried first
            for known in space.known if told else [space.baseline()]:
                self.study.enqueue_trial(space.to_optuna(known)[0])
        self.trials: list[optuna.Trial] = []
        self.params: list[Mapping[str, Value]] = []

    def ask(self, now: float) -> int | None:
        number = super().ask(now)
        if number is not None:
            self.trials.append(self.study.ask())
            self.params.append({} if self.space is None else self.space.suggest(self.trials[-1]))
        return number

    def goal(self, number: int, epoch: int) -> int:
        return epoch + 1

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        trial = self.trials[number]
        trial.report(best, epoch - 1)
        if not trial.should_prune():
            return Word.GO_ON
        self.study.tell(trial, state=TrialState.PRUNED)
        return Word.STOP

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        if is_whole:
            self.trials[number].report(best, epoch - 1)
            self.study.tell(self.trials[number], best)
        else:
            self.study.tell(self.trials[number], state=TrialState.FAIL)


@dataclass(frozen=True)
class _TuneTrial:
    """All of a trial that Tune's scheduler looks at."""

    trial_id: str


class TuneAsha(Whole):
    """``ray.tune.schedulers.AsyncHyperBandScheduler`` with its defaults, told the epochs. Ray is not started."""

    def __init__(self, budget: Budget, epochs: int) -> None:
        super().__init__(budget, epochs)
        from ray.tune.schedulers import AsyncHyperBandScheduler

        self.scheduler = AsyncHyperBandScheduler(metric="score", mode="min", max_t=epochs)
        self.controller: Any = None  # it is passed on and never looked at
        # The scheduler acts on no other epoch: a result between two milestones finds its milestone recorded.
        self.milestones = sorted(milestone for milestone, _ in self.scheduler._brackets[0]._rungs)

    def ask(self, now: float) -> int | None:
        number = super().ask(now)
        if number is not None:
            self.scheduler.on_trial_add(self.controller, self._trial(number))
        return number

    def goal(self, number: int, epoch: int) -> int:
        return next((round(milestone) for milestone in self.milestones if milestone > epoch), self.epochs)

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        result = {"training_iteration": epoch, "score": best}
        action = self.scheduler.on_trial_result(self.controller, self._trial(number), result)
        return Word.STOP if action == self.scheduler.STOP else Word.GO_ON

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        self.scheduler.on_trial_complete(
            self.controller, self._trial(number), {"training_iteration": epoch, "score": best}
        )

    def _trial(self, number: int) -> Any:
        return _TuneTrial(str(number))
