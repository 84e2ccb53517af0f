"""A head lost with everything on it: the same command elsewhere goes on from the mirror."""

from __future__ import annotations

import shutil

import pytest

from sparring.ledger import epoch_rows, trial_rows

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_a_lost_head_comes_back_from_the_mirror(command, tmp_path):
    search, mirror = command("lost"), tmp_path / "mirror"
    budget = ("--trials", "6", "--set", "epochs=120", "--pruner", "none", "--checkpoint-seconds", "0")
    process = search.start(*budget, "--mirror", str(mirror))
    copy = mirror / "lost"
    search.wait_for(lambda: (copy / "study.json").exists() and len(trial_rows(copy)) >= 2, process)
    search.kill_all(process)
    ended, told = trial_rows(copy), epoch_rows(copy)
    shutil.rmtree(search.results)

    assert search.run(*budget, "--mirror", str(mirror)) == 0, search.said()[-3000:]
    assert "came back from" in search.said()
    rows = {row.trial: row for row in trial_rows(search.folder)}
    assert sorted(rows) == list(range(6))
    assert all(rows[row.trial] == row for row in ended)
    epochs = [(row.trial, row.epoch) for row in epoch_rows(search.folder)]
    assert sorted(epochs) == [(trial, epoch) for trial in range(6) for epoch in range(1, 121)]
    assert {(row.trial, row.attempt, row.epoch) for row in told} <= {
        (row.trial, row.attempt, row.epoch) for row in epoch_rows(search.folder)
    }
    assert trial_rows(copy) == trial_rows(search.folder), "what came after is mirrored as well"
