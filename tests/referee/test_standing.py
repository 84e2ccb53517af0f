"""The order of trials by several objectives, against Optuna's own sorting, and who goes on by it."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.samplers.nsgaii._elite_population_selection_strategy import _calc_crowding_distance
from optuna.study._multi_objective import _fast_non_domination_rank
from optuna.trial import TrialState, create_trial

from sparring.referee.pruners import make_pruner
from sparring.referee.standing import Reached, Rung, order


@pytest.mark.parametrize("objectives", [2, 3])
def test_trials_stand_by_front_and_then_by_crowding(objectives):
    points = np.random.default_rng(objectives).random((60, objectives))
    fronts = _fast_non_domination_rank(points)
    distance = np.zeros(60)
    for front in range(fronts.max() + 1):
        rows = np.flatnonzero(fronts == front)
        trials = [create_trial(state=TrialState.COMPLETE, values=points[row].tolist()) for row in rows]
        for number, trial in enumerate(trials):
            trial.number = number
        found = _calc_crowding_distance(trials)
        distance[rows] = [found.get(number, 0.0) for number in range(len(rows))]
    expected = [
        sum((fronts[other], -distance[other]) < (fronts[row], -distance[row]) for other in range(60))
        for row in range(60)
    ]
    assert order(points).tolist() == expected
    assert len(set(fronts.tolist())) > 3


def test_equal_trials_stand_alike():
    points = np.array([[1.0, 1.0], [0.0, 0.5], [1.0, 1.0], [0.5, 0.0]])
    assert order(points).tolist() == [2, 0, 2, 0]


def test_a_rung_of_one_objective_scores_by_it_and_of_several_by_their_order():
    one, two = Rung(), Rung()
    for figure in (3.0, 1.0, 2.0):
        one.add((figure,))
        two.add((figure, figure))
    assert (one.scores, one.score((2.0,))) == ([1.0, 2.0, 3.0], 2.0)
    assert (two.scores, two.score((2.0, 2.0))) == ([0, 1, 2], 1)
    two.add((0.0, 9.0))
    assert two.score((1.0, 1.0)) == 0
    assert two.score((2.0, 2.0)) == 2


@pytest.mark.parametrize("name", ["halving", "hyperband", "median", "percentile"])
def test_by_several_objectives_whoever_leads_in_one_is_not_stopped(name):
    pruner = make_pruner(name, 9)
    ends = [(0.0, 9.0), (9.0, 0.0)]
    middling = [(3.0 + k, 3.0 + k) for k in range(10)]
    (rung,) = {max(pruner.rungs_of(0)), max(pruner.rungs)}

    def at(figures):
        return Reached(number=0, epoch=rung, figures=figures)

    for figures in ends + middling:
        pruner.learn(at(figures))
    assert not any(pruner.judge(at(figures)) for figures in ends)
    assert pruner.judge(at(middling[-1]))
