"""The report's table: ranks, failures, and its formats."""

from __future__ import annotations

import io
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from support.reports import MIXED, cache, cells, frozen, study, text_of, trial

from sparring.errors import NothingToReport, UnknownName, UsageError
from sparring.ledger.ranking import best_row
from sparring.records import Objective, Outcome
from sparring.report import read_report, write_report
from sparring.report.dashboard.frozen import make_page
from sparring.report.tables import tables
from sparring.space.dimension_toml import read_dimension


def test_completed_trials_are_ranked_first_and_only_they_have_a_rank(mixed):
    report = read_report(mixed, yardsticks=False)
    assert [row.trial for row in report.trials] == [2, 5, 0, 1, 3, 4]
    assert report.table["rank"].to_pylist() == [1, 2, 3, None, None, None]
    assert report.table["is_baseline"].to_pylist() == [False, False, True, False, False, False]
    assert (report.best.trial, report.baseline.trial) == (2, 0)


@pytest.mark.parametrize(("goal", "trial_number"), [("minimize", 2), ("maximize", 0)])
def test_the_best_row_is_the_best_completed_one(goal, trial_number):
    assert best_row(MIXED, Objective(metric="val/score", goal=goal)).trial == trial_number


def test_a_trial_without_a_finite_value_never_wins():
    rows = [trial(0, Outcome.COMPLETED), trial(1, Outcome.COMPLETED, math.nan), trial(2, Outcome.COMPLETED, -math.inf)]
    assert best_row(rows, Objective(metric="val/score")) is None


def test_the_table_shows_ranks_the_baseline_failures_and_their_advice(mixed):
    text = text_of(mixed)
    assert ["1", "2", "0.1", "7", "0:02", "completed"] in [line[:6] for line in cells(text)]
    assert "completed, baseline" in text
    assert "1 diverged: a loss or figure became NaN or infinite; lower the learning rates" in text
    assert "1 × RuntimeError: [bold] torn" in text
    assert ["lr", "0.001", "0.01"] in cells(text)
    assert "too few trials: importance needs at least 8 with a value, but there are 4" in text


def test_only_the_first_trials_of_many_are_shown_and_the_baseline_always(tmp_path):
    rows = [trial(n, Outcome.COMPLETED, 1.0 - n / 100) for n in range(30)]
    text = text_of(study(tmp_path, rows))
    assert "completed, baseline" in text
    assert "not shown: 9 more trials" in text


# -- nothing and failures ----------------------------------------------------------------------------------------------


@pytest.mark.fault(64)
def test_a_study_without_a_finished_trial_has_nothing_to_report(tmp_path):
    folder = study(tmp_path, [], begun=2)
    with pytest.raises(NothingToReport, match=r"study demo: no trial has finished yet \(2 begun\)") as raised:
        text_of(folder)
    assert raised.value.exit_code == 5


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(UnknownName, match="no study here"):
        text_of(tmp_path)


def test_a_study_of_failures_reports_its_reasons(tmp_path):
    folder = study(tmp_path, MIXED[3:5])
    text = text_of(folder, yardsticks=True)
    assert "2 trials finished, 1 diverged, 1 crashed" in text
    assert "no trial completed, so there is no best configuration" in text
    trials = frozen(make_page(read_report(folder)))["trials"]
    assert trials["error"]["words"] == ["RuntimeError: [bold] torn"]


def test_a_torn_part_is_said_and_the_rest_reported(mixed):
    part = sorted((mixed / "trials").iterdir())[2]
    part.write_bytes(part.read_bytes()[:-40])
    text = text_of(mixed)
    assert "5 trials finished" in text
    assert f"note: left out, torn: trials/{part.name}" in text


# -- formats -----------------------------------------------------------------------------------------------------------


def test_csv_and_parquet_hold_every_trial_with_typed_columns(mixed, tmp_path):
    for format, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        path = tmp_path / f"trials.{format}"
        assert text_of(mixed, format=format, output=path) == ""
        table = read(path)
        assert table["trial"].tolist() == [2, 5, 0, 1, 3, 4]
        assert table["value"].tolist()[:4] == [0.1, 0.2, 0.4, 0.05]
        assert table["param.lr"][0] == 0.01
        assert table["param.width"].isna().tolist() == [False] + [True] * 5


def test_json_is_strict_and_complete(mixed, capfdbinary):
    cache(mixed, ridge=0.3)
    write_report(mixed, format="json", console=Console())
    document = json.loads(capfdbinary.readouterr().out, parse_constant=pytest.fail)
    assert document["best"]["params"] == MIXED[2].params
    assert document["baseline"]["value"] == 0.4
    assert [row["rank"] for row in document["trials"]] == [1, 2, 3, None, None, None]
    assert document["trials"][4]["metrics"] == {"val/score": None}
    assert document["outcomes"]["crashed"]["trials"] == 1
    assert document["yardsticks"][0]["figures"]["val/score"] == 0.3


def test_a_table_can_go_into_a_file(mixed, tmp_path):
    text_of(mixed, output=tmp_path / "report.txt")
    assert "completed, baseline" in (tmp_path / "report.txt").read_text(encoding="utf-8")


def test_parquet_is_not_thrown_at_a_terminal(mixed, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(UsageError, match=r"binary data do not belong on a screen; add -o"):
        text_of(mixed, format="parquet")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "xml"}, r"no format 'xml'; there are: table, json, csv, parquet"),
        ({"page": Path("plots.png")}, r"--page: the page is HTML, but got 'plots.png'"),
        ({"output": Path("/no/such/folder/t.csv")}, r"--output: /no/such/folder is no folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_read(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        text_of(Path("/no/study"), **options)


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_no_parameter_s_name_is_cut_and_those_without_room_are_counted(tmp_path, width):
    names = [f"w_predict_structure_{letter}" for letter in "abcdef"]
    report = read_report(study(tmp_path, MIXED[:3]), yardsticks=False)
    trials = tuple(replace(row, params=dict.fromkeys(names, 0.123456)) for row in report.trials)
    dimensions = tuple(read_dimension(name, {"uniform": [0.0, 1.0]}, name) for name in names)
    console = Console(file=io.StringIO(), width=width)
    for part in tables(replace(report, trials=trials, dimensions=dimensions), width):
        console.print(part)
    table = console.file.getvalue().partition("\nrank")[2].partition("published default")[0]
    assert "…" not in table
    assert max(len(line.rstrip()) for line in table.splitlines()[1:]) <= width
    shown = sum(name in table.splitlines()[0] for name in names)
    assert f"not shown: {6 - shown} of 6 parameters" in table
    assert shown == {80: 0, 100: 1, 120: 2, 160: 3}[width]
