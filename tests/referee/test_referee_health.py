"""Sick trials: how the referee ends them, and what samplers make of them."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.trial import TrialState
from support.referee import Shelf, epoch, make
from support.sampling import COST, SCORE, SEARCH, row, search, space_of, study_of

from sparring.ledger import trial_rows
from sparring.ledger.health import diagnose, warnings
from sparring.records import Outcome, Verdict

FROZEN = {"health/moved_dis": 0.0, "health/grad_dis": 0.3}
LEARNING = {"health/moved_dis": 1e-5, "health/grad_dis": 0.3}


def begun(folder, **more):
    referee = make(folder, **more)
    referee.ask()
    referee.start(0, "a")
    return referee


def verdicts(referee, healths):
    return [referee.report([epoch(0, n, health=health)]).verdict for n, health in enumerate(healths, start=1)]


# -- the referee -------------------------------------------------------------------------------------------------------


@pytest.mark.fault(44, stand_in=True)
def test_three_sick_epochs_in_a_row_end_a_trial_as_collapsed_with_the_reason(folder):
    referee = begun(folder)
    assert verdicts(referee, [LEARNING, FROZEN, FROZEN, FROZEN]) == [Verdict.GO_ON] * 3 + [Verdict.COLLAPSED]
    (ended,) = trial_rows(folder)
    assert (ended.outcome, ended.value, ended.epochs) == (Outcome.COLLAPSED, None, 4)
    assert ended.error == "the discriminator did not learn: none of its weights moved, 3 epochs in a row"
    assert referee.snapshot().outcomes == {Outcome.COLLAPSED: 1}
    assert referee.report([epoch(0, 4, health=FROZEN)]).verdict is Verdict.COLLAPSED  # whoever asks again


def test_a_healthy_epoch_between_sick_ones_begins_the_count_anew(folder):
    referee = begun(folder)
    assert verdicts(referee, [FROZEN, FROZEN, LEARNING, FROZEN, FROZEN]) == [Verdict.GO_ON] * 5
    assert trial_rows(folder) == []


def test_epochs_that_come_twice_are_counted_once(folder):
    referee = begun(folder)
    rows = [epoch(0, n, health=FROZEN) for n in (1, 2)]
    assert [referee.report(rows).verdict for _ in range(3)] == [Verdict.GO_ON] * 3


def test_a_referee_that_came_back_counts_on(folder):
    shelf = Shelf()
    referee = begun(folder, shelf=shelf)
    verdicts(referee, [FROZEN, FROZEN])
    referee.close()
    again = make(folder, shelf=shelf)
    assert again.report([epoch(0, 3, health=FROZEN)]).verdict is Verdict.COLLAPSED


def test_a_trial_without_figures_of_health_is_never_sick():
    rows = [epoch(0, n) for n in range(1, 6)]
    assert diagnose(rows) is None
    assert warnings(rows[-1].metrics) == []


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"health/diversity": 1e-7}, "the same of whatever it was given"),
        ({"health/diversity": 1e-7, "val/code_variance": 400.0}, None),  # draws lie in one spot among such codes
        ({"health/diversity": 1e-3}, None),
        ({"health/active_units": 0.0, "val/kld": 1e-3, "val/score": 1.0}, "the code held nothing"),
        ({"health/active_units": 0.0, "val/kld": 0.3, "val/score": 1.0}, None),  # an encoder's first epochs
        ({"health/active_units": 0.0, "val/kld": 1e-3, "val/score": 0.5}, None),
        ({"health/active_units": 0.0, "val/code_variance": 1e-3, "val/score": 1.0}, None),
        ({"health/active_units": 0.0, "val/code_variance": 0.0, "val/score": 1.0}, "the code held nothing"),
        ({"health/active_units": 0.0, "val/share_recon": 1.0}, "the code held nothing"),
        ({"health/dis_auc": 1.0, "health/swing": 1.0, "health/grad_dis": 0.0, "health/moved_dis": 0.0}, None),
    ],
)
def test_which_figures_end_a_trial_and_which_do_not(figures, words):
    found = diagnose([epoch(0, n, health=figures) for n in (1, 2, 3)])
    assert (found is None) if words is None else (words in found.reason)


def test_what_only_looks_odd_is_said():
    assert warnings({"health/dis_auc": 1.0}) == [
        "the discriminator is never wrong (it tells 100.0% of pairs apart), so it may teach little"
    ]
    assert warnings({"health/dis_auc": 0.7, "health/diversity": 0.8, "health/active_units": 1.0}) == []


# -- samplers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["prior", "tpe"])
@pytest.mark.parametrize("objectives", [(SCORE,), (SCORE, COST)])
def test_a_sick_trial_violates_a_constraint_and_has_no_figure_also_after_a_resume(name, objectives):
    study = study_of(name, objectives=objectives)
    ends = [Outcome.COMPLETED, Outcome.COLLAPSED, Outcome.CRASHED]
    rows = search(study, 3, ends=lambda _: ends.pop(0))
    for each in (study, study_of(name, rows, objectives=objectives)):
        held = [(trial.state.name, trial.constraints) for trial in each.optuna.trials]
        assert held == [("COMPLETE", {}), ("PRUNED", {"health": 1.0}), ("FAIL", {})]
        assert each.optuna.trials[1].intermediate_values == {}
        assert search(each, 12)  # and goes on


def test_tpe_draws_elsewhere_than_where_trials_collapse():
    """The best figures lie beside the cliff. What is unheard is drawn again and again; what is said is left alone."""

    def sick_share(heard, seed):
        space = space_of({"lr": SEARCH["lr"]})
        study, sick = study_of("tpe", space=space, seed=seed), []
        for _ in range(40):
            drawn = study.ask()
            sick.append(drawn.params["lr"] > 1e-3)  # the optimum of the toy's score
            outcome = heard if sick[-1] else Outcome.COMPLETED
            study.tell(row(drawn.number, drawn.params, outcome))
        return np.mean(sick[15:])

    shares = [[sick_share(heard, seed) for seed in range(3)] for heard in (Outcome.COLLAPSED, Outcome.CRASHED)]
    assert np.mean(shares[0]) < 0.8 * np.mean(shares[1])


@pytest.mark.parametrize("name", ["gp", "cmaes", "nsga2"])
def test_what_needs_a_figure_of_every_trial_is_told_as_before(name):
    study = study_of(name)
    ends = [Outcome.COMPLETED, Outcome.COLLAPSED]
    search(study, 2, ends=lambda _: ends.pop(0))
    states = [trial.state for trial in study.optuna.trials]
    assert states[1] is (TrialState.COMPLETE if name == "gp" else TrialState.FAIL)
