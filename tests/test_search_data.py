"""A search over options of the data on Ray: slots make the rows of their trials, and no kill mixes them up."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support.data_options import METRIC, space_file

from sparring.ledger import read_study, spec_from_json, trial_rows
from sparring.ledger.ranking import best_row
from sparring.ledger.weights import WEIGHTS, WeightsFolder
from sparring.production.loading.study_winner import read_winner
from sparring.records import Outcome
from sparring.study import reopen

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_every_trial_trains_on_its_own_descriptors_and_the_best_repeats(tmp_path, command):
    search = command("described")
    space = space_file(tmp_path)
    words = ("--space", space, "--trials", "5", "--sampler", "random", "--pruner", "none", "--set", "epochs=9")
    assert search.run(*words) == 0, search.said()
    rows = trial_rows(search.folder)
    assert [row.outcome for row in rows] == [Outcome.COMPLETED] * 5, [row.error for row in rows]
    assert len({row.params["data.r_max"] for row in rows}) == 5
    assert "these figures do not compare between trials: val/score" in " ".join(search.said().split())
    best = best_row(rows, spec_from_json(read_study(search.folder)["spec"]).objectives[0])
    assert set(WeightsFolder(search.folder / WEIGHTS).trials) == {0, best.trial}
    assert read_winner(search.folder).about.sha256 == reopen(search.folder, best.params).dataset.sha256
    pinned, trained = tmp_path / "best.toml", tmp_path / "trained"
    for words in (("best", "described", "--results", search.results, "-o", pinned), ("train", pinned, "-o", trained)):
        told = subprocess.run(
            [sys.executable, "-m", "sparring", *map(str, words)], cwd=tmp_path, capture_output=True, text=True,
            timeout=120, check=True,
        ).stdout  # fmt: skip
    assert f"exactly the figure of trial {best.trial}" in " ".join(told.split())
    assert json.loads((trained / "metrics.json").read_text())[METRIC] == best.value


def test_a_trial_goes_on_with_its_own_descriptors_after_a_kill(tmp_path, command):
    search = command("killed")
    space = space_file(tmp_path)
    words = ("--space", space, "--trials", "4", "--pruner", "none", "--checkpoint-seconds", "0", "--set", "epochs=60")
    process = search.start(*words)
    search.wait_for(lambda: sum(row.trial > 0 for row in search.epochs()) > 5, process)
    search.kill_all(process)
    assert search.run(*words) == 0, search.said()[-3000:]
    rows = trial_rows(search.folder)
    assert [row.outcome for row in rows] == [Outcome.COMPLETED] * 4, [row.error for row in rows]
    assert max(row.attempt for row in rows) > 1
    assert len({(row.trial, row.epoch) for row in search.epochs()}) == 4 * 60


def test_two_workers_make_the_same_rows(tmp_path, command):
    search = command("shared")
    space = space_file(tmp_path)
    words = ("--space", space, "--trials", "3", "--slots", "1", "--workers-per-trial", "2", "--pruner", "none",
             "--set", "epochs=3")  # fmt: skip
    assert search.run(*words) == 0, search.said()[-3000:]
    assert [row.outcome for row in trial_rows(search.folder)] == [Outcome.COMPLETED] * 3
