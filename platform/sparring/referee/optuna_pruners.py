"""Optuna's own pruners of one trial's curve, asked about curves that are shown to them. Lower is better."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeVar

import optuna
from optuna.pruners import BasePruner, PatientPruner, WilcoxonPruner
from optuna.trial import FrozenTrial, TrialState, create_trial

P = TypeVar("P", bound=BasePruner)


def still_improves(values: Mapping[int, float], patience: int) -> bool:
    """Was any of the last ``patience`` + 1 values, by epoch, as low as all before them? Also if there are no others."""
    return not _patient(patience).prune(_empty_study(), _trial(values))


def study_of(best: Mapping[int, float]) -> optuna.Study:
    """A study whose best trial has this curve."""
    study = _new_study()
    study.add_trial(_trial(best, TrialState.COMPLETE))
    return study


def is_significantly_worse(values: Mapping[int, float], study: optuna.Study) -> bool:
    """Does a curve lie above that of the study's best trial? Wilcoxon's signed-rank test, one-sided, p < 0.1.

    Values are paired by epoch. Those of one training are no independent draws, and every look is one more chance to be
    wrong, so p is no error rate. It takes four epochs that are all worse.
    """
    return _wilcoxon().prune(study, _trial(values))


def _trial(values: Mapping[int, float], state: TrialState = TrialState.RUNNING) -> FrozenTrial:
    value = min(values.values()) if state is TrialState.COMPLETE else None
    return create_trial(state=state, value=value, intermediate_values=dict(values))


def _new_study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study()


_empty_study = cache(_new_study)


@cache
def _patient(patience: int) -> PatientPruner:
    return _quietly(lambda: PatientPruner(None, patience))


@cache
def _wilcoxon() -> WilcoxonPruner:
    return _quietly(WilcoxonPruner)


def _quietly(make: Callable[[], P]) -> P:
    """Both are marked experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return make()
