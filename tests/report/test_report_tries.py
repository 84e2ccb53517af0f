"""Points to try first, marked where a person or a program looks."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from support.reports import EVIL, PARAMS, cells, frozen, study, text_of, trial

from sparring.display import print_summary
from sparring.ledger import Ledger, spec_to_json, write_study
from sparring.records import Objective, Outcome, StudySpec, TrialRow
from sparring.report import read_report
from sparring.report.dashboard.frozen import make_page

TRIES = [
    {"name": "good practice", "source": "a playbook", "values": {"lr": 0.01}},
    {"name": EVIL, "source": "a rogue", "values": {"lr": 0.02}},
    {"name": "not begun", "source": "mine", "values": {"lr": 0.03}},
]
ROWS = [
    trial(0, Outcome.COMPLETED, 0.4),
    trial(1, Outcome.COMPLETED, 0.1, params=PARAMS | {"lr": 0.01}),
    trial(2, Outcome.COMPLETED, 0.3, params=PARAMS | {"lr": 0.02}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return study(tmp_path, [*ROWS, trial(4, Outcome.COMPLETED, 0.2)], **{"try": TRIES})


def test_the_table_marks_them_beside_the_baseline(folder):
    text = text_of(folder, width=140)
    lines = cells(text)
    assert ["1", "1", "0.1", "7", "0:02", "completed,", "'good", "practice'"] in [line[:8] for line in lines]
    assert ["2", "4", "0.2", "7", "0:02", "completed"] in [line[:6] for line in lines]
    assert f"completed, '{EVIL}'" in text
    assert "completed, baseline" in text
    assert "best: trial 1, 'good practice'" in text


@pytest.mark.parametrize("width", [70, 80, 100, 120, 140])
def test_a_long_name_tears_no_figure(tmp_path, width):
    text = text_of(study(tmp_path, ROWS, **{"try": [{**TRIES[0], "name": "#" * 40}]}), width=width)
    assert ["1", "1", "0.1", "7", "0:02", "completed,"] in [line[:6] for line in cells(text)]
    assert text.count("#") == 80  # the heading of the best has it too


@pytest.mark.parametrize(("format", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_a_column_has_their_names_and_is_null_otherwise(folder, tmp_path, format, read):
    text_of(folder, format=format, output=tmp_path / "trials")
    table = read(tmp_path / "trials").set_index("trial")["try"]
    assert table[[1, 2]].tolist() == ["good practice", EVIL]
    assert table[[0, 4]].isna().all()


def test_a_study_without_any_has_the_column_too(tmp_path):
    table = read_report(study(tmp_path, ROWS), yardsticks=False).table
    assert (table["try"].to_pylist(), str(table["try"].type)) == ([None] * 3, "string")


def test_json_says_them_of_every_trial(folder, tmp_path):
    text_of(folder, format="json", output=tmp_path / "report.json")
    document = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {row["trial"]: row["try"] for row in document["trials"]} == {0: None, 1: "good practice", 2: EVIL, 4: None}
    assert (document["best"]["try"], document["baseline"]["try"]) == ("good practice", None)


def test_the_page_has_their_names_and_escapes_them(folder):
    page = make_page(read_report(folder, yardsticks=False))
    assert frozen(page)["head"]["tries"] == {"1": "good practice", "2": EVIL, "3": "not begun"}
    assert frozen(page)["head"]["best_name"] == "trial 1, 'good practice'"
    assert EVIL not in page


def row(number: int, value: float, **metrics: float) -> TrialRow:
    known = {"params": {"lr_gen": 0.01 * (number + 1)}, "epochs": 3, "best_epoch": 3, "wall_s": 1.0}
    figures = {"val/score": value, **metrics}
    return TrialRow(trial=number, attempt=1, seed=0, outcome=Outcome.COMPLETED, value=value, metrics=figures, **known)


def summary(best: TrialRow, *front: TrialRow, tries: dict[int, str]) -> str:
    console = Console(file=io.StringIO(), width=100)
    goals = [Objective(metric="val/score"), Objective(metric="val/mse_recon_spectrum")][: 2 if front else 1]
    print_summary(
        console, study="s", objectives=goals, best=best, baseline=row(0, 0.4), outcomes={Outcome.COMPLETED: 3},
        folder=Path("results/s"), front=front, tries=tries,
    )  # fmt: skip
    return console.file.getvalue()


def test_the_end_of_a_search_says_that_no_draw_beat_one(tmp_path):
    text = summary(row(1, 0.1), tries={1: "[bold]"})
    assert "best: trial 1, '[bold]'" in text
    assert "No drawn trial beat '[bold]'; more trials or a wider space may." in text
    text = summary(row(2, 0.1), tries={1: "good practice"})
    assert "best: trial 2 " in text
    assert "beat" not in text


def test_the_front_marks_them():
    rows = [row(1, 0.1, **{"val/mse_recon_spectrum": 0.2}), row(2, 0.2, **{"val/mse_recon_spectrum": 0.1})]
    lines = cells(summary(rows[0], *rows, tries={2: "good practice"}))
    assert ["2", "0.2", "0.1", "'good", "practice'"] in lines


def test_a_pinned_trial_says_which_one_it_was(tmp_path, run_verb, capsys):
    raw = {
        "model": "aegan", "dataset": "exafs", "search": {"lr_gen": {"loguniform": [1e-5, 0.1]}},
        "try": [{"name": "good practice", "source": "a playbook", "values": {"lr_gen": 0.02}}],
    }  # fmt: skip
    spec = StudySpec(name="s", model="aegan", dataset="exafs", space=raw)
    kinds, metrics = {"lr_gen": "float"}, ["val/score"]
    write_study(tmp_path / "s", {"spec": spec_to_json(spec), "kinds": kinds, "metrics": metrics})
    with Ledger(tmp_path / "s", kinds=kinds, metrics=metrics) as ledger:
        for each in (row(0, 0.4), row(1, 0.1), row(2, 0.2)):
            ledger.append_trial(each)
    path = tmp_path / "best.toml"
    assert run_verb("best", tmp_path / "s", "-o", path) == 0
    assert 'try = "good practice"' in path.read_text(encoding="utf-8")
    assert f"Pinned in {path}: trial 1, 'good practice'; train it with" in capsys.readouterr().out.replace("\n", "")
    assert run_verb("best", tmp_path / "s", "--trial", "2", "-o", path) == 0
    assert "try" not in path.read_text(encoding="utf-8")
