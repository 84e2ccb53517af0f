"""σ of a re-training, its interval, and who contends, against closed forms."""

from __future__ import annotations

import math

import pytest

from sparring.records import Objective
from sparring.study.conclusion import contenders, noise_of, scale_of, seeds_to_tell, share_of_budget
from sparring.study.conclusion.outcome import shrink

SCORE = Objective(metric="val/score")


def test_noise_is_pooled_within_settings_with_an_interval_by_chi_square():
    noise = noise_of([[1.0, 2.0, 3.0], [10.0, 10.0, 13.0]])  # squares 2 and 6
    assert noise.freedom == 4
    assert noise.sigma == pytest.approx(math.sqrt(8 / 4))
    # The 2.5 and 97.5 % points of chi-square with 4 degrees of freedom are 0.4844 and 11.143 (printed tables).
    assert noise.low == pytest.approx(math.sqrt(8 / 11.143), rel=1e-3)
    assert noise.high == pytest.approx(math.sqrt(8 / 0.4844), rel=1e-3)


def test_a_failed_seed_and_a_setting_of_one_seed_measure_no_noise():
    assert noise_of([[1.0], [2.0, math.inf]]) is None


def test_noise_is_told_in_percent_where_figures_are_ratios():
    scale = scale_of(SCORE, [0.05, 0.06])
    noise = noise_of([[math.log(0.05), math.log(0.05) + 0.02, math.log(0.05) - 0.02]])
    assert noise.sentence("val/score", scale) == "a re-training moves val/score by 2 %, 1 to 13"


def test_noise_is_told_in_the_figures_unit_where_one_is_below_zero():
    scale = scale_of(SCORE, [0.05, -0.01])
    noise = noise_of([[0.0, 0.02, -0.02]])
    assert noise.sentence("val/mmd", scale) == "a re-training moves val/mmd by 0.02, 0.01 to 0.13"


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_on_the_scale_lower_is_better_and_the_way_back_is_exact(goal):
    scale = scale_of(Objective(metric="val/pearson", goal=goal), [0.5, 0.8])
    assert (scale.take(0.8) > scale.take(0.5)) is (goal == "minimize")
    assert scale.figure(scale.take(0.8)) == pytest.approx(0.8)


def test_contenders_are_what_the_noise_cannot_tell_from_the_best():
    search = {7: 0.0, 1: 0.27, 2: 0.29, 3: -0.01}
    assert contenders(search, 0.1) == (3, 7, 1)  # closer than 0.283 to trial 3's; 0.28 is
    assert contenders(search, 1e-6) == (3, 7)
    assert contenders(dict.fromkeys(range(40), 0.0), 0.1) == tuple(range(16))


@pytest.mark.parametrize(("gap", "seeds"), [(0.2, 4), (0.1, 13), (0.05, 50)])
def test_seeds_that_tell_a_gap(gap, seeds):
    assert seeds_to_tell(0.1, gap) == seeds


@pytest.mark.parametrize(
    ("sigma", "runs", "share"),
    [(0.013, 1000, 0), (0.05, 399, 0), (0.05, 400, 0.1), (0.15, 24, 0), (0.15, 100, 0.2), (0.1, 400, 0.2)],
)
def test_what_a_race_is_worth_follows_from_noise_and_budget(sigma, runs, share):
    assert share_of_budget(sigma, runs) == share


def test_a_figure_of_one_seed_is_drawn_to_the_mean_by_the_share_of_the_noise():
    believed = shrink({0: -1.0, 1: 0.0, 2: 1.0}, math.sqrt(0.25))  # the spread is 1, so three quarters of it are true
    assert believed[0] == pytest.approx((-0.75, 0.5 * math.sqrt(0.75)))
    assert shrink({0: -1.0, 1: 1.0}, 5.0)[0] == (0.0, 0.0)
