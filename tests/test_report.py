"""The report of small studies written through the ledger, against what was written and what was built into the data."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import math
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from sparring.errors import DataError, NothingToReport, UnknownName, UsageError
from sparring.ledger import Ledger, spec_to_json, write_study
from sparring.ledger.ranking import best_row
from sparring.records import AttemptRow, EpochRow, Objective, Outcome, StudySpec, TrialRow
from sparring.report import importance, read_report, write_report
from sparring.report.importance import encode, measure_importance
from sparring.report.page import make_page
from sparring.report.plots import LINES, figures_of
from sparring.report.yardsticks import Yardstick
from sparring.space.dimension import Dimension

METRICS = ("train/loss_gen", "val/score", "val/mse_predict_spectrum")
SEARCH = {
    "lr": {"loguniform": [1e-5, 1e-1]},
    "decay": {"loguniform": [1e-6, 1e-2], "off": 0.0},
    "loss": {"choice": ["mse", "wcc"]},
    "width": {"int": [5, 15], "when": {"loss": "wcc"}},
    "norm": {"choice": [True, False]},
}
KINDS = {"lr": "float", "decay": "float", "loss": "str", "width": "int", "norm": "bool"}
PARAMS = {"lr": 0.001, "decay": 0.0, "loss": "mse", "norm": True}
IDENTITY = {"data_sha256": "abc"}
EVIL = "</script><img src=x onerror=alert(1)>"


def trial(number: int, outcome: Outcome, value: float | None = None, **rest: Any) -> TrialRow:
    known = {"params": PARAMS, "epochs": 9, "best_epoch": None if value is None else 7, "wall_s": 1.5}
    metrics = {} if value is None else {"val/score": value, "val/mse_predict_spectrum": value / 8}
    return TrialRow(
        trial=number, attempt=1, seed=0, outcome=outcome, value=value, **{"metrics": metrics, **known, **rest}
    )


def study(folder: Path, rows: list[TrialRow], *, begun: int = 0, search: dict[str, Any] | None = None) -> Path:
    folder = folder / "demo"
    space = {"model": "aegan", "dataset": "exafs", "search": search or SEARCH}
    spec = StudySpec(name="demo", model="aegan", dataset="exafs", space=space)
    content = {"spec": spec_to_json(spec), "kinds": KINDS, "metrics": METRICS, "identity": IDENTITY}
    write_study(folder, content)
    with Ledger(folder, kinds=KINDS, metrics=METRICS) as ledger:
        for number in range(begun):
            ledger.append_attempt(AttemptRow(trial=number, attempt=1, seed=0, params=PARAMS))
        for row in rows:
            if row.value is not None:
                epochs = [
                    EpochRow(trial=row.trial, attempt=1, epoch=e, metrics={"val/score": row.value + 1 / e}, wall_s=0.1)
                    for e in range(1, row.epochs + 1)
                ]
                ledger.append_epochs(epochs)
            ledger.append_trial(row)
    return folder


MIXED = [
    trial(0, Outcome.COMPLETED, 0.4),
    trial(1, Outcome.PRUNED, 0.05, epochs=1),
    trial(2, Outcome.COMPLETED, 0.1, params={"lr": 0.01, "decay": 1e-4, "loss": "wcc", "width": 9, "norm": False}),
    trial(3, Outcome.DIVERGED, metrics={"val/score": math.nan}),
    trial(4, Outcome.CRASHED, error="Traceback (most recent call last):\n  File x\nRuntimeError: [bold] torn"),
    trial(5, Outcome.COMPLETED, 0.2),
]


@pytest.fixture(scope="module", autouse=True)
def small_forests():
    """A third of the time, and still enough for effects as plain as those built in here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "REPEATS", 2)
        patch.setattr(importance, "TREES", 25)
        yield


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return study(tmp_path, MIXED)


def text_of(folder: Path, width: int = 120, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width)
    write_report(folder, console=console, **{"yardsticks": False, **options})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def cache(folder: Path, **scores: float) -> None:
    found = [
        {"name": name, "figures": {"val/score": score, "val/mse_predict_spectrum": score / 8}, "seconds": 1.0}
        for name, score in scores.items()
    ]
    key = {"model": "aegan", "split": "80/20", **IDENTITY}
    (folder / "yardsticks.json").write_text(json.dumps({"key": key, "yardsticks": found}))


# -- ranking -----------------------------------------------------------------------------------------------------------


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
    assert "9 more: --format csv, json or parquet" in text


# -- nothing and failures ----------------------------------------------------------------------------------------------


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
    page = make_page(read_report(folder))
    assert "RuntimeError: [bold] torn" in page


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


# -- yardsticks --------------------------------------------------------------------------------------------------------


def test_a_winner_that_loses_to_a_yardstick_says_so(mixed):
    cache(mixed, mean=1.0, ridge=0.05, trees=0.08)
    text = text_of(mixed, yardsticks=True)
    assert "The best trial (0.1) loses to ridge (0.05) and trees (0.08)." in text
    assert "A searched network that loses to a method" in text
    assert ["mean", "1", "10", "times", "lower", "0.125"] in cells(text)
    assert "published default" in text


def test_a_winner_that_beats_them_all_names_the_closest(mixed):
    cache(mixed, mean=1.0, ridge=0.3)
    assert "The best trial (0.1) beats every yardstick; the closest is ridge (0.3)." in text_of(mixed, yardsticks=True)


def stub_study(monkeypatch, sha256="abc", error=None):
    """Stands in for ``sparring.study.study``, which would load torch and a real data set."""
    draw = np.random.default_rng(0)
    fields = {"structure": draw.normal(size=(40, 3)), "spectrum": draw.normal(size=(40, 4))}
    predictions = {"val/mse_predict_spectrum": ("structure", "spectrum")}
    config = SimpleNamespace(yardsticks="prediction", predictions=predictions)
    opened = SimpleNamespace(
        dataset=SimpleNamespace(sha256=sha256, fields=fields),
        split=SimpleNamespace(train=np.arange(30), valid=np.arange(30, 40)),
        space=SimpleNamespace(config=lambda params: config),
    )
    calls = []

    def reopen(folder):
        calls.append(folder)
        if error:
            raise error
        return opened

    monkeypatch.setattr("sparring.study.reopen", reopen)
    return calls


def test_yardsticks_are_measured_once_and_kept(mixed, monkeypatch):
    calls = stub_study(monkeypatch)
    first = read_report(mixed).yardsticks
    assert {each.name for each in first} >= {"mean", "ridge"}
    assert read_report(mixed).yardsticks == first
    assert len(calls) == 1


def test_kept_yardsticks_of_other_data_are_measured_anew(mixed, monkeypatch):
    cache(mixed, ridge=0.5)
    document = json.loads((mixed / "yardsticks.json").read_text())
    document["key"]["data_sha256"] = "other"
    (mixed / "yardsticks.json").write_text(json.dumps(document))
    assert len(stub_study(monkeypatch)) == 0
    assert len(read_report(mixed).yardsticks) == 4


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"error": DataError("data set exafs: no such folder")}, "no yardsticks: data set exafs: no such folder"),
        ({"sha256": "changed"}, "no yardsticks: data set exafs: it has changed since the search"),
    ],
)
def test_data_that_cannot_be_had_are_said_and_the_report_goes_on(mixed, monkeypatch, changes, note):
    stub_study(monkeypatch, **changes)
    text = text_of(mixed, yardsticks=True)
    assert f"note: {note}" in text
    assert "completed, baseline" in text


# -- importance --------------------------------------------------------------------------------------------------------

DIMENSIONS = (
    Dimension(name="lr", kind="float", low=1e-5, high=1e-1, log=True),
    Dimension(name="decay", kind="float", low=1e-6, high=1e-2, log=True, off=0.0),
    Dimension(name="loss", kind="str", choices=("mse", "wcc", "l1")),
    Dimension(name="width", kind="int", low=5, high=15, when={"loss": ("wcc",)}),
    Dimension(name="idle", kind="float", low=0.0, high=1.0),
)


def drawn(count: int, seed: int = 0) -> list[TrialRow]:
    """Trials in which lr (best at 1e-3) matters most, the loss some, the others not at all."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        loss = str(draw.choice(["mse", "wcc", "l1"]))
        params = {
            "lr": float(10 ** draw.uniform(-5, -1)),
            "decay": 0.0 if draw.random() < 0.5 else float(10 ** draw.uniform(-6, -2)),
            "loss": loss,
            "idle": float(draw.random()),
        } | ({"width": int(draw.integers(5, 16))} if loss == "wcc" else {})
        value = (math.log10(params["lr"]) + 3) ** 2 + (loss == "wcc") + 0.05 * draw.normal()
        rows.append(trial(number, Outcome.COMPLETED, value, params=params))
    return rows


def test_importance_finds_what_was_built_into_the_trials():
    found = measure_importance(drawn(60), DIMENSIONS, Objective(metric="val/score"))
    shares = {factor.name: factor.share for factor in found.factors}
    assert [factor.name for factor in found.factors][:2] == ["lr", "loss"]
    assert shares["lr"] > 0.5
    assert abs(shares["idle"]) < 0.1
    assert abs(shares["decay"]) < 0.1
    assert found.explained > 0.6


def test_a_conditional_hyperparameter_is_not_credited_with_its_condition():
    # The loss matters, the width never does, and whether a width exists tells the loss.
    found = measure_importance(drawn(60), (DIMENSIONS[0], DIMENSIONS[3]), Objective(metric="val/score"))
    assert abs({factor.name: factor.share for factor in found.factors}["width"]) < 0.1


def test_importance_of_noise_is_called_noise():
    values = np.random.default_rng(1).normal(size=24)
    pairs = enumerate(zip(drawn(24), values, strict=True))
    rows = [trial(n, Outcome.COMPLETED, float(value), params=row.params) for n, (row, value) in pairs]
    found = measure_importance(rows, DIMENSIONS, Objective(metric="val/score"))
    assert found.explained < 0.1
    assert "read these as noise" in found.sentence


def test_the_direction_of_the_objective_only_turns_the_best_quarter_around():
    rows = drawn(40)
    turned = [trial(row.trial, row.outcome, -row.value, params=row.params) for row in rows]
    lower = measure_importance(rows, DIMENSIONS, Objective(metric="val/score"))
    higher = measure_importance(turned, DIMENSIONS, Objective(metric="val/score", goal="maximize"))
    assert lower == higher


def test_failed_trials_and_missing_values_do_not_count():
    rows = [*drawn(10), trial(90, Outcome.DIVERGED), trial(91, Outcome.CRASHED, 0.1)]
    found = measure_importance(rows, DIMENSIONS, Objective(metric="val/score"))
    assert "on 10 completed and pruned trials" in found.sentence


def test_a_pruned_trial_ranks_after_the_completed_and_by_how_long_it_lasted():
    # Pruned values are all lower; only how long a trial lasted follows lr.
    draw = np.random.default_rng(0)
    rows = []
    for number in range(60):
        lr = float(10 ** draw.uniform(-5, -1))
        epochs = 27 if lr > 1e-2 else 9 if lr > 1e-4 else 3
        outcome = Outcome.COMPLETED if epochs == 27 else Outcome.PRUNED
        rows.append(trial(number, outcome, epochs / 27 + 0.01 * draw.random(), epochs=epochs, params={"lr": lr}))
    found = measure_importance(rows, DIMENSIONS[:1], Objective(metric="val/score"))
    low, high = map(float, re.findall(r"[\d.e-]+", found.factors[0].best))
    assert found.factors[0].share > 0.5
    assert 1e-2 < low < high


def test_codes_keep_the_order_of_values_and_put_missing_ones_below():
    lr, decay, loss, width, _ = DIMENSIONS
    assert encode(lr, 1e-3) - encode(lr, 1e-4) == pytest.approx(1.0)
    assert encode(decay, None) < encode(decay, 0.0) < encode(decay, 1e-6)
    assert encode(loss, None) < encode(loss, "mse") < encode(loss, "l1")
    assert encode(width, None) < encode(width, 5)


# -- the page ----------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        (self.scripts if self.tags and self.tags[-1][0] == "script" else self.words).append(data)


def parse(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    return parser


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    rows = [trial(0, Outcome.COMPLETED, 0.4)]
    rows += [trial(n, Outcome.COMPLETED, 0.1 + n / 50, params=PARAMS | {"loss": EVIL}) for n in range(1, 12)]
    rows += [trial(12, Outcome.CRASHED, error=f"RuntimeError: {EVIL}"), trial(13, Outcome.PRUNED, 5.0, epochs=1)]
    search = SEARCH | {"loss": {"choice": ["mse", "wcc", EVIL]}}
    folder = study(tmp_path_factory.mktemp("page"), rows, search=search)
    cache(folder, ridge=0.2, **{EVIL: 0.9})
    path = folder.parent / "page.html"
    write_report(folder, page=path, console=Console(file=io.StringIO()))
    return path.read_text(encoding="utf-8")


def test_the_page_shows_history_importance_parallel_coordinates_and_curves(page):
    (data,) = re.findall(r'<script id="figures" type="application/json">(.*?)</script>', page, re.DOTALL)
    figures = {each["id"]: each["figure"]["data"] for each in json.loads(data)}
    assert list(figures) == ["plot-history", "plot-importance", "plot-parallel", "plot-curves"]
    traces = {each.get("name"): each for each in figures["plot-history"]}
    assert {"completed", "pruned", "best so far", "published default 0.4", "ridge 0.2"} <= traces.keys()
    assert {"mode", "x", "y"} <= traces["completed"].keys()
    assert len(figures["plot-parallel"]) == 13
    assert "trial 0, published default" in {each["name"] for each in figures["plot-curves"]}


def test_nothing_a_study_holds_becomes_markup(page):
    parser = parse(page)
    assert [tag for tag, _ in parser.tags if tag in ("img", "iframe", "object", "link", "form", "a")] == []
    assert [attributes for tag, attributes in parser.tags if tag == "script"] == [
        {"id": "figures", "type": "application/json"}, {}, {}
    ]  # fmt: skip
    assert any(EVIL in words for words in parser.words)
    assert not any(name.startswith("on") for _, attributes in parser.tags for name in attributes)
    (data,) = re.findall(r'type="application/json">(.*?)</script>', page, re.DOTALL)
    assert not set("<>&") & set(data)
    assert "<img" not in json.dumps(json.loads(data))  # Plotly reads tags in labels


def test_the_pages_policy_allows_its_own_two_scripts_and_no_network(page):
    policy = next(a["content"] for tag, a in parse(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in rules["script-src"]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert rules["script-src"] == " ".join(f"'sha256-{each}'" for each in hashes)
    assert len(scripts) == 2


def test_a_large_studys_page_stays_bounded(tmp_path):
    rows = [trial(n, Outcome.COMPLETED, 0.1 + n / 1e4, params=PARAMS) for n in range(1500)]
    report = read_report(study(tmp_path, rows[:2]), yardsticks=False)
    large = replace(report, trials=tuple(rows))
    assert len(make_page(large)) - len(make_page(report)) < 1_000_000
    lines = {name: len(figure.data) for name, figure, _ in figures_of(large)}
    assert lines["parallel"] == LINES


def test_labels_of_parallel_coordinates_stay_off_the_next_axis(page):
    (data,) = re.findall(r'<script id="figures" type="application/json">(.*?)</script>', page, re.DOTALL)
    (figure,) = (each["figure"] for each in json.loads(data) if each["id"] == "plot-parallel")
    labels = [html.unescape(each["text"]) for each in figure["layout"]["annotations"]]
    assert {"mse", "wcc", f"{EVIL[:10]}…"} <= set(labels)
    assert max(map(len, labels)) == 11


def test_a_yardstick_only_answers_for_what_it_predicts():
    one = Yardstick(name="ridge", figures={"val/mse_predict_spectrum": 0.1, "val/score": 0.5}, seconds=0.0)
    assert (one.figure("val/score"), one.figure("val/mse_recon_spectrum")) == (0.5, None)
