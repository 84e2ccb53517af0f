"""The race as a protocol: who is trained again, on which seeds, and what a killed one does again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sparring.records import Objective
from sparring.study.conclusion import Run, conclude, race, scale_of, sentence
from sparring.study.conclusion.race import separated

SEARCH = {0: 0.3, 1: 0.02, 2: 0.0, 3: 0.05, 4: 0.01, 5: 0.9}
SCALE = scale_of(Objective(metric="val/score"), [1.0])


def play(search, most, train, known=()):
    """Runs a race to its end; returns how it ended, and what was trained beyond ``known``."""
    results, trained = {}, []
    for run, value in known:
        results.setdefault(run.trial, {})[run.seed] = value
    racing = race(search, most)
    try:
        runs = next(racing)
        while True:
            for run in runs:
                if run.seed not in results.get(run.trial, {}):
                    results.setdefault(run.trial, {})[run.seed] = train(run)
                    trained.append((run, results[run.trial][run.seed]))
            runs = racing.send(results)
    except StopIteration as end:
        return end.value, trained


def noisy(sigma, truth=SEARCH):
    return lambda run: truth[run.trial] + sigma * float(np.random.default_rng([run.trial, run.seed]).standard_normal())


def test_without_a_share_only_leader_and_default_are_trained_three_times_each():
    standing, trained = play(SEARCH, lambda sigma: 6, noisy(0.01))
    assert sorted((run.trial, run.seed) for run, _ in trained) == [
        (trial, seed) for trial in (0, 2) for seed in (1, 2, 3)
    ]
    assert (standing.leader, standing.unseen, standing.noise.freedom) == (2, (1, 2, 3), 4)


def test_more_than_the_probe_but_too_few_for_a_race_are_seeds_of_leader_and_default():
    for most, each in ((7, 3), (12, 6), (13, 6)):
        standing, trained = play(SEARCH, lambda sigma, most=most: most, noisy(0.01))
        assert len(trained) == 2 * each
        assert (standing.looks, len(standing.unseen), standing.noise.freedom) == (1, each, 2 * each - 2)


def test_where_the_default_leads_the_second_is_trained_beside_it():
    _, trained = play({0: 0.0, 1: 0.5, 2: 0.4}, lambda sigma: 6, noisy(0.01))
    assert {run.trial for run, _ in trained} == {0, 2}


def test_a_race_spends_no_more_than_its_share_and_ends_on_unseen_seeds():
    for most in range(4, 60):
        standing, trained = play(SEARCH, lambda sigma, most=most: most, noisy(0.1))
        assert len(trained) <= most
        assert len({(run.trial, run.seed) for run, _ in trained}) == len(trained)
        if standing.looks > 1:
            finals = {run.seed for run, _ in trained if run.role == "final" and run.trial == standing.leader}
            assert finals == set(standing.unseen)


def test_a_killed_race_trains_only_what_it_lacks():
    whole, trained = play(SEARCH, lambda sigma: 40, noisy(0.1))
    assert len(trained) > 20
    for cut in range(0, len(trained), 3):
        again, rest = play(SEARCH, lambda sigma: 40, noisy(0.1), known=trained[:cut])
        assert again == whole
        assert [run for run, _ in rest] == [run for run, _ in trained[cut:]]


def test_a_setting_that_fails_on_a_fresh_seed_does_not_lead():
    def train(run):
        return math.inf if run.trial == 2 and run.seed > 1 else noisy(0.05)(run)

    standing, _ = play(SEARCH, lambda sigma: 40, train)
    assert standing.leader in {1, 3, 4}


def test_a_paired_test_sees_through_what_seeds_have_in_common():
    luck = dict(enumerate(np.random.default_rng(0).normal(0, 1, 8)))
    better = {seed: value - 0.1 - 0.01 * (seed % 2) for seed, value in luck.items()}
    assert separated(better, luck, None, 0.001)
    assert not separated(luck, better, None, 0.5)


@pytest.mark.parametrize(("gap", "is_apart"), [(4.4, True), (4.2, False)])
def test_the_test_is_students(gap, is_apart):
    # Differences gap − 1, gap, gap + 1 over √3: t = gap·√3; 2.5 % of t with 2 degrees of freedom lie above 4.303.
    step = gap / math.sqrt(3)
    one, other = {1: 0.0, 2: 0.0, 3: 0.0}, {1: step - 1, 2: step, 3: step + 1}
    assert separated(one, other, None, 0.025) is is_apart


def test_a_winner_far_ahead_is_claimed_with_the_mean_of_its_fresh_seeds():
    truth = {0: 1.0, 1: 0.9, 2: 0.0, 3: 0.8}
    standing, trained = play(truth, lambda sigma: 6, noisy(0.02, truth))
    found = conclude(truth, standing, SCALE)
    fresh = [value for run, value in trained if run.trial == 2]
    assert (found.kind, found.trial, found.tied, found.seeds) == ("winner", 2, (2,), 3)
    assert found.figure.value == pytest.approx(math.exp(np.mean(fresh)))
    assert found.figure.low < 1.0 < found.figure.high
    said = sentence(found, "val/score")
    assert said.startswith("trial 2 wins: val/score ")
    assert said.endswith("(mean of 3 fresh seeds); the best of 4 with a probability of over 0.99")


def test_two_that_cannot_be_told_apart_are_a_tie_by_name():
    truth = {0: 1.0, 1: 0.01, 2: 0.0, 3: 0.8}
    standing, _ = play(truth, lambda sigma: 6, noisy(0.05, truth))
    found = conclude(truth, standing, SCALE)
    assert (found.kind, set(found.tied)) == ("tie", {1, 2})
    assert "a tie of 2: trials 2 and 1 may be the best (probabilities 0." in sentence(found, "val/score")


def test_noise_as_large_as_the_spread_is_said_to_be_too_large():
    truth = {trial: 0.01 * trial for trial in range(24)}
    search = {trial: noisy(0.3, truth)(Run(trial, 0)) for trial in truth}
    standing, _ = play(search, lambda sigma: 6, noisy(0.3, truth))
    found = conclude(search, standing, SCALE)
    assert found.kind == "noise"
    said = sentence(found, "val/score")
    assert "noise too large to say which of 24 trials is the best" in said
    assert f"takes {found.needed} fresh seeds of each" in said


def test_without_noise_nothing_is_concluded():
    standing, trained = play(SEARCH, lambda sigma: 3, noisy(0.1))
    assert trained == []
    assert conclude(SEARCH, standing, SCALE) is None
