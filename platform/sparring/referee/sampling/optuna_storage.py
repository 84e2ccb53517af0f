"""Optuna's storage in memory, which shows the sampler no more trials than it can look through between two epochs."""

from __future__ import annotations

import copy
import random
from bisect import insort
from collections.abc import Container, Mapping, Sequence
from datetime import datetime

import numpy as np
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

_LEARNT = (TrialState.COMPLETE, TrialState.PRUNED)


class Memory(InMemoryStorage):
    """Once more than ``shown`` trials have finished: the best ``best`` of them, and an even sample of the others.

    shown: finished trials that the sampler sees; None shows all. A search of so many or fewer draws as if there were no
    limit.
    Every trial counts, also one that is not shown: numbers go on without gaps. The sample is even, instead of the
    latest trials, so that it is not forgotten where the others were bad. signs: for each objective +1 if it is
    minimised, -1 if maximised. Under several, the best trials are those that fewest others beat in all of them.
    """

    def __init__(self, signs: Sequence[float], seed: int, *, shown: int | None, best: int) -> None:
        super().__init__()
        self._shown, self._most_best = shown, best
        self._signs = np.array(signs)
        self._chance = random.Random(seed)
        self._open: dict[int, None] = {}
        self._best: list[tuple[tuple[bool, int, float, int], FrozenTrial]] = []
        self._others: list[FrozenTrial] = []
        self._passed_over = 0
        self._paused: dict[int, FrozenTrial] = {}
        self._earlier: dict[int, FrozenTrial] = {}
        """Trials of earlier studies as they are shown now."""
        self._shares: dict[int, tuple[float, ...]] = {}
        self._own: list[Sequence[float]] = []
        """Figures of the trials that completed, lower being better."""

    def add_earlier(self, study_id: int, trial: FrozenTrial, shares: tuple[float, ...]) -> None:
        """Shows a completed trial of an earlier study, always, in front of this one's.

        shares: where it stood in its study, by objective, if its figures cannot be compared with this one's. It is then
        shown with the figures that stand so here, once two trials have completed.
        """
        trial_id = super().create_new_trial(study_id, trial)
        self._earlier[trial_id] = self.get_trial(trial_id)
        if shares:
            self._shares[trial_id] = shares

    def _place_earlier(self) -> None:
        if len(self._own) < 2:
            return
        for trial_id, shares in self._shares.items():
            placed = copy.copy(self._earlier[trial_id])
            placed.values = [
                float(sign * np.quantile(figures, share))
                for sign, figures, share in zip(self._signs, zip(*self._own, strict=True), shares, strict=True)
            ]
            self._earlier[trial_id] = placed

    def show_paused(
        self,
        trial_id: int,
        state: TrialState,
        *,
        values: Sequence[float] | None = None,
        reported: Mapping[int, float] | None = None,
    ) -> None:
        """Shows a running trial as one that has ended, until it ends: COMPLETE with ``values``, by objective, or PRUNED
        with what it reported, value by epoch."""
        shown = copy.copy(self.get_trial(trial_id))
        shown.state, shown.datetime_complete = state, datetime.now()
        shown.values, shown.intermediate_values = values, dict(reported or {})
        self._paused[trial_id] = shown

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = super().create_new_trial(study_id, template_trial)
        self._file(self.get_trial(trial_id), trial_id)
        return trial_id

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        changed = super().set_trial_state_values(trial_id, state, values)
        self._paused.pop(trial_id, None)
        self._file(self.get_trial(trial_id), trial_id)
        return changed

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if deepcopy or states == (TrialState.WAITING,):
            return super().get_all_trials(study_id, deepcopy, states)
        shown = super().get_all_trials(study_id, deepcopy=False)
        if self._passed_over:
            shown = [trial for _, trial in self._best] + self._others + list(self._earlier.values())
            shown = sorted(
                shown + [self.get_trial(trial_id) for trial_id in self._open], key=lambda trial: trial.number
            )
        if self._paused or self._shares:
            instead = {**self._earlier, **self._paused}
            shown = [instead.get(trial._trial_id, trial) for trial in shown]
        return shown if states is None else [trial for trial in shown if trial.state in states]

    def _file(self, trial: FrozenTrial, trial_id: int) -> None:
        if not trial.state.is_finished():
            self._open[trial_id] = None
            return
        self._open.pop(trial_id, None)
        if trial.state is TrialState.COMPLETE and self._shares:
            self._own.append([sign * value for sign, value in zip(self._signs, trial.values, strict=True)])
            self._place_earlier()
        if trial.state not in _LEARNT or self._shown is None:
            return
        insort(self._best, (self._rank(trial), trial), key=lambda entry: entry[0])
        if len(self._best) > self._most_best:
            self._keep_evenly(self._best.pop(self._last_of_the_best())[1], self._shown - self._most_best)

    def _last_of_the_best(self) -> int:
        """Index of the trial that makes room: the last; under several objectives, once all have completed, the one that
        most others beat."""
        if len(self._signs) == 1 or self._best[-1][1].state is not TrialState.COMPLETE:
            return len(self._best) - 1
        points = self._signs * np.array([trial.values for _, trial in self._best])
        is_as_good = (points[:, None] <= points[None]).all(2)
        beaten = (is_as_good & ~is_as_good.T).sum(0)
        return int(np.flatnonzero(beaten == beaten.max())[-1])

    def _keep_evenly(self, trial: FrozenTrial, room: int) -> None:
        """Vitter's algorithm R: every trial that it was ever given is kept with the same probability."""
        if len(self._others) < room:
            self._others.append(trial)
            return
        self._passed_over += 1
        index = self._chance.randrange(len(self._others) + self._passed_over)
        if index < len(self._others):
            self._others[index] = trial

    def _rank(self, trial: FrozenTrial) -> tuple[bool, int, float, int]:
        """Sorts as TPE does: completed by value, then pruned, the later the better, then by value."""
        if trial.state is TrialState.COMPLETE:
            return False, 0, self._signs[0] * trial.values[0], trial.number
        step, value = max(trial.intermediate_values.items(), default=(-1, 0.0))
        return True, -step, self._signs[0] * value, trial.number
