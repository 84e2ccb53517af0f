"""The report as a page: the live one with its data inside, in one file."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console
from support.browser import CHROMIUM, Browser
from support.reports import EVIL, PARAMS, SEARCH, cache, frozen, study, trial

from sparring.records import Outcome
from sparring.report import read_report, write_report
from sparring.report.dashboard.frozen import make_page
from sparring.report.yardsticks import Yardstick


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.words.append(data)


def parse(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    return parser


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rows = [trial(0, Outcome.COMPLETED, 0.4)]
    rows += [trial(n, Outcome.COMPLETED, 0.1 + n / 50, params=PARAMS | {"loss": EVIL}) for n in range(1, 12)]
    rows += [trial(12, Outcome.CRASHED, error=f"RuntimeError: {EVIL}"), trial(13, Outcome.PRUNED, 5.0, epochs=1)]
    search = SEARCH | {"loss": {"choice": ["mse", "wcc", EVIL]}}
    folder = study(tmp_path_factory.mktemp("page"), rows, search=search)
    cache(folder, ridge=0.2, **{EVIL: 0.9})
    path = folder.parent / "page.html"
    write_report(folder, page=path, console=Console(file=io.StringIO()))
    return path


@pytest.fixture(scope="module")
def page(path) -> str:
    return path.read_text(encoding="utf-8")


def test_where_no_script_runs_the_page_says_after_the_test_rows_what_may_be_claimed(page):
    words = " ".join(" ".join(parse(page).words).split())
    said = "Trial 1's val/score of 0.12 is the best of 12 single trainings, and flatters: "
    assert said in words
    assert words.index("No test rows") < words.index(said) < words.index("No fresh seeds were trained")


def test_nothing_a_study_holds_becomes_markup(page):
    parser = parse(page)
    assert [tag for tag, _ in parser.tags if tag in ("img", "iframe", "object", "form")] == []
    assert [attributes for tag, attributes in parser.tags if tag == "script"] == [
        {"id": "frozen", "type": "application/json"}, {}
    ]  # fmt: skip
    assert not any(name.startswith("on") for _, attributes in parser.tags for name in attributes)
    (data,) = re.findall(r'type="application/json">(.*?)</script>', page, re.DOTALL)
    assert not set("<>&") & set(data)
    assert EVIL in frozen(page)["trials"]["param.loss"]["words"]


def test_the_page_is_small_and_its_policy_allows_its_own_script_and_no_network(page):
    policy = next(a["content"] for tag, a in parse(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    assert "unsafe" not in policy
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert rules["script-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    assert len(page) < 150_000


def test_a_trial_more_adds_a_quarter_of_a_kilobyte_for_only_the_best_are_there_in_full(tmp_path):
    few, many = (
        len(make_page(read_report(study(tmp_path / str(count), rows), yardsticks=False)))
        for count in (20, 220)
        for rows in [[trial(n, Outcome.COMPLETED, 0.1 + n / 1e4) for n in range(count)]]
    )
    assert (many - few) / 200 < 260


@pytest.fixture(scope="module")
def opened(path, tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no chromium here to open the page in")
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    browser.look()
    browser.open(path.as_uri())
    browser.wait_for("document.documentElement.dataset.opened", 120)
    yield browser
    browser.close()


@pytest.mark.slow
def test_the_page_opens_from_its_file_without_an_error_and_asks_nobody(opened, path):
    opened.evaluate("redrawPlots(true)")
    assert opened.evaluate("study.rows") == 14
    assert opened.errors == []
    assert [each for each in opened.requests if not each.startswith("data:")] == [path.as_uri()]
    drawn = opened.evaluate("plots.filter((plot) => !plot.host.hidden).map((plot) => plot.constructor.name)")
    assert {"History", "Curves", "Importance", "Parallel", "Contour", "Distribution", "Prospects", "Slice"} <= {*drawn}
    assert opened.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0


@pytest.mark.slow
def test_beside_the_plots_stand_best_configuration_yardsticks_and_outcomes(opened):
    tables = opened.evaluate("[...document.querySelectorAll('#facts section')].map((each) => each.textContent)")
    assert [each.split("What")[0].split("Methods")[0][:18] for each in tables] == [
        "Best configuration", "Yardsticks", "Outcomesoutcometri"
    ]  # fmt: skip
    opened.evaluate("redrawPlots(true)")
    changed = "[...document.querySelectorAll('#facts tr.changed td:first-child')].map((each) => each.textContent)"
    assert opened.evaluate(changed) == ["loss"]
    names = (
        "[...document.querySelectorAll('#facts section:nth-child(2) tbody td:first-child')].map((e) => e.textContent)"
    )
    assert opened.evaluate(names) == ["best trial", "ridge", "published default", EVIL]
    assert opened.evaluate("document.querySelector('#table tbody tr').textContent").startswith("110.12completed")


def test_a_yardstick_only_answers_for_what_it_predicts():
    one = Yardstick(name="ridge", figures={"val/mse_predict_spectrum": 0.1, "val/score": 0.5}, seconds=0.0)
    assert (one.figure("val/score"), one.figure("val/mse_recon_spectrum")) == (0.5, None)
