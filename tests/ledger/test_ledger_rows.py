"""Rows of the ledger: written, read back, compacted, refused."""

from __future__ import annotations

import math
import shutil
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.ledger import KINDS, METRICS

from sparring.errors import LedgerError, UnknownName
from sparring.ledger import (
    Ledger,
    attempt_rows,
    epoch_rows,
    parts,
    read_attempts,
    read_epochs,
    read_trials,
    trial_rows,
    write_study,
)
from sparring.records import AttemptRow, EpochRow, Outcome, TrialRow

PARAMS = {"lr": 1e-3, "width": 256, "bias": True, "loss": "wcc"}


@pytest.fixture
def ledger(folder):
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0) as opened:
        yield opened


def ended(trial, **changes):
    row = {"attempt": 1, "seed": 7, "outcome": Outcome.COMPLETED, "params": PARAMS, "value": 0.25, "best_epoch": 2}
    return TrialRow(trial=trial, **{**row, "epochs": 3, "metrics": {"val/score": 0.25}, "wall_s": 1.5, **changes})


def epoch(trial, number, attempt=1, **metrics):
    figures = {name.replace("_", "/", 1): value for name, value in metrics.items()}
    return EpochRow(trial=trial, attempt=attempt, epoch=number, metrics=figures, wall_s=0.5)


def test_a_finished_trial_comes_back_as_it_was_written(ledger, folder):
    rows = [ended(1), ended(0, outcome=Outcome.CRASHED, value=None, best_epoch=None, metrics={}, error="ValueError: x")]
    assert [ledger.append_trial(row) for row in rows] == [True, True]
    assert trial_rows(folder) == [rows[1], rows[0]]


def test_attempts_and_epochs_come_back_as_they_were_written(ledger, folder):
    attempts = [AttemptRow(trial=3, attempt=n, seed=9, params={"lr": 0.5}, slot="slot-1") for n in (1, 2)]
    for row in attempts:
        assert ledger.append_attempt(row)
    rows = [epoch(3, 1, val_score=0.5, train_loss_gen=2.0), epoch(3, 2, val_score=0.25)]
    ledger.append_epochs(rows)
    assert attempt_rows(folder) == attempts
    assert epoch_rows(folder) == rows


def test_nan_stays_nan_and_missing_stays_null(ledger, folder):
    ledger.append_trial(ended(0, params={"lr": 1.0}, metrics={"val/score": math.nan}))
    table = read_trials(folder).table
    assert table["metric.val/score"].null_count == 0
    assert math.isnan(table["metric.val/score"][0].as_py())
    assert table["metric.train/loss_gen"].null_count == 1
    assert table["param.loss"].null_count == table["param.width"].null_count == table["param.bias"].null_count == 1
    (row,) = trial_rows(folder)
    assert row.params == {"lr": 1.0}
    assert list(row.metrics) == ["val/score"]


def test_a_trial_ends_once_also_after_a_restart(ledger, folder):
    ledger.append_trial(ended(0))
    assert ledger.append_trial(ended(0, value=0.1)) is False
    ledger.close()
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0) as again:
        assert again.append_trial(ended(0, value=0.1)) is False
        assert again.append_trial(ended(1)) is True
    assert [row.value for row in trial_rows(folder)] == [0.25, 0.25]


def test_a_known_attempt_is_not_written_twice_also_after_a_restart(ledger, folder):
    row = AttemptRow(trial=0, attempt=1, seed=1, params={})
    assert ledger.append_attempt(row)
    assert not ledger.append_attempt(row)
    ledger.close()
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0) as again:
        assert not again.append_attempt(row)
    assert len(list((folder / "attempts").iterdir())) == 1


def test_of_an_epoch_told_twice_the_later_telling_counts(ledger, folder):
    ledger.append_epochs([epoch(0, 1, val_score=0.9), epoch(0, 2, val_score=0.8)])
    ledger.append_epochs([epoch(0, 2, val_score=0.7)])
    assert [row.metrics["val/score"] for row in epoch_rows(folder)] == [0.9, 0.7]
    ledger.compact()
    assert [row.metrics["val/score"] for row in epoch_rows(folder)] == [0.9, 0.7]


def test_sequence_numbers_go_on_after_a_restart_and_after_compaction(ledger, folder):
    ledger.append_trial(ended(0))
    ledger.append_trial(ended(1))
    ledger.compact()
    ledger.close()
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0) as again:
        again.append_trial(ended(2))
    assert read_trials(folder).table["seq"].to_pylist() == [1, 2, 4]  # 3 named the merged part


def test_tables_of_a_new_study_are_empty_with_all_their_columns(folder):
    assert read_trials(folder).table.num_rows == 0
    assert {"trial", "seed", "param.lr", "metric.val/score"} <= set(read_trials(folder).table.column_names)
    assert read_attempts(folder).table.num_rows == read_epochs(folder).table.num_rows == 0
    assert trial_rows(folder) == attempt_rows(folder) == epoch_rows(folder) == []


def test_columns_have_the_types_of_their_kinds(ledger, folder):
    ledger.append_trial(ended(0, params={"lr": 1, "width": 2, "bias": False, "loss": "mse"}))
    frame = pd.read_parquet(folder / "trials")
    assert [str(frame[f"param.{name}"].dtype) for name in KINDS] == ["float64", "int64", "bool", "str"]
    assert str(frame["ended"].dtype) == "datetime64[us, UTC]"


@pytest.mark.fault(45, stand_in=True)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"params": {"lr": True}}, "trial 5: lr must be of type float, but got True"),
        ({"params": {"width": 1.5}}, "trial 5: width must be of type int, but got 1.5"),
        ({"params": {"loss": 3}}, "loss must be of type str, but got 3"),
        ({"params": {"depth": 3}}, "searches no 'depth'; it has: lr, width"),
        ({"metrics": {"val/other": 1.0}}, "no metric 'val/other'; it has: val/score"),
        ({"metrics": {"val/score": "0.5"}}, "val/score must be a number, but got '0.5'"),
        ({"value": math.nan}, "objective must be finite, but got nan"),
        ({"value": -math.inf}, "objective must be finite, but got -inf"),
        ({"params": {"width": 2**70}}, "t00005-a1 could not be committed.*committed before is safe"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_and_leaves_no_trace(ledger, folder, changes, words):
    with pytest.raises(LedgerError, match=words):
        ledger.append_trial(ended(5, **changes))
    assert list((folder / "trials").iterdir()) == []
    assert ledger.append_trial(ended(5))


def test_an_epoch_must_measure_something(ledger):
    with pytest.raises(LedgerError, match="trial 1, epoch 4: an epoch must measure at least one metric"):
        ledger.append_epochs([epoch(1, 4)])


def test_an_error_is_kept_to_4_kb_whatever_it_says(ledger, folder):
    ledger.append_trial(ended(0, outcome=Outcome.CRASHED, value=None, error="\udcff" + "ü" * 9000))
    (row,) = trial_rows(folder)
    assert row.error == "?" + "ü" * 2047


def test_pandas_reads_exactly_the_finished_trials_while_the_ledger_is_open(ledger, folder):
    for number in range(5):
        ledger.append_attempt(AttemptRow(trial=number, attempt=1, seed=1, params=PARAMS))
    for number in range(3):
        ledger.append_trial(ended(number))
    assert sorted(pd.read_parquet(folder / "trials")["trial"]) == [0, 1, 2]
    ledger.compact()
    ledger.append_trial(ended(3))
    assert sorted(pd.read_parquet(str(folder / "trials"))["trial"]) == [0, 1, 2, 3]


def test_polars_reads_exactly_the_finished_trials_while_the_ledger_is_open(ledger, folder):
    polars = pytest.importorskip("polars")
    for number in range(3):
        ledger.append_trial(ended(number))
    assert sorted(polars.read_parquet(folder / "trials" / "*.parquet")["trial"]) == [0, 1, 2]


def test_duckdb_reads_exactly_the_finished_trials_while_the_ledger_is_open(ledger, folder):
    duckdb = pytest.importorskip("duckdb")
    for number in range(3):
        ledger.append_trial(ended(number))
    query = f"select trial from read_parquet('{folder}/trials/*.parquet') order by trial"
    assert duckdb.sql(query).fetchall() == [(0,), (1,), (2,)]


def test_compaction_leaves_one_part_and_the_same_rows(ledger, folder):
    for number in range(20):
        ledger.append_trial(ended(number, params={"lr": number / 20}))
        ledger.append_epochs([epoch(number, n, val_score=n / 7) for n in (1, 2)])
    before = read_trials(folder).table, read_epochs(folder).table
    assert ledger.part_counts() == {"trials": 20, "attempts": 0, "epochs": 20, "test": 0, "retrainings": 0}
    ledger.compact("trials")
    assert ledger.part_counts() == {"trials": 1, "attempts": 0, "epochs": 20, "test": 0, "retrainings": 0}
    ledger.compact()
    assert ledger.part_counts() == {"trials": 1, "attempts": 0, "epochs": 1, "test": 0, "retrainings": 0}
    assert (read_trials(folder).table, read_epochs(folder).table) == before
    assert sorted(path.name for path in folder.iterdir()) == [
        "attempts", "epochs", "retrainings", "study.json", "test", "trials", "writer.lock",
    ]  # fmt: skip
    ledger.close()
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0) as again:
        assert again.part_counts() == {"trials": 1, "attempts": 0, "epochs": 1, "test": 0, "retrainings": 0}


def test_a_full_part_is_not_merged_again_and_its_rows_count_once(ledger, folder, monkeypatch):
    monkeypatch.setattr(parts, "FULL_BYTES", 1)
    ledger.append_epochs([epoch(0, 1, val_score=0.9)])
    ledger.append_epochs([epoch(0, 2, val_score=0.8)])
    ledger.compact()
    (full,) = (folder / "epochs").iterdir()
    inode = full.stat().st_ino
    assert ledger.part_counts()["epochs"] == 0
    monkeypatch.setattr(parts, "FULL_BYTES", 1 << 20)
    for value in (0.7, 0.6):
        ledger.append_epochs([epoch(0, 2, val_score=value), epoch(0, 3, val_score=0.5)])
    for _ in range(2):  # the second time there is nothing to merge
        ledger.compact()
        names = [path.name for path in sorted((folder / "epochs").iterdir())]
        assert [name.split("-")[1] for name in names] == ["full", "merged"]
    assert full.stat().st_ino == inode
    merged = next((folder / "epochs").glob("*-merged-*"))
    assert pq.read_table(merged)["epoch"].to_pylist() == [2, 3]
    assert ledger.part_counts()["epochs"] == 1
    assert [row.metrics["val/score"] for row in epoch_rows(folder)] == [0.9, 0.6, 0.5]
    ledger.close()
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0) as again:
        assert again.part_counts()["epochs"] == 1


def test_a_reader_may_choose_lines_and_trials(ledger, folder):
    rows = [epoch(trial, n, val_score=trial / 10, train_loss_gen=n) for trial in range(3) for n in (1, 2)]
    for row in rows:
        ledger.append_epochs([row])
    assert epoch_rows(folder, [2, 0]) == [row for row in rows if row.trial != 1]
    assert epoch_rows(folder, []) == []
    chosen = read_epochs(folder, pc.field("metric") == "val/score").table
    assert chosen["value"].to_pylist() == [0.0, 0.0, 0.1, 0.1, 0.2, 0.2]


@pytest.mark.fault(36, stand_in=True)
def test_order_and_durations_survive_a_clock_that_jumps(folder):
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    times = iter([noon, noon + timedelta(days=365), noon - timedelta(hours=2)])
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0, clock=lambda: next(times)) as ledger:
        ledger.append_attempt(AttemptRow(trial=0, attempt=1, seed=1, params={}))
        ledger.append_trial(ended(1))
        ledger.append_trial(ended(0))
    table = read_trials(folder).table
    assert table["seq"].to_pylist() == [3, 2]
    assert table["wall_s"].to_pylist() == [1.5, 1.5]
    assert table["started"].to_pylist() == [noon, None]
    assert table["ended"].to_pylist() == [noon - timedelta(hours=2), noon + timedelta(days=365)]


def test_a_trial_started_with_its_first_attempt_also_after_a_restart(folder):
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    for number in (1, 2):
        clock = lambda number=number: noon + timedelta(hours=number)  # noqa: E731
        with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0, clock=clock) as ledger:
            ledger.append_attempt(AttemptRow(trial=0, attempt=number, seed=1, params={}))
            if number == 2:
                ledger.append_trial(ended(0))
    assert read_trials(folder).table["started"].to_pylist() == [noon + timedelta(hours=1)]


@pytest.mark.fault(28)
def test_parts_of_an_earlier_schema_are_widened(folder):
    old = tuple(METRICS[:1])
    with Ledger(folder, kinds={"lr": "int", "gone": "str"}, metrics=old, wait_s=0) as ledger:
        ledger.append_trial(ended(0, params={"lr": 3, "gone": "x"}))
    with Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0) as ledger:
        ledger.append_trial(ended(1))
    assert read_trials(folder).torn == ()
    assert [row.params for row in trial_rows(folder)] == [{"lr": 3.0}, PARAMS]


@pytest.mark.fault(37)
@pytest.mark.parametrize("name", ["with space", "hälter-日本", "a#b", "100%25", "a?b&c=d", "x" * 255])
def test_odd_paths_work(tmp_path, name):
    study = tmp_path / name / "study"
    write_study(study, {"kinds": KINDS, "metrics": METRICS})
    with Ledger(study, kinds=KINDS, metrics=METRICS, wait_s=0) as ledger:
        ledger.append_trial(ended(0))
        ledger.append_trial(ended(1))
        ledger.compact()
    assert len(trial_rows(str(study))) == 2
    assert len(pd.read_parquet(study / "trials")) == 2
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_rows_name_the_study_however_its_folder_is_given(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with Ledger(".", kinds=KINDS, metrics=METRICS, wait_s=0) as ledger:
        ledger.append_trial(ended(0))
    assert read_trials(".").table["study"].to_pylist() == ["study"]


def test_a_study_may_stand_behind_a_link(tmp_path, folder):
    link = tmp_path / "link"
    link.symlink_to(folder)
    with Ledger(link, kinds=KINDS, metrics=METRICS, wait_s=0) as ledger:
        ledger.append_trial(ended(0))
        ledger.append_trial(ended(1))
        ledger.compact()
    assert len(trial_rows(folder)) == 2


def test_every_part_carries_page_checksums_for_other_readers(ledger, folder):
    ledger.append_trial(ended(0, error="a telling error"))
    (part,) = (folder / "trials").iterdir()
    data = bytearray(part.read_bytes())
    data[data.index(b"a telling error")] ^= 1
    part.write_bytes(data)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(part, page_checksum_verification=True)


@pytest.mark.fault(24)
@pytest.mark.parametrize("again", [False, True])
def test_a_folder_removed_while_the_search_runs_is_not_made_again(ledger, folder, again):
    ledger.append_trial(ended(0))
    shutil.rmtree(folder)
    if again:
        write_study(folder, {"kinds": KINDS, "metrics": METRICS})
        Ledger(folder, kinds=KINDS, metrics=METRICS, wait_s=0).close()
    for act in (lambda: ledger.append_trial(ended(1)), ledger.compact):
        with pytest.raises(LedgerError, match="folder was removed, moved or unmounted while the search ran"):
            act()
    assert folder.exists() == again
    assert not again or trial_rows(folder) == []


def test_a_closed_ledger_takes_no_more_rows(ledger):
    ledger.close()
    with pytest.raises(LedgerError, match="this ledger is closed"):
        ledger.append_trial(ended(0))


def test_a_ledger_needs_its_study(tmp_path):
    with pytest.raises(LedgerError, match="nowhere: the ledger could not be opened"):
        Ledger(tmp_path / "nowhere", kinds=KINDS, metrics=METRICS)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownName, match="no study here"):
        read_trials(tmp_path)
