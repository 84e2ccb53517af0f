"""What a sampler makes of the trials of earlier studies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.sampling import COST, SCORE, SEARCH, row, score, search, space_of, study_of

from sparring.records import SAMPLERS, EarlierTrial
from sparring.referee.sampling.samplers import POPULATION, find_sampler

LEARNING = [name for name in SAMPLERS if name not in ("qmc", "random", "grid")]


def taken(count, *, scale=1.0, is_alike=True, seed=5, trials=None):
    """Random trials of the same function, the best first; of another scale each has its place."""
    rows = list(search(study_of("random", seed=seed), trials or count).values())
    rows = sorted(rows, key=lambda each: each.value)[:count]
    return [
        EarlierTrial(
            study="old", params=each.params, values=(scale * each.value,), epochs=9, is_whole=True,
            shares=() if is_alike else ((place + 0.5) / len(rows),),
        )
        for place, each in enumerate(rows)
    ]  # fmt: skip


@pytest.mark.parametrize("name", LEARNING)
def test_they_take_no_numbers_and_are_there_after_a_resume(name):
    before = taken(8)
    study = study_of(name, earlier=before)
    rows = search(study, 3)
    assert sorted(rows) == [0, 1, 2]
    assert rows[0].params == space_of().baseline()
    resumed = study_of(name, rows, earlier=before)
    assert [len(each.optuna.trials) for each in (study, resumed)] == [11, 11]
    assert [each.params for each in study.optuna.trials[:8]] == [each.params for each in resumed.optuna.trials[:8]]
    assert resumed.ask().number == 3


@pytest.mark.parametrize("name", ["prior", "tpe", "nsga2", "cmaes"])
def test_they_teach_it(name):
    """The mean of the first draws after the default, over 6 seeds; the earlier study found the good places."""
    before = taken(40, trials=200)

    def mean(earlier):
        rows = [search(study_of(name, seed=seed, earlier=earlier), 9) for seed in range(6)]
        return np.mean([each[number].value for each in rows for number in range(1, 9)])

    assert mean(before) < 0.8 * mean([])


@pytest.mark.parametrize(("whole", "flat"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_stopped_one_is_shown_as_this_studys_own_would_be(whole, flat):
    (one,) = (replace(each, is_whole=whole, epochs=3) for each in taken(1))
    shown = study_of("nsga2" if flat else "tpe", earlier=[one]).optuna.trials[0]
    expected = ("COMPLETE", one.values[0], {}) if whole or flat else ("PRUNED", None, {3: one.values[0]})
    assert (shown.state.name, shown.value, shown.intermediate_values) == expected


def shown_values(study):
    return [trial.values[0] for trial in study.optuna._storage.get_all_trials(0, deepcopy=False)]


def test_figures_that_compare_are_shown_as_they_are():
    study = study_of("tpe", earlier=taken(5))
    search(study, 4)
    assert shown_values(study)[:5] == [each.values[0] for each in taken(5)]


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_figures_that_do_not_compare_are_shown_where_they_would_stand_here(goal):
    """Quantiles of this study's own, once there are two: of 1, 2, 3 and 4 the places 0, 0.5 and 1 are 1, 2.5 and 4."""
    (one,) = taken(1, scale=1000)
    places = [replace(one, shares=(share,)) for share in (0.0, 0.5, 1.0)]
    study = study_of("tpe", earlier=places, objectives=(replace(SCORE, goal=goal),))
    for figure in (3.0, 1.0, 4.0, 2.0):
        assert (shown_values(study)[:3] == [one.values[0]] * 3) == (figure in (3.0, 1.0))
        drawn = study.ask()
        study.tell(replace(row(drawn.number, drawn.params), value=figure))
    assert shown_values(study)[:3] == ([1.0, 2.5, 4.0] if goal == "minimize" else [4.0, 2.5, 1.0])
    assert [each.values[0] for each in study.optuna.trials[:3]] == [one.values[0]] * 3


def test_each_objective_has_its_own_place():
    (one,) = taken(1)
    study = study_of("tpe", earlier=[replace(one, values=(9.0, 9.0), shares=(0.0, 1.0))], objectives=(SCORE, COST))
    rows = search(study, 5)
    placed = study.optuna._storage.get_all_trials(0, deepcopy=False)[0].values
    assert placed == [
        min(each.value for each in rows.values()),
        max(each.metrics["val/cost"] for each in rows.values()),
    ]


def test_an_easier_earlier_study_does_not_hide_what_is_good_here():
    """Its figures are a thousandth of this one's: compared as they are, none of this study's would be good."""
    before = taken(40, scale=1e-3, is_alike=False)
    study = study_of("tpe", earlier=before)
    rows = search(study, 30)
    shown = sorted((value, number) for number, value in enumerate(shown_values(study)))
    assert any(number >= 40 for _, number in shown[:5])
    assert min(each.value for each in rows.values()) < score(space_of().baseline())


def test_generations_begin_with_them():
    key = find_sampler("nsga2").generation
    study = study_of("nsga2", earlier=taken(2 * POPULATION))
    search(study, 1)
    assert [each.system_attrs[key] for each in study.optuna.trials][::POPULATION] == [0, 1, 2]


def test_cmaes_begins_near_their_best():
    space = space_of({"lr": SEARCH["lr"], "dropout": SEARCH["dropout"]})
    values = [EarlierTrial(study="old", params={"lr": 10 ** -(5 * n / 40), "dropout": 0.2}, values=(abs(n - 32) / 40,),
                           epochs=9, is_whole=True) for n in range(40)]  # fmt: skip
    drawn = [search(study_of("cmaes", space=space, earlier=values, seed=seed), 4) for seed in range(5)]
    far = [abs(np.log10(each[number].params["lr"]) + 4) for each in drawn for number in (1, 2, 3)]
    assert np.median(far) < 0.8  # from the middle of the range 1.5


def test_all_are_shown_beside_the_limit_and_gp_is_shown_fewer_with_the_best_among_them():
    before = taken(120)
    rows = {n: row(n, {"lr": 10 ** -(1 + 4 * n / 600)}) for n in range(600)}
    space = space_of({"lr": SEARCH["lr"]})
    before = [replace(each, params={"lr": each.params["lr"]}) for each in before]
    seen = {name: study_of(name, rows, space=space, earlier=before) for name in ("tpe", "gp")}
    shown = {name: each.optuna._storage.get_all_trials(0, deepcopy=False) for name, each in seen.items()}
    assert {name: len(each) for name, each in shown.items()} == {"tpe": 500 + 120, "gp": 100 + 40}
    assert shown["gp"][0].value == before[0].values[0]
