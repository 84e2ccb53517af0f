"""What more trials would bring, against every draw written out and against what further draws did bring."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from sparring.ledger.prospects import drawn_values, expected_best, expected_bests, prospect, shares_left
from sparring.ledger.ranking import best_row
from sparring.records import Objective, Outcome, TrialRow

LOSS = Objective(metric="val/score")
GAIN = Objective(metric="val/score", goal="maximize")


def rows(values, outcome=Outcome.COMPLETED, first=1):
    return [
        TrialRow(trial=number, attempt=1, seed=0, outcome=outcome, params={}, value=value)
        for number, value in enumerate(values, start=first)
    ]


def foretell(ended, objective=LOSS, trials=None):
    return prospect(ended, objective, known=1, best=best_row(ended, objective), trials=trials)


def basin(random, count):
    """Losses of points drawn in a bowl of four dimensions, as near an optimum."""
    return 0.1 + (random.uniform(-1, 1, (count, 4)) ** 2 @ [1.0, 0.5, 0.25, 0.125])


@pytest.mark.parametrize("trials", [1, 2, 3, 4])
def test_the_expected_best_is_the_mean_over_every_draw_there_is(trials):
    values = np.array([1.0, 2.0, 2.0, 5.0, 11.0])
    every = np.mean([min(draw) for draw in product(values, repeat=trials)])
    assert expected_best(values, shares_left(np.ones((1, 5), int)), trials) == pytest.approx([every])


def test_a_resample_is_drawn_from_as_if_it_were_written_out():
    values = np.array([1.0, 2.0, 5.0, 11.0])
    written = np.mean([min(draw) for draw in product([2.0, 2.0, 2.0, 11.0], repeat=3)])
    assert expected_best(values, shares_left(np.array([[0, 3, 0, 1]])), 3) == pytest.approx([written])


def test_the_curve_ends_near_the_best_and_mirrors_with_the_goal():
    losses = basin(np.random.default_rng(0), 40)
    curve = expected_bests(drawn_values(rows(losses), LOSS, 1), LOSS)
    assert [curve[0].trials, curve[-1].trials] == [1, 40]
    assert curve[0].expected == pytest.approx(losses.mean())
    assert losses.min() < curve[-1].expected < np.sort(losses)[2]
    assert all(each.low < each.expected < each.high for each in curve)
    mirrored = expected_bests(drawn_values(rows(-losses), GAIN, 1), GAIN)
    assert [(-each.high, -each.low) for each in mirrored] == [(each.low, each.high) for each in curve]


def test_more_trials_bring_about_what_they_then_do_bring():
    """Of 200 searches of 24 trials: the mean of what 24 more bring, and how often the interval of 90 % holds it."""
    random = np.random.default_rng(7)
    gains, foretold, inside = [], [], []
    for _ in range(200):
        losses, more = basin(random, 24), basin(random, 24)
        told, best = foretell(rows(losses)), losses.min()
        truth = min(best, more.min())
        gains.append(best - truth)
        foretold.append(best - told.expected)
        inside.append(told.low <= truth <= told.high)
    assert 0.5 < np.mean(foretold) / np.mean(gains) < 1.5
    assert np.mean(inside) > 0.8


def test_the_goal_turns_the_interval_round():
    values = basin(np.random.default_rng(3), 24)
    loss = foretell(rows(values + 10))
    gain = foretell(rows(-values - 10), GAIN)
    assert (-gain.expected, -gain.high, -gain.low) == pytest.approx((loss.expected, loss.low, loss.high))
    assert loss.low < loss.expected < loss.high <= values.min() + 10


def test_more_trials_never_expect_a_worse_best_and_ever_more_a_better():
    ended = rows(basin(np.random.default_rng(1), 30))
    expected = [foretell(ended, trials=trials).expected for trials in (1, 10, 100, 1000)]
    assert expected == sorted(expected, reverse=True)
    assert 0 <= expected[-1] < expected[0] <= best_row(ended, LOSS).value


def test_given_trials_are_no_draws_but_may_be_the_best():
    drawn = rows(basin(np.random.default_rng(1), 30))
    given = rows([0.01], first=0)
    told = foretell(given + drawn)
    assert told.trials == 30
    assert told.expected <= told.high <= 0.01


def test_a_failed_trial_is_a_draw_without_a_value():
    drawn = rows(basin(np.random.default_rng(1), 20))
    failed = rows([None] * 60, Outcome.CRASHED, first=21)
    values = drawn_values(drawn + failed, LOSS, 1)
    assert (len(values), np.isinf(values).sum()) == (80, 60)
    assert expected_bests(values, LOSS)[0].expected > np.mean([row.value for row in drawn])
    # Of as many more draws only a quarter have a value, so they bring less.
    assert foretell(drawn + failed, trials=20).expected > foretell(drawn, trials=20).expected


@pytest.mark.parametrize(
    ("completed", "stopped", "says"), [(4, 20, False), (5, 20, True), (9, 0, False), (10, 0, True), (0, 30, False)]
)
def test_too_few_trials_foretell_nothing(completed, stopped, says):
    ended = rows(np.linspace(0.1, 0.3, completed))
    ended += rows(np.linspace(0.5, 0.9, stopped), Outcome.PRUNED, first=completed + 1)
    assert (foretell(ended) is not None) is says


def test_equal_values_foretell_themselves():
    told = foretell(rows([0.5] * 12))
    assert (told.expected, told.low, told.high) == (0.5, 0.5, 0.5)


def test_without_any_value_there_is_no_curve():
    assert expected_bests(drawn_values(rows([None, math.nan]), LOSS, 1), LOSS) == []
    assert expected_bests(drawn_values([], LOSS, 1), LOSS) == []


def test_a_gain_that_is_rare_lies_within_the_interval_all_the_same():
    told = foretell(rows([0.08], first=0) + rows(np.arange(0.1, 1.1, 0.05)), trials=1)
    assert told.low == told.expected < told.high == 0.08
