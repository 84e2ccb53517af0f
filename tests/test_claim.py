"""What a pinned file says of the race: the winner, or of a tie the trial that trains fastest and who the others are."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from support.studies import ended, fill, small_study

from sparring.ledger import Ledger
from sparring.records import Outcome, Retraining
from sparring.space import write_toml
from sparring.space.grid import points
from sparring.study.claim import claim_so_far
from sparring.study.fresh_seeds import fresh_seeds
from sparring.study.pinning import pin_trial

SEARCHED = (0.50, 0.30, 0.80, 0.90)
SECONDS = (2.0, 4.0, 1.0, 1.0)


@pytest.fixture
def raced(tmp_path):
    """Makes a study whose trials 0 and 1 had these figures on three fresh seeds."""

    def make(default, leader):
        study = small_study(tmp_path, trials=4, race="4")
        params = points(study.space, 0)
        rows = [ended(n, params[n], value, Outcome.COMPLETED) for n, value in enumerate(SEARCHED)]
        fill(study, [replace(row, wall_s=SECONDS[row.trial]) for row in rows])
        with Ledger(study.folder, kinds=study.space.kinds, metrics=study.config_class.emitted()) as ledger:
            for trial, values in ((0, default), (1, leader)):
                for seed, value in zip(fresh_seeds(0), values, strict=False):
                    told = {"outcome": Outcome.COMPLETED, "value": value, "best_epoch": 1, "epochs": 9}
                    ledger.append_retraining(Retraining(trial=trial, seed=seed, role="probe", asked=6, **told))
        return study.folder

    return make


def found_by(pinned):
    return tomllib.loads(write_toml(pinned.raw))["found"]


def test_a_winner_is_pinned_with_the_sentence_that_made_it_one(raced):
    pinned = pin_trial(raced((0.50, 0.51, 0.49), (0.30, 0.31, 0.29)))
    assert (pinned.row.trial, pinned.tied) == (1, ())
    assert found_by(pinned)["claim"].startswith("Trial 1 wins: val/score 0.2999")
    assert "tied" not in found_by(pinned)


def test_of_a_tie_the_fastest_is_pinned_and_the_others_are_named(raced):
    pinned = pin_trial(raced((0.35, 0.36, 0.34), (0.34, 0.35, 0.36)))
    assert (pinned.row.trial, pinned.tied) == (0, (1,))
    assert found_by(pinned)["claim"].startswith("A tie of 2: trials 1 and 0 may be the best")
    assert found_by(pinned)["tied"] == [1]


def test_who_names_a_trial_gets_the_searchs_own_figures(raced):
    pinned = pin_trial(raced((0.50, 0.51, 0.49), (0.30, 0.31, 0.29)), 1)
    assert (pinned.row.trial, pinned.claim) == (1, "")
    assert "claim" not in found_by(pinned)


def test_while_a_search_runs_a_line_says_that_the_best_figure_flatters(tmp_path, monkeypatch):
    monkeypatch.setattr("sparring.study.claim.known_sigma", lambda spec: None)
    study = small_study(tmp_path, trials=4)
    params = points(study.space, 0)
    fill(study, [ended(n, params[n], value, Outcome.COMPLETED) for n, value in enumerate(SEARCHED)])
    assert claim_so_far(study.folder) == "trial 1 is the best of 4 single trainings, so its figure flatters"


def test_where_the_noise_is_known_the_line_says_what_is_to_be_expected(tmp_path, monkeypatch):
    study = small_study(tmp_path, trials=4)
    params = points(study.space, 0)
    fill(study, [ended(n, params[n], value, Outcome.COMPLETED) for n, value in enumerate(SEARCHED)])
    monkeypatch.setattr("sparring.study.claim.known_sigma", lambda spec: 0.2)
    logs = np.log(SEARCHED)
    share = 1 - 0.2**2 / logs.var(ddof=1)
    expected = math.exp(logs.mean() + share * (logs.min() - logs.mean()))
    assert claim_so_far(study.folder) == f"to be expected of trial 1, the best of 4 single trainings: {expected:.4g}"


def test_after_fresh_seeds_the_line_is_the_conclusion(raced):
    assert claim_so_far(raced((0.50, 0.51, 0.49), (0.30, 0.31, 0.29))).startswith("trial 1 wins: val/score 0.2999")
