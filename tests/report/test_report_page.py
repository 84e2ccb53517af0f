"""The report as a page."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console
from support.reports import EVIL, PARAMS, SEARCH, cache, study, trial

from sparring.records import Outcome
from sparring.report import read_report, write_report
from sparring.report.page import make_page
from sparring.report.parallel import LINES
from sparring.report.plots import figures_of
from sparring.report.yardsticks import Yardstick


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


def test_the_page_says_after_the_test_rows_what_may_be_claimed(page):
    words = " ".join(" ".join(parse(page).words).split())
    said = "Trial 1's val/score of 0.12 is the best of 12 single trainings, and flatters: "
    assert said in words
    assert words.index("No test rows") < words.index(said) < words.index("No fresh seeds were trained")


def test_the_page_shows_history_importance_parallel_coordinates_curves_and_prospects(page):
    (data,) = re.findall(r'<script id="figures" type="application/json">(.*?)</script>', page, re.DOTALL)
    figures = {each["id"]: each["figure"]["data"] for each in json.loads(data)}
    assert list(figures) == ["plot-history", "plot-importance", "plot-parallel", "plot-curves", "plot-prospects"]
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
    lines = {plot.name: len(plot.figure.data) for plot in figures_of(large)}
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
