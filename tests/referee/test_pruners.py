"""The pruners by name: whom each stops, told from Optuna's own code where it has the same rule."""

from __future__ import annotations

import optuna
import pytest
from numpy.random import default_rng
from optuna.trial import TrialState, create_trial
from scipy.stats import wilcoxon

from sparring.errors import UnknownName
from sparring.records import PRUNERS
from sparring.referee.pruners import make_pruner
from sparring.referee.standing import Reached


def at(epoch, *figures, number=0):
    return Reached(number=number, epoch=epoch, figures=figures)


def curve(*values, number=0):
    """A trial that has these values from epoch 1 on."""
    return Reached(number=number, epoch=len(values), figures=(min(values),), values=dict(enumerate(values, start=1)))


def fill(pruner, epoch, figures):
    for figure in figures:
        pruner.learn(at(epoch, figure))


def test_the_rungs_lie_at_thirds_of_the_budget():
    assert make_pruner("halving", 27).rungs == (3, 9)
    assert make_pruner("halving", 100).rungs == (11, 33)
    assert make_pruner("halving", 27, 1).rungs == (9,)
    assert make_pruner("patient", 27, 1).rungs == tuple(range(9, 27))
    assert make_pruner("none", 27).rungs == ()
    with pytest.raises(UnknownName, match=r"--pruner.*'asha'.*halving"):
        make_pruner("asha", 27)


@pytest.mark.parametrize("epochs", [1, 2, 3, 9, 100])
def test_every_name_of_a_pruner_makes_one(epochs):
    pruners = {name: make_pruner(name, epochs) for name in PRUNERS}
    assert len({type(pruner) for pruner in pruners.values()}) == len(pruners)
    assert all(set(pruner.rungs) <= set(range(1, epochs)) for pruner in pruners.values())
    assert all(set(pruner.rungs_of(n)) <= set(pruner.rungs) for pruner in pruners.values() for n in range(9))


def test_halving_lets_the_best_third_pass_and_who_equals_the_last_of_them():
    pruner = make_pruner("halving", 27)
    fill(pruner, 3, [1.0, 2.0, 2.0, 3.0, 4.0, 5.0])
    assert [pruner.judge(at(3, figure)) for figure in (1.0, 2.0, 3.0)] == [False, False, True]


@pytest.mark.parametrize(("name", "per_cent"), [("median", 50.0), ("percentile", 25.0)])
def test_median_and_percentile_stop_whom_optunas_would(name, per_cent):
    """Optuna compares with the trials that completed; so here every trial that came to the epoch is one."""
    chance = default_rng(0)
    theirs = optuna.pruners.PercentilePruner(per_cent, n_startup_trials=5)
    seen = []
    for count in range(40):
        pruner, study, others = make_pruner(name, 10), optuna.create_study(), chance.normal(size=count % 12)
        for other in others:
            pruner.learn(at(1, other))
            study.add_trial(create_trial(state=TrialState.COMPLETE, value=other, intermediate_values={1: other}))
        own = float(chance.normal())
        pruner.learn(at(1, own))
        expected = theirs.prune(study, create_trial(state=TrialState.RUNNING, intermediate_values={1: own}))
        assert pruner.judge(at(1, own)) == expected
        seen.append(expected)
    assert 5 < sum(seen) < 35


def test_hyperband_deals_trials_to_its_brackets_as_optuna_does_on_average():
    for epochs in (27, 100):
        theirs = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
        theirs.prune(optuna.create_study(), create_trial(state=TrialState.RUNNING))
        counts, ours = theirs._trial_allocation_budgets, make_pruner("hyperband", epochs)
        depths = [len(ours.rungs_of(number)) for number in range(sum(counts))]
        assert [depths.count(len(counts) - 1 - index) for index in range(len(counts))] == counts
        for first in (10, 24):  # any beginning is nearly in proportion
            for index, count in enumerate(counts):
                found = depths[:first].count(len(counts) - 1 - index)
                assert abs(found - first * count / sum(counts)) < 1


def test_a_trial_of_hyperband_is_compared_within_its_bracket():
    pruner = make_pruner("hyperband", 27)
    assert pruner.rungs == (1, 3, 9)
    early = [number for number in range(49) if pruner.rungs_of(number) == (1, 3, 9)][:3]
    late = [number for number in range(49) if pruner.rungs_of(number) == (9,)][:2]
    for number, figure in zip([*early, *late], (1.0, 2.0, 3.0, 8.0, 9.0), strict=True):
        pruner.learn(at(9, figure, number=number))
    assert not pruner.judge(at(9, 8.0, number=late[0]))  # the best of its own
    assert pruner.judge(at(9, 9.0, number=late[1]))
    assert pruner.judge(at(9, 2.0, number=early[1]))


def test_patient_stops_nobody_who_still_improves():
    """Of 27 epochs three without an improvement are too many, outside the best third of the last rung."""
    pruner = make_pruner("patient", 27)
    assert pruner.rungs == tuple(range(3, 27))
    for figure in (1.0, 1.1, 1.2, 5.0, 2.0):
        pruner.learn(at(3, figure))
    slow = [9.0, 5.0, 6.0, 6.0, 6.0]
    assert not pruner.judge(curve(9.0, 8.0, 5.0))
    assert not pruner.judge(curve(*slow))
    assert pruner.judge(curve(*slow, 6.0))
    assert not pruner.judge(curve(*slow, 4.0))
    assert not pruner.judge(curve(9.0, 1.0, 2.0, 2.0, 2.0, 2.0))  # it is the best of its rung


def test_wilcoxon_stops_a_curve_that_lies_above_the_best_completed_one():
    chance, stopped = default_rng(1), []
    for _ in range(60):
        pruner = make_pruner("wilcoxon", 27)
        assert pruner.rungs[0] == 2
        best, own = 1 + chance.random(27), 1.1 + chance.random(8)
        assert not pruner.judge(curve(*own))  # nobody has completed
        pruner.complete(curve(*(9 + best), 9.9))
        assert not pruner.judge(curve(*own))
        pruner.complete(curve(*best, 0.5))
        pruner.complete(curve(*(0.1 + best), 0.9))  # nor is one that is worse compared with
        is_worse = wilcoxon(own - best[:8], alternative="greater").pvalue < 0.1
        mean_is_better = own.mean() <= (best.sum() + 0.5) / 28  # Optuna's safeguard
        stopped.append(pruner.judge(curve(*own)))
        assert stopped[-1] == (is_worse and not mean_is_better)
    assert 5 < sum(stopped) < 55
