"""Looks at the test rows: each is there whole, none is ever lost, and old studies have none."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from sparring.errors import LedgerError
from sparring.ledger import Ledger, Look, read_looks, write_study
from sparring.records import Interval

WINNER = {"test/score": Interval(0.5, 0.4, 0.6, (0.4, 0.5, 0.6)), "test/mse": Interval(2.0)}


def opened(folder):
    if not (folder / "study.json").exists():
        write_study(folder, {"kinds": {}, "metrics": ["val/score"]})
    return Ledger(folder, kinds={}, metrics=["val/score"], wait_s=0)


def look(number, **changes):
    return Look(**{"number": number, "trial": 7, "trials": 24 * number, "rows": 205, "winner": WINNER, **changes})


def test_looks_come_back_as_they_were_in_their_order(tmp_path):
    folder = tmp_path / "s"
    looks = [
        look(1),
        look(2, trial=9, default={"test/score": Interval(0.9)}, difference={"test/score": Interval(-0.4)}),
    ]
    with opened(folder) as ledger:
        assert read_looks(folder) == ()
        for each in looks:
            ledger.append_look(each)
    assert list(read_looks(folder)) == looks
    with opened(folder) as ledger:
        ledger.compact()
    assert list(read_looks(folder)) == looks
    table = pd.read_parquet(folder / "test")
    assert set(table["role"]) == {"winner", "default", "difference"}
    assert table.loc[(table["look"] == 1) & (table["metric"] == "test/score"), "low"].item() == 0.4


def test_a_study_of_before_there_were_looks_has_none(tmp_path):
    folder = tmp_path / "s"
    opened(folder).close()
    (folder / "test").rmdir()
    assert read_looks(folder) == ()
    opened(folder).close()
    assert (folder / "test").is_dir()


def test_a_torn_look_is_set_aside_and_the_others_count(tmp_path):
    folder = tmp_path / "s"
    with opened(folder) as ledger:
        ledger.append_look(look(1))
        ledger.append_look(look(2))
    first, _ = sorted((folder / "test").iterdir())
    first.write_bytes(first.read_bytes()[:-9])
    assert [each.number for each in read_looks(folder)] == [2]
    with opened(folder) as ledger:
        assert "checksum" in ledger.torn[0]


def test_a_figure_that_is_not_finite_is_kept_as_measured_without_an_interval(tmp_path):
    folder = tmp_path / "s"
    with opened(folder) as ledger:
        ledger.append_look(look(1, winner={"test/score": Interval(math.nan)}))
    (kept,) = read_looks(folder)
    assert math.isnan(kept.winner["test/score"].value)
    assert kept.winner["test/score"].low is None


def test_a_closed_ledger_takes_no_look(tmp_path):
    ledger = opened(tmp_path / "s")
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.append_look(look(1))
