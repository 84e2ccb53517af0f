"""Every sampler by its name: on each kind of space, by one objective and several, and taken up again."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from support.sampling import COST, SCORE, SEARCH, row, search, space_of, study_of

from sparring.errors import UnknownName, UsageError
from sparring.records import SAMPLERS, Outcome, StudySpec, Trial
from sparring.referee.sampling.axis import value_at
from sparring.referee.sampling.samplers import POPULATION, find_sampler
from sparring.study.checks import check_sampler, sampling_notes

DRAWING = [name for name in SAMPLERS if name != "grid"]

SPACES = {
    "conditional": SEARCH,
    "ranges": {"lr": SEARCH["lr"], "dropout": {"uniform": [0.0, 0.5]}},
    "choices": {"loss": {"choice": ["mse", "wcc"]}, "dims": SEARCH["dims"]},
    "one range": {"lr": SEARCH["lr"]},
}


def test_every_name_makes_a_sampler_of_its_own():
    made = {name: type(study_of(name, space=space_of({"depth": SEARCH["depth"]})).optuna.sampler) for name in SAMPLERS}
    assert len(set(made.values())) == len(SAMPLERS) - 1  # a grid's points are given, not drawn
    with pytest.raises(UnknownName, match=r"--sampler: no sampler 'bayes'; there are: prior, tpe, gp, .* grid"):
        find_sampler("bayes")


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("name", [name for name in DRAWING if name != "gp"])
def test_it_draws_what_applies_and_the_same_for_the_same_seed(name, kind):
    if (name, kind) == ("cmaes", "choices"):
        pytest.skip("refused")
    space = space_of(SPACES[kind])
    rows = search(study_of(name, space=space), 30)
    assert rows[0].params == space.baseline()
    for each in rows.values():
        space.to_optuna(each.params)  # raises where a value is missing, idle or out of range
    assert search(study_of(name, space=space), 30) == rows
    assert search(study_of(name, space=space, seed=1), 30) != rows


def test_numbers_of_numpys_become_the_fields():
    """nsga2 and cmaes draw them at the end of a range; they would lie outside it, being no float of Python's."""
    space = space_of({"lr": SEARCH["lr"], "depth": SEARCH["depth"]})
    drawn = space.suggest(optuna.trial.FixedTrial({"lr": np.float64(0.5), "depth": np.int64(3)}))
    assert [(value, type(value)) for value in drawn.values()] == [(0.5, float), (3, int)]
    space.to_optuna(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPACES)
def test_gp_draws_what_applies_and_the_same_for_the_same_seed(kind):
    space = space_of(SPACES[kind])
    rows = search(study_of("gp", space=space), 14)
    for each in rows.values():
        space.to_optuna(each.params)
    assert search(study_of("gp", space=space), 14) == rows


@pytest.mark.parametrize("name", ["tpe", "nsga2", "nsga3", "qmc", "random"])
def test_it_searches_by_several_objectives_also_after_a_resume(name):
    two = (SCORE, COST)
    rows = search(study_of(name, objectives=two), 20)
    rows = search(study_of(name, rows, objectives=two), 20, rows)
    assert sorted(rows) == list(range(40))


@pytest.mark.slow
def test_gp_searches_by_two_objectives_also_after_a_resume():
    two = (SCORE, COST)
    rows = search(study_of("gp", objectives=two), 11)
    assert len(search(study_of("gp", rows, objectives=two), 2, rows)) == 13


@pytest.mark.parametrize("name", DRAWING)
def test_a_resumed_one_draws_nothing_again_and_its_draws_are_reproducible(name):
    rows = search(study_of(name), 9)
    resumed = [study_of(name, rows).ask().params for _ in range(2)]
    assert resumed[0] == resumed[1]
    assert resumed[0] not in [each.params for each in rows.values()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tpe", "cmaes", "nsga2"])
def test_it_finds_better_than_chance(name):
    """Medians of 5 seeds after 80 trials; resumed half-way, so that what was learnt must come back."""

    def best(sampler, seed):
        rows = search(study_of(sampler, seed=seed), 40)
        return min(each.value for each in search(study_of(sampler, rows, seed=seed), 40, rows).values())

    found, chance = (np.median([best(each, seed) for seed in range(5)]) for each in (name, "random"))
    assert found < 0.75 * chance


# -- what every trial must have ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gp", "cmaes", "nsga2", "nsga3", "qmc"])
def test_a_flat_space_gives_every_trial_the_same_parameters(name):
    study = study_of(name)
    rows = search(study, 12)
    assert {outcome.params.get("w") == 0.0 for outcome in rows.values()} == {True, False}
    resumed = study_of(name, rows)
    for each in (*study.optuna.trials, *resumed.optuna.trials):
        assert sorted(each.params) == ["depth", "dims", "dropout", "loss", "lr", "w", "w.on", "width"]


def test_gp_sees_the_same_of_a_trial_before_and_after_a_resume():
    """What was drawn and did not apply is in no ledger."""
    study = study_of("gp")
    rows = search(study, 9)
    assert [each.params for each in study.optuna.trials] == [each.params for each in study_of("gp", rows).optuna.trials]


# -- how trials end ----------------------------------------------------------------------------------------------------


ENDS = [Outcome.COMPLETED, Outcome.PRUNED, Outcome.DIVERGED]


def in_turn(outcomes):
    left = list(outcomes)
    return lambda _: left.pop(0)


def told(name):
    """States and values that Optuna holds of ``ENDS``, told one by one and after a resume; and the rows."""
    study = study_of(name)
    rows = search(study, len(ENDS), ends=in_turn(ENDS))
    held = [
        [
            (each.state.name, each.value if each.state.name == "COMPLETE" else each.intermediate_values)
            for each in trials
        ]
        for trials in (study.optuna.trials, study_of(name, rows).optuna.trials)
    ]
    return *held, rows


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_stopped_trials_are_pruned_and_sick_ones_have_no_figure(name):
    live, resumed, rows = told(name)
    assert live == resumed == [("COMPLETE", rows[0].value), ("PRUNED", {3: rows[1].value}), ("PRUNED", {})]


@pytest.mark.parametrize("name", ["cmaes", "nsga2", "nsga3"])
def test_what_knows_no_pruned_trials_is_shown_their_values(name):
    live, resumed, rows = told(name)
    assert live == resumed == [("COMPLETE", rows[0].value), ("COMPLETE", rows[1].value), ("FAIL", {})]


def test_gp_is_shown_the_worst_figure_of_a_trial_that_failed():
    live, resumed, rows = told("gp")
    worst = max(rows[0].value, rows[1].value)
    assert live == resumed == [("COMPLETE", rows[0].value), ("COMPLETE", rows[1].value), ("COMPLETE", worst)]


def test_the_worst_of_a_figure_to_maximise_is_the_least():
    study = study_of("gp", objectives=(replace(SCORE, goal="maximize"), COST))
    rows = search(study, 3, ends=in_turn([Outcome.COMPLETED, Outcome.COMPLETED, Outcome.CRASHED]))
    figures = [(rows[n].value, rows[n].metrics["val/cost"]) for n in (0, 1)]
    assert study.optuna.trials[2].values == [min(a for a, _ in figures), max(b for _, b in figures)]


# -- generations, states, sequences ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nsga2", "nsga3"])
def test_generations_come_back_with_the_ledger(name):
    """The key is Optuna's own; if it changed, all trials would be of generation 0 or of none."""
    key = find_sampler(name).generation
    study = study_of(name)
    rows = search(study, 3 * POPULATION)
    generations = [each.system_attrs[key] for each in study.optuna.get_trials(states=[TrialState.COMPLETE])]
    assert generations == [n // POPULATION for n in range(3 * POPULATION)]
    resumed = study_of(name, rows)
    assert [each.system_attrs[key] for each in resumed.optuna.trials] == generations
    search(resumed, 1, rows)
    assert resumed.optuna.trials[-1].system_attrs[key] == 3


def test_an_unfinished_trial_belongs_to_a_generation_after_a_resume():
    rows = search(study_of("nsga2"), 4)
    study = study_of("nsga2")
    study.rebuild(rows, {4: Trial(number=4, params=rows[3].params, seed=0)})
    study.tell(row(4, rows[3].params))
    assert study.optuna.trials[4].system_attrs[find_sampler("nsga2").generation] == 0


def test_cmaes_goes_on_near_the_best_after_a_resume():
    rows = search(study_of("cmaes", space=space_of(SPACES["ranges"])), 60)
    best = min(rows.values(), key=lambda each: each.value).params
    drawn = search(study_of("cmaes", rows, space=space_of(SPACES["ranges"])), 12)
    far = [abs(math.log10(each.params["lr"] / best["lr"])) for each in drawn.values()]
    assert np.median(far) < 0.5  # of 5 decades


def test_a_resumed_qmc_draws_as_one_that_was_never_interrupted():
    rows = {}
    for trials in (7, 1, 12):
        rows = search(study_of("qmc", rows), trials, rows)
    assert rows == search(study_of("qmc"), 20)


def test_qmc_fills_each_field_evenly():
    """Of 64 points of a scrambled Sobol sequence, one lies in each 64th of every axis (Owen 1998)."""
    space = space_of(SPACES["ranges"] | {"loss": {"choice": ["mse", "wcc"]}})
    rows = search(study_of("qmc", space=space), 65)
    drawn = [rows[number].params for number in range(1, 65)]
    shares = [math.log(each["lr"] / 1e-5) / math.log(1e5) for each in drawn]
    assert sorted(int(64 * share) for share in shares) == list(range(64))
    assert sorted(int(64 * each["dropout"] / 0.5) for each in drawn) == list(range(64))
    assert sum(each["loss"] == "mse" for each in drawn) == 32


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (optuna.distributions.IntDistribution(5, 9, step=2), {5: 1 / 3, 7: 1 / 3, 9: 1 / 3}),
        (optuna.distributions.IntDistribution(1, 3, log=True),
         {n: math.log((n + 0.5) / (n - 0.5)) / math.log(7) for n in (1, 2, 3)}),
        (optuna.distributions.FloatDistribution(0.1, 0.3, step=0.1), {0.1: 1 / 3, 0.2: 1 / 3, 0.3: 1 / 3}),
        (optuna.distributions.CategoricalDistribution(["a", "b"]), {"a": 1 / 2, "b": 1 / 2}),
    ],
)  # fmt: skip
def test_every_value_has_its_share_of_the_axis(distribution, expected):
    drawn = [value_at((n + 0.5) / 3000, distribution) for n in range(3000)]
    for value, share in expected.items():
        same = [each == value if isinstance(value, str) else abs(each - value) < 1e-9 for each in drawn]
        assert np.mean(same) == pytest.approx(share, abs=1e-3)


def test_what_breeds_or_keeps_a_state_is_shown_every_trial_and_gp_a_hundred(monkeypatch):
    rows = {n: row(n, {"lr": 10 ** -(1 + 4 * n / 700)}) for n in range(700)}
    space = space_of({"lr": SEARCH["lr"]})
    shown = {name: study_of(name, rows, space=space) for name in SAMPLERS if name != "grid"}
    seen = {name: len(each.optuna._storage.get_all_trials(0, deepcopy=False)) for name, each in shown.items()}
    whole = dict.fromkeys(("cmaes", "nsga2", "nsga3", "qmc", "random"), 700)
    assert seen == {"prior": 500, "tpe": 500, "gp": 100, **whole}


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampler", "search", "objectives", "words"),
    [
        ("cmaes", SEARCH, 2, r"--sampler: cmaes searches by one objective, but there are 2; keep one, or"),
        ("cmaes", SPACES["choices"], 1, r"cmaes searches ranges, but every field of this space is a choice; take an"),
        ("gp", SEARCH, 4, r"gp searches by 3 objectives at most, but there are 4; keep fewer, or"),
    ],
)
def test_what_cannot_go_together_is_refused(sampler, search, objectives, words):
    spec = StudySpec(name="s", model="toy", dataset="none", sampler=sampler, objectives=(SCORE,) * objectives)
    with pytest.raises(UsageError, match=words):
        check_sampler(spec, space_of(search))
    check_sampler(replace(spec, sampler="tpe"), space_of(search))


def test_what_cmaes_leaves_to_tpe_is_said():
    spec = StudySpec(name="s", model="toy", dataset="none", sampler="cmaes")
    (note,) = sampling_notes(spec, space_of())
    assert note == "cmaes draws ranges alone; by TPE, each by itself, are drawn: loss, w.on, dims"
    assert sampling_notes(spec, space_of(SPACES["ranges"])) == ()
    assert sampling_notes(replace(spec, sampler="gp"), space_of()) == ()


# -- trials that pause -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "state"), [("tpe", "PRUNED"), ("prior", "PRUNED"), ("gp", "COMPLETE"), ("nsga2", "COMPLETE")]
)
def test_a_paused_trial_is_shown_as_one_that_was_stopped(name, state):
    study = study_of(name)
    search(study, 1)
    number = study.ask().number
    study.show_paused(number, [0.7], 3)
    (_, shown) = study.optuna._storage.get_all_trials(0, deepcopy=False)
    figure = shown.intermediate_values[3] if state == "PRUNED" else shown.value
    assert (shown.state.name, figure) == (state, 0.7)
    study.tell(row(number, {"lr": 1e-3}))
    assert study.optuna.trials[1].state.name == "COMPLETE"
