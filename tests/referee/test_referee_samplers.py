"""The sampler and the pruner of a referee that came back, and what they are shown."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import optuna
import pytest
from support.referee import RAW, SPACE, epoch, kill, make, run, train

from sparring.ledger import trial_rows
from sparring.records import Objective, Outcome, StudySpec, TrialRow, Verdict
from sparring.referee.pruners import Halving
from sparring.referee.sampling import samplers
from sparring.referee.sampling.optuna_study import OptunaStudy
from sparring.referee.sampling.samplers import find_sampler


def test_a_rebuilt_sampler_draws_values_inside_the_space(folder):
    referee = make(folder, trials=40)
    for _ in range(20):
        train(referee, referee.ask(), token=f"{_}")
    kill(referee)
    resumed = make(folder, trials=40)
    run(resumed)
    rows = {row.trial: row for row in trial_rows(folder)}
    assert len(rows) == 40
    assert all(("width" in row.params) == (row.params["loss"] == "wcc") for row in rows.values())
    assert len({str(sorted(row.params.items())) for row in rows.values()}) >= 38  # two may change one width alike


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_a_rebuilt_pruner_knows_what_the_first_one_was_told(folder, goal, monkeypatch):
    """Ended trials are recalled as one table, unfinished ones one by one; NaN and what ended early are among them."""
    told: list[tuple[int, int, float]] = []
    learn = Halving.learn

    def heard(pruner, reached):
        if reached.epoch in pruner.rungs:
            told.append((reached.number, reached.epoch, reached.best))
        learn(pruner, reached)

    monkeypatch.setattr(Halving, "learn", heard)
    chance = random.Random(7)
    referee = make(folder, trials=30, objectives=(Objective(metric="val/score", goal=goal),))
    for number in [referee.ask() for _ in range(30)]:
        referee.start(number, f"{number}")
        for n in range(1, 10):
            if number % 7 == 3 and n == 5:
                break  # still in training
            value = math.nan if number % 11 == 5 and n == 4 else chance.random()
            if referee.report([epoch(number, n, value=value)], last=n == 9).verdict is not Verdict.GO_ON:
                referee.leave(number, 1, b"")
                break
    referee.trials.flush()
    kill(referee)
    at_first = sorted(told)
    told.clear()
    make(folder, trials=30, objectives=(Objective(metric="val/score", goal=goal),))
    assert {epoch for _, epoch, _ in at_first} == {1, 3}
    assert sorted(told) == at_first


def finished_rows(count, chance):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for number in range(count):
        params = SPACE.suggest(study.ask())
        outcome = chance.choice([Outcome.COMPLETED, Outcome.PRUNED, Outcome.CRASHED])
        value = None if outcome is Outcome.CRASHED else chance.random()
        yield (
            number,
            TrialRow(
                trial=number,
                attempt=1,
                seed=0,
                outcome=outcome,
                params=params,
                value=value,
                epochs=chance.choice([1, 3]),
            ),
        )


def drawn_after(count, shown, monkeypatch):
    monkeypatch.setitem(samplers._KINDS, "tpe", replace(find_sampler("tpe"), shown=shown, best=40))
    spec = StudySpec(name="s", model="toy", dataset="none", space=RAW, sampler="tpe")
    study = OptunaStudy(spec, SPACE.without_model())
    study.rebuild(dict(finished_rows(count, random.Random(3))), {})
    return [study.ask().params for _ in range(5)], study


def test_the_sampler_draws_as_ever_until_there_are_more_trials_than_it_is_shown(monkeypatch):
    unlimited, _ = drawn_after(120, 10_000, monkeypatch)
    known = sum(row.value is not None for _, row in finished_rows(120, random.Random(3)))
    assert 60 < known < 100
    assert drawn_after(120, known, monkeypatch)[0] == unlimited
    assert drawn_after(120, 60, monkeypatch)[0] != unlimited


def test_beyond_that_it_is_shown_the_best_an_even_sample_and_what_runs(monkeypatch):
    rows = dict(finished_rows(900, random.Random(3)))
    _, study = drawn_after(900, 200, monkeypatch)
    shown = study.optuna._storage.get_all_trials(0, deepcopy=False)
    assert [trial.number for trial in shown] == sorted(trial.number for trial in shown)
    assert [trial.number for trial in shown if trial.state.name == "RUNNING"] == [900, 901, 902, 903, 904]
    numbers = {trial.number for trial in shown if trial.state.is_finished()}
    assert len(numbers) == 200
    completed = sorted((row.value, number) for number, row in rows.items() if row.outcome is Outcome.COMPLETED)
    assert {number for _, number in completed[:40]} <= numbers
    thirds = [sum(low <= number < low + 300 for number in numbers) for low in (0, 300, 600)]
    assert min(thirds) > 40
    assert len(study.optuna.trials) == 905
