"""Points to try first in a study: trials 1, 2, … after the published default, each once however often it resumes."""

from __future__ import annotations

import pytest
from support.referee import RAW, Clock, Shelf, Toy, kill, train

from sparring.ledger import attempt_rows, trial_rows, write_study
from sparring.records import StudySpec
from sparring.referee.referee import Referee
from sparring.referee.sampling.optuna_study import OptunaStudy
from sparring.space import Space

TRIES = [
    {"name": "slow", "source": "mine", "values": {"lr": 1e-3}},
    {"name": "wcc", "source": "mine", "values": {"loss": "wcc", "w": 0.5}},
    {"name": "fast", "source": "mine", "values": {"lr": 0.5}},
]
SPACE = Space({**RAW, "try": TRIES}, Toy)
FIRST = [SPACE.baseline(), *(dict(each.params) for each in SPACE.tries)]


def begin(folder, *, sampler="tpe", trials=8):
    spec = StudySpec(name="s", model="toy", dataset="none", trials=trials, space=RAW, sampler=sampler, pruner="none")
    if not (folder / "study.json").exists():
        folder.mkdir(exist_ok=True)
        write_study(folder, {"spec": {"name": "s"}, "kinds": SPACE.kinds, "metrics": ["val/score"]})
    metrics, space = ["val/score"], SPACE.without_model()
    return Referee(folder, spec, space, Shelf(), epochs=9, metrics=metrics, clock=Clock(), wait_s=1.0)


def params_of(folder):
    return [row.params for row in sorted(trial_rows(folder), key=lambda row: row.trial)]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_published_default_and_then_the_tries_are_the_first_trials(folder, sampler):
    referee = begin(folder, sampler=sampler)
    while (number := referee.ask()) is not None:
        train(referee, number)
    params = params_of(folder)
    assert params[:4] == FIRST
    assert len(params) == 8
    assert all(each not in FIRST for each in params[4:])


@pytest.mark.parametrize("begun", range(1, 6))
def test_a_study_interrupted_among_its_tries_runs_each_of_the_rest_once(folder, begun):
    """One trial, the last that began, is unfinished when the referee dies."""
    referee = begin(folder)
    for _ in range(begun):
        number = referee.ask()
        train(referee, number, upto=2 if number == begun - 1 else 9)
    kill(referee)
    resumed = begin(folder)
    numbers = []
    while (number := resumed.ask()) is not None:
        numbers.append(number)
        train(resumed, number, token="again")
    assert numbers == list(range(begun - 1, 8))
    params = params_of(folder)
    assert params[:4] == FIRST
    assert all(each not in FIRST for each in params[4:])


def test_many_slots_share_the_tries_out(folder):
    referee = begin(folder)
    numbers = [referee.ask() for _ in range(6)]
    kill(referee)
    assert numbers == list(range(6))
    assert [row.params for row in attempt_rows(folder)][:4] == FIRST


def test_a_budget_below_the_tries_runs_the_first_ones(folder):
    referee = begin(folder, trials=3)
    while (number := referee.ask()) is not None:
        train(referee, number)
    assert params_of(folder) == FIRST[:3]


def test_a_study_of_an_older_space_resumes_without_any(folder):
    spec = StudySpec(name="s", model="toy", dataset="none", space=RAW)
    study = OptunaStudy(spec, Space(RAW, Toy).without_model())
    study.rebuild({}, {})
    assert study.ask().params == FIRST[0]
    assert study.ask().params not in FIRST
