"""Re-trainings in the ledger: each is there whole, once, apart from trials; old studies have none."""

from __future__ import annotations

import pandas as pd
import pytest

from sparring.errors import LedgerError
from sparring.ledger import Ledger, epoch_rows, retraining_rows, trial_rows, write_study
from sparring.ledger.effort import read_effort
from sparring.records import Outcome, Retraining, StudySpec


def opened(folder):
    if not (folder / "study.json").exists():
        write_study(folder, {"kinds": {}, "metrics": ["val/score"]})
    return Ledger(folder, kinds={}, metrics=["val/score"], wait_s=0)


def again(trial=7, seed=97, **changes):
    told = {"role": "probe", "outcome": Outcome.COMPLETED, "value": 0.5, "best_epoch": 3, "epochs": 4,
            "metrics": {"val/score": 0.5}, "wall_s": 2.0, "cpu_s": 1.5}  # fmt: skip
    return Retraining(**{"trial": trial, "seed": seed, **told, **changes})


def test_retrainings_come_back_as_they_were(tmp_path):
    folder = tmp_path / "s"
    failed = again(seed=39, outcome=Outcome.CRASHED, value=None, best_epoch=None, metrics={}, cpu_s=None, error="no")
    with opened(folder) as ledger:
        assert retraining_rows(folder) == []
        for row in (again(), failed, again(trial=0)):
            assert ledger.append_retraining(row)
        assert not ledger.append_retraining(again(value=0.4))
    with opened(folder) as ledger:
        assert not ledger.append_retraining(again(value=0.4))  # nor after the process that knew it has died
        ledger.compact()
    assert retraining_rows(folder) == [again(trial=0), failed, again()]
    assert pd.read_parquet(folder / "retrainings")["metric.val/score"].notna().sum() == 2


def test_the_search_never_meets_one(tmp_path):
    folder = tmp_path / "s"
    with opened(folder) as ledger:
        ledger.append_retraining(again())
    assert (trial_rows(folder), epoch_rows(folder)) == ([], [])
    spec = StudySpec(name="s", model="aegan", dataset="d")
    assert read_effort(folder, spec).epochs == 0


def test_a_study_of_before_there_were_any_has_none(tmp_path):
    folder = tmp_path / "s"
    opened(folder).close()
    (folder / "retrainings").rmdir()
    assert retraining_rows(folder) == []
    opened(folder).close()
    assert (folder / "retrainings").is_dir()


def test_a_figure_that_is_not_finite_is_refused(tmp_path):
    with opened(tmp_path / "s") as ledger, pytest.raises(LedgerError, match=r"trial 7, seed 97: .* must be finite"):
        ledger.append_retraining(again(value=float("nan")))
