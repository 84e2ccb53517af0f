"""A search trains its best again on fresh seeds, through a kill, and says what that allows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sparring.ledger import retraining_rows, trial_rows
from sparring.study.fresh_seeds import conclusion_of

pytestmark = [pytest.mark.ray, pytest.mark.slow]

FEW = ("--trials", "4", "--set", "epochs=2", "--set", "data.n=120", "--set", "hidden_size=16", "--slots", "2",
       "--pruner", "none")  # fmt: skip
CLAIMS = {"winner": "wins: val/score", "tie": "A tie of", "noise": "Noise too large"}


def test_a_race_goes_on_after_a_kill_and_the_search_says_what_may_be_claimed(tmp_path, command):
    search = command("raced")
    process = search.start(*FEW, "--race", "4")
    search.wait_for(lambda: search.epochs() and retraining_rows(search.folder), process)
    search.kill_all(process)
    kept, trials = retraining_rows(search.folder), trial_rows(search.folder)
    assert search.run(*FEW, "--race", "4") == 0, search.said()
    again, found = retraining_rows(search.folder), conclusion_of(search.folder)
    assert [row for row in again if row in kept] == kept
    assert {row.seed for row in again} == {97, 39}
    assert (len(again), trial_rows(search.folder)) == (4, trials)
    said = " ".join(search.said().split())
    assert CLAIMS[found.kind] in said
    assert "A re-training moves val/score by" in said
    pin = ["best", "raced", "--results", str(search.results), "-o", "best.toml"]
    subprocess.run([sys.executable, "-m", "sparring", *pin], cwd=tmp_path, check=True)
    assert any(f"trial = {trial}\n" in (tmp_path / "best.toml").read_text() for trial in found.tied)
