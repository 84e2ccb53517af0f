"""The search of this project by its own code: a real Referee, which keeps its ledger and checkpoints nowhere.

The simulated slots call it as `cluster/slot.py` and `cluster/trainer.py` do: ask, start, report, leave. Where curves
come in an order that is given, its sampler is left out; in a forest it draws and learns.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from pydantic import BaseModel

from sparring.ledger import write_study
from sparring.records import RUNGS, EpochRow, Objective, StudySpec, Trial, Value, Verdict
from sparring.records import WAIT as ITS_WAIT
from sparring.referee import trials as its_trials
from sparring.referee.referee import Referee
from sparring.space import Space

from .curves import Curve
from .slots import WAIT, Word
from .strategies import Budget

if TYPE_CHECKING:
    from sparring.ledger.checkpoints import CheckpointFolder, Progress
    from sparring.referee.sampling.optuna_study import OptunaStudy

SCORE = Objective(metric="score")

GIVEN = "given"
"""The model that a space without meaning names."""


class _Nowhere:
    """Stands for the ledger and for the checkpoints: takes everything, keeps nothing."""

    torn = ()

    def __init__(self, *arguments: object, **options: object) -> None:
        pass

    def _take(self, *arguments: object) -> None:
        pass

    append_attempt = append_epochs = append_trial = write = drop = recall = _take

    def lost(self, study: str, known: Collection[int]) -> list[Progress]:
        return []

    def part_counts(self) -> dict[str, int]:
        return {}


class _InOrder:
    """Stands for the sampler where a trial's number decides its curve: half of the time went into draws."""

    exhausted = None

    def __init__(self, seed: int) -> None:
        self._seed, self._begun = seed, 0

    def ask(self, queued: object = None) -> Trial:
        self._begun += 1
        return Trial(number=self._begun - 1, params={}, seed=self._seed)

    def tell(self, row: object) -> None:
        pass

    def show_paused(self, *arguments: object) -> None:
        pass


def _given_space(first: int, rungs: int) -> Space[Any]:
    """A space of one number that means nothing, for trials whose curves come in an order; the first are known."""
    known = [{"name": f"{each}", "source": "the order", "values": {"x": each / first}} for each in range(1, first)]
    raw = {"model": GIVEN, "defaults": {"x": 0.0}, "search": {"x": {"uniform": [0.0, 1.0]}}, "rungs": rungs}
    raw |= {"try": known}
    return Space(raw, BaseModel, GIVEN)


@cache
def _empty_study() -> Path:
    """A folder with a study that holds nothing, which every referee begins from."""
    folder = Path(tempfile.mkdtemp(prefix="regret-"))
    atexit.register(shutil.rmtree, folder)
    write_study(folder, {"kinds": {}, "metrics": [SCORE.metric]})
    return folder


class Ours:
    """``curve_of``: a trial's curve by its number and its parameters.

    space: what the sampler draws from; None where the number alone decides the curve. first: of those without a space,
    how many it would begin with (the default and the points to try first), which always finish. rungs: of the same.
    """

    def __init__(
        self,
        budget: Budget,
        epochs: int,
        curve_of: Callable[[int, Mapping[str, Value]], Curve],
        *,
        seed: int,
        space: Space[Any] | None = None,
        first: int = 1,
        rungs: int = RUNGS,
        pruner: str = StudySpec.pruner,
        sampler: str = StudySpec.sampler,
    ) -> None:
        self.epochs, self._curve_of = epochs, curve_of
        self._each_epoch = budget.seconds is not None
        self._now = 0.0
        self._curves: dict[int, Curve] = {}
        self._trials: dict[int, Trial] = {}
        self._told: dict[int, int] = {}
        space = _given_space(first, rungs) if space is None else space.without_model()
        spec = StudySpec(
            name="replay",
            model=space.model,
            dataset="given",
            objectives=(SCORE,),
            seed=seed,
            trials=budget.trials,
            train_s=None if budget.seconds is None else budget.seconds / budget.slots,
            slots=budget.slots,
            sampler=sampler,
            pruner=pruner,
        )
        with patch.object(its_trials, "Ledger", _Nowhere):
            self.referee = Referee(
                _empty_study(),
                spec,
                space,
                cast("CheckpointFolder", _Nowhere()),
                epochs=epochs,
                metrics=[SCORE.metric],
                clock=lambda: self._now,
            )
        if space.model == GIVEN:
            self.referee.trials.study = cast("OptunaStudy", _InOrder(seed))
        self.rungs = tuple(self.referee._judge.rungs)

    def curve(self, number: int) -> Curve:
        """A trial's curve, once it has begun."""
        return self._curves[number]

    def ask(self, now: float) -> int | None:
        self._now = now
        number = self.referee.ask()
        while number is not None and number != ITS_WAIT:
            start = self.referee.start(number, f"{number} at {now}")
            if start is not None:
                self._trials[number] = start.trial
                if number not in self._curves:
                    self._curves[number] = self._curve_of(number, start.trial.params)
                return number
            number = self.referee.ask()
        return WAIT if number == ITS_WAIT else None

    def goal(self, number: int, epoch: int) -> int:
        if self._each_epoch:  # the seconds may be spent at any
            return epoch + 1
        return next((rung for rung in self.rungs if rung > epoch), self.epochs)

    def hear(self, number: int, epoch: int, best: float, now: float) -> Word:
        self._now = now
        if self._report(number, epoch) is Verdict.GO_ON:
            return Word.GO_ON
        self.referee.leave(number, self._trials[number].attempt, b"")
        return Word.PAUSE

    def end(self, number: int, epoch: int, best: float, now: float, *, is_whole: bool) -> None:
        self._now = now
        self._report(number, epoch, last=is_whole)

    def _report(self, number: int, epoch: int, *, last: bool = False) -> Verdict:
        """Tells the epochs since the last report."""
        curve, trial = self._curves[number], self._trials[number]
        told = self._told.get(number, 0)
        self._told[number] = epoch
        rows = [self._row(trial, curve, each) for each in range(told + 1, epoch + 1)]
        return self.referee.report(rows, last=last).verdict

    def _row(self, trial: Trial, curve: Curve, epoch: int) -> EpochRow:
        seconds = float(curve.clock[epoch] - curve.clock[epoch - 1])
        return EpochRow(
            trial=trial.number,
            attempt=trial.attempt,
            epoch=epoch,
            metrics={SCORE.metric: float(curve.values[epoch - 1])},
            wall_s=seconds,
            cpu_s=seconds,
        )
