"""What an earlier version wrote is resumed, reported and asked as before: ``older/make.py`` made it, and says when."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sparring.data import load_dataset
from sparring.ledger import read_study, trial_rows
from sparring.ledger.schema import OVERHEAD
from sparring.records import Outcome

OLDER = Path(__file__).parent / "older"

SETTINGS = (
    "hidden_size=16",
    "n_hl_gen=1",
    "n_hl_shared=1",
    "n_hl_dis=1",
    "batch_size=64",
    "loss_gen=mse",
    "epochs=150",
)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A copy of what ``make.py`` wrote, to be worked in."""
    shutil.copytree(OLDER, tmp_path / "older", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "older"


@pytest.fixture
def same_data() -> None:
    """Skips where the embedded set comes out otherwise: a study resumes on its own rows alone."""
    document = read_study(OLDER / "results" / "older")
    if load_dataset("exafs", None, {"n": 200}).sha256 != document["identity"]["data_sha256"]:
        pytest.skip("this processor rounds the embedded spectra otherwise than the one on which the study was made")


def test_an_older_study_is_reported_as_before(older, run_verb, tmp_path):
    results, report = older / "results", tmp_path / "report.json"
    assert run_verb("report", "older", "--results", results, "--format", "json", "--no-yardsticks", "-o", report) == 0
    now, before = (json.loads(path.read_text()) for path in (report, older / "report.json"))
    added = ("try", *OVERHEAD)  # there were no points to try first, and a trial's epochs alone were timed
    assert {row.pop(name) for row in (now["best"], now["baseline"], *now["trials"]) for name in added} == {None}
    del now["prospect"]
    checks = {check["question"]: check["status"] for check in now.pop("checks")}  # nothing checked a study then
    assert checks["Is the default beaten?"] == "failed"
    assert now.pop("conclusion") == []  # nothing was trained again
    assert now.pop("test")["sentences"][0].startswith("No test rows: the split 80/20 keeps none.")
    for each in (now, before):
        del each["importance"]["sentence"]  # its figures stay, its words have become plainer
    assert now == before


@pytest.mark.slow
@pytest.mark.parametrize("place", ["trained/older", "results/older"])
def test_an_older_model_predicts_as_before(older, place, run_verb, tmp_path, same_data):
    assert run_verb("predict", older / place, "--rows", "20", "-o", tmp_path / "answers") == 0
    with np.load(tmp_path / "answers" / "predictions.npz") as now, np.load(older / "predictions.npz") as before:
        assert set(now) == set(before)
        for name in ("spectrum", "structure"):
            np.testing.assert_allclose(now[name], before[name], rtol=1e-4, atol=1e-4)
        assert list(now["ids"]) == list(before["ids"])


@pytest.mark.ray
@pytest.mark.slow
def test_an_older_study_goes_on_where_it_stood(older, command, same_data):
    """From its mirror: what comes back is the folder, byte for byte, and is resumed as that."""
    search = command("older")
    before = trial_rows(older / "results" / "older")
    standing = {int(path.name[1:6]) for path in (older / "results" / "older" / "checkpoints").iterdir()}
    trials = len(before) + len(standing) + 1
    settings = [word for setting in (*SETTINGS, "data.n=200") for word in ("--set", setting)]
    space = ["--space", str(OLDER / "space.toml")]  # the shipped one of that time
    arguments = ["--trials", str(trials), "--slots", "2", *space, *settings, "--mirror", str(older / "mirror")]
    assert search.run(*arguments) == 0, search.said()
    rows = {row.trial: row for row in trial_rows(search.folder)}
    assert len(rows) == trials
    assert [rows[row.trial] for row in before] == before
    assert min(rows[trial].attempt for trial in standing) == 2  # one that was paused at a rung has more
    assert all(rows[trial].outcome in (Outcome.COMPLETED, Outcome.PRUNED) for trial in standing)
    epochs = Counter((row.trial, row.epoch) for row in search.epochs())
    assert max(epochs.values()) == 1
    assert sum(epochs.values()) == sum(row.epochs for row in rows.values())
