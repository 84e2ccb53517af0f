"""A whole search looks at the test rows when its budget is spent, and again only after it went on."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

from sparring.ledger import read_looks

pytestmark = [pytest.mark.ray, pytest.mark.slow]

FEW = ("--split", "75/15/10", "--set", "epochs=3", "--set", "data.n=200", "--slots", "2")


def test_a_search_ends_with_its_winner_and_the_default_on_rows_that_chose_neither(tmp_path, command):
    search = command("looked")
    assert search.run("--trials", "3", *FEW) == 0, search.said()
    (seen,) = read_looks(search.folder)
    assert (seen.trials, seen.rows) == (3, 20)
    said = " ".join(search.said().split())
    assert f"test/score of trial {seen.trial} is" in said
    assert "Test rows looked at once, after 3 trials." in said
    assert "test/score" in set(pd.read_parquet(search.folder / "test")["metric"])
    assert list((search.folder / "tensorboard" / f"{seen.trial:05d}").glob("*.test-1"))
    # What is trained again from the pinned file meets the same rows.
    for verb in (["best", "looked", "-o", "best.toml"], ["train", "best.toml", "-o", "trained"]):
        where = ["--results", str(search.results)] if verb[0] == "best" else []
        subprocess.run([sys.executable, "-m", "sparring", *verb, *where], cwd=tmp_path, check=True)
    trained = json.loads((tmp_path / "trained" / "metrics.json").read_text())
    assert trained["test/score"] == pytest.approx(seen.winner["test/score"].value, rel=1e-4)
    # The same command finds nothing left to look at; a larger budget ends with another look, which is said for ever.
    assert search.run("--trials", "3", *FEW) == 0
    assert read_looks(search.folder) == (seen,)
    assert search.run("--trials", "4", *FEW) == 0, search.said()
    assert [each.trials for each in read_looks(search.folder)] == [3, 4]
    assert "Test rows looked at 2 times, after 3 and 4 trials" in " ".join(search.said().split())
