"""The sampler that draws near what is known: where it draws, whom it believes, and what it remembers."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial
from support.referee import SPACE, kill, make, run

from sparring.ledger import attempt_rows
from sparring.referee.sampling.axis import share_at, value_at
from sparring.referee.sampling.prior_sampler import (
    ANYWHERE,
    BEST,
    KNOWN,
    MODEL,
    PRIOR,
    SOURCE,
    PriorSampler,
    near,
)

DISTRIBUTIONS = [
    FloatDistribution(1e-5, 1e-1, log=True),
    FloatDistribution(-2.0, 3.0),
    FloatDistribution(0.0, 1.0, step=0.25),
    IntDistribution(1, 9),
    IntDistribution(8, 512, log=True),
    IntDistribution(2, 12, step=5),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=str)
def test_a_share_leads_to_a_value_and_back(distribution):
    for share in (0.0, 0.3, 0.77, 1.0):
        value = value_at(share, distribution)
        assert distribution._contains(distribution.to_internal_repr(value))
        assert value_at(share_at(value, distribution), distribution) == pytest.approx(value)
    assert value_at(0.0, distribution) == pytest.approx(distribution.low)
    assert value_at(1.0, distribution) == pytest.approx(distribution.high)


def test_near_a_number_is_within_its_range_and_mostly_close():
    distribution, chance = FloatDistribution(1e-4, 1.0, log=True), np.random.default_rng(0)
    drawn = [near(distribution, 1e-3, chance, reach=0.2) for _ in range(2000)]
    assert all(1e-4 <= value <= 1.0 for value in drawn)
    moved = np.abs(np.log10(drawn) + 3) / 4
    assert 0.1 < np.median(moved) < 0.17  # the median of |normal| is 0.67 deviations, a deviation 0.2
    assert len(set(drawn)) == 2000  # none piles up at an end


def test_near_a_choice_is_any_other_one():
    distribution, chance = CategoricalDistribution(("a", "b", "c")), np.random.default_rng(0)
    drawn = Counter(near(distribution, "a", chance, reach=0.2) for _ in range(300))
    assert drawn.keys() == {"b", "c"}
    assert near(CategoricalDistribution(("a",)), "a", chance, reach=0.2) == "a"


def study_of(sampler):
    return optuna.create_study(sampler=sampler, storage=optuna.storages.InMemoryStorage())


KNOWN_POINTS = [{"x": 0.9, "kind": "bad"}, {"x": 0.2, "kind": "good"}]


def draws(study, count):
    """So many new trials: the source of each, and its x."""
    drawn = []
    for _ in range(count):
        trial = study.ask()
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.suggest_categorical("kind", ["bad", "good", "other"])
        drawn.append((study.trials[trial.number].system_attrs[SOURCE], x))
    return drawn


def xs(drawn, source):
    return [x for drawn_by, x in drawn if drawn_by == source]


def finished(value, source, x=0.5):
    return create_trial(
        params={"x": x, "kind": "bad"},
        distributions={"x": FloatDistribution(0.0, 1.0), "kind": CategoricalDistribution(["bad", "good", "other"])},
        value=value,
        system_attrs={SOURCE: source},
    )


def test_a_source_that_only_loses_is_left_alone():
    study = study_of(PriorSampler(KNOWN_POINTS, [1.0], seed=0))
    for n in range(30):
        study.add_trial(finished(10.0 + n, PRIOR))
        study.add_trial(finished(1.0 + n / 100, ANYWHERE))
    drawn = Counter(source for source, _ in draws(study, 40))
    assert drawn[PRIOR] == 0
    assert drawn[ANYWHERE] >= 5


def test_the_prior_is_drawn_near_the_points_to_try_first():
    values = xs(draws(study_of(PriorSampler(KNOWN_POINTS, [1.0], seed=1)), 60), PRIOR)
    assert len(values) > 20
    assert sum(x == 0.2 for x in values) > 5
    assert abs(np.median(values) - 0.2) < 0.1


def test_the_published_default_alone_is_no_prior():
    drawn = draws(study_of(PriorSampler(KNOWN_POINTS[:1], [1.0], seed=1)), 16)
    assert {source for source, _ in drawn} == {ANYWHERE}
    blocks = [x for _, x in drawn[:8]], [x for _, x in drawn[8:]]
    assert [sorted(math.floor(8 * x) for x in block) for block in blocks] == [list(range(8))] * 2


def test_the_best_are_followed_and_those_that_failed_are_not():
    study = study_of(PriorSampler(KNOWN_POINTS, [-1.0], seed=2))
    for n in range(8):
        study.add_trial(finished(float(n), BEST, x=n / 10))
    study.add_trial(create_trial(state=TrialState.FAIL, system_attrs={SOURCE: BEST}))
    drawn = xs(draws(study, 60), BEST)
    kept = {x for x in drawn if x in [n / 10 for n in range(10)]}
    assert len(drawn) > 4
    assert kept <= {0.5, 0.6, 0.7}
    assert 0.4 < np.median(drawn) < 0.8


def test_draws_anywhere_fill_every_eighth_of_a_range():
    sampler = PriorSampler(KNOWN_POINTS, [1.0], seed=3)
    study = study_of(sampler)
    for n in range(60):
        study.add_trial(finished(1.0 + n, PRIOR))
        study.add_trial(finished(0.5 + n / 1000, ANYWHERE))
    drawn = xs(draws(study, 60), ANYWHERE)
    assert len(drawn) >= 16
    for block in (drawn[:8], drawn[8:16]):
        assert sorted(math.floor(8 * x) for x in block) == list(range(8))


def test_tpe_models_only_once_there_are_trials():
    study = study_of(PriorSampler(KNOWN_POINTS, [1.0], seed=4))
    for n in range(9):
        study.add_trial(finished(float(n), ANYWHERE))
    assert not xs(draws(study, 30), MODEL)
    for n in range(30):
        study.add_trial(finished(-float(n), MODEL))
        for loser in (PRIOR, BEST, ANYWHERE):
            study.add_trial(finished(100.0 + n, loser))
    assert len(xs(draws(study, 10), MODEL)) > 5


def test_who_drew_a_trial_is_in_the_ledger_and_outlives_a_restart(folder):
    referee = make(folder, trials=20, sampler="prior")
    run(referee)
    before = {row.trial: row.source for row in attempt_rows(folder)}
    assert before[0] == KNOWN
    assert set(before.values()) - {KNOWN} <= {PRIOR, BEST, MODEL, ANYWHERE}
    kill(referee)
    back = make(folder, trials=24, sampler="prior")
    assert {trial.number: trial.system_attrs[SOURCE] for trial in back.trials.study.optuna.trials} == before
    params = [row.params for row in attempt_rows(folder)]
    run(back)
    assert all(dict(row.params) not in params for row in attempt_rows(folder) if row.trial >= 20)


def test_the_same_seed_draws_the_same(folder, tmp_path):
    drawn = []
    for place in (tmp_path / "a", tmp_path / "b"):
        run(make(place, trials=15, sampler="prior"))
        drawn.append([dict(row.params) for row in attempt_rows(place)])
    assert drawn[0] == drawn[1]
    assert len(SPACE.known) == 1
