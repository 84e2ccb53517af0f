"""The dashboard: its server answers only whom it should, and its page works in a browser."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from support.browser import CHROMIUM, Browser
from support.reports import EVIL, KINDS, METRICS, MIXED, PARAMS, SEARCH, study, trial

from sparring.errors import UsageError
from sparring.ledger import Ledger
from sparring.ledger.notes import add_note
from sparring.records import AttemptRow, EpochRow, Outcome, Retraining
from sparring.report.dashboard import make_server
from sparring.report.dashboard.columns import columns_of
from sparring.report.dashboard.server import FollowedStudy
from sparring.report.dashboard.tables import StudyTables


def decoded(column):
    return np.frombuffer(base64.b64decode(column["data"]), "<f4")


def get(address, path="", **headers):
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("GET", parts.path + path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rows = [*MIXED, trial(6, Outcome.CRASHED, error=f"RuntimeError: {EVIL}")]
    rows += [trial(n, Outcome.COMPLETED, 0.1 + n / 50, params=PARAMS | {"loss": EVIL}) for n in range(7, 14)]
    place = tmp_path_factory.mktemp("dashboard")
    return study(place, rows, begun=14, search=SEARCH | {"loss": {"choice": ["mse", "wcc", EVIL]}})


@pytest.fixture(scope="module")
def address(folder):
    server, address = make_server(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()
    server.server_close()


def test_columns_hold_what_the_ledger_holds(folder):
    tables = StudyTables(folder, "val/score")
    tables.poll()
    found = columns_of(tables)
    assert found["count"] == 14
    trials = found["trials"]
    value = dict(zip(decoded(trials["trial"]), decoded(trials["value"]), strict=True))
    assert value[2] == np.float32(0.1)
    assert np.isnan(value[3])
    loss = [trials["param.loss"]["words"][int(place)] for place in decoded(trials["param.loss"])]
    assert loss.count(EVIL) == 7
    curves = found["curves"]
    assert list(decoded(curves["length"])) == [9, 1, *[9] * 9]
    assert decoded(curves["value"])[:2] == pytest.approx([1.4, 0.9])


def test_only_what_is_new_is_read_and_sent(tmp_path):
    folder = study(tmp_path, MIXED[:3])
    tables = StudyTables(folder, "val/score")
    assert tables.poll()
    assert not tables.poll()
    before = tables.seq
    with Ledger(folder, kinds=KINDS, metrics=METRICS) as ledger:
        ledger.append_trial(trial(9, Outcome.COMPLETED, 0.3))
        assert tables.poll()
        assert [*decoded(columns_of(tables, before)["trials"]["trial"])] == [9]
        ledger.compact()
    tables.poll()
    assert tables.trials.table["trial"].to_pylist() == [0, 1, 2, 9]
    assert columns_of(tables, tables.seq)["count"] == 0


def test_a_race_after_the_search_brings_new_words(tmp_path):
    folder = study(tmp_path, MIXED)
    followed = FollowedStudy(folder)

    def newer_than(version):
        deadline = time.monotonic() + 60
        while (answer := followed.rows_since(followed.tables.seq, version)) is None or "head" not in answer:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return answer["head"]

    assert newer_than(0)["race"] == []
    with Ledger(folder, kinds=KINDS, metrics=METRICS) as ledger:
        for trained, seed, value in ((0, 1, 0.5), (2, 1, 0.3), (2, 2, 0.2), (5, 1, None)):
            outcome = Outcome.DIVERGED if value is None else Outcome.COMPLETED
            ledger.append_retraining(Retraining(trial=trained, seed=seed, role="race", outcome=outcome, value=value))
    head = newer_than(1)
    while len(head["race"]) < 3:  # it was read between two of them
        head = newer_than(followed.version)
    assert [(row["trial"], row["searched"], row["median"], row["values"]) for row in head["race"]] == [
        (2, 0.1, 0.25, [0.3, 0.2]), (0, 0.4, 0.5, [0.5]), (5, 0.2, None, [])
    ]  # fmt: skip


def test_a_trial_may_be_asked_for_before_any_rows(tmp_path):
    followed = FollowedStudy(study(tmp_path, MIXED, begun=3))
    assert list(followed.trial(2)["figures"]) == ["val/score"]
    with pytest.raises(ValueError, match="trial 7 has not begun"):
        followed.trial(7)


def test_who_has_not_the_address_gets_nothing(address):
    parts = urlsplit(address)
    assert parts.hostname == "127.0.0.1"
    assert len(parts.path.split("/")[1]) >= 20
    assert get(f"http://{parts.netloc}/")[0].status == 403
    assert get(f"http://{parts.netloc}/wrong/demo/rows")[0].status == 403
    assert get(address, "rows", Host="evil.example:80")[0].status == 403  # a name that leads here
    assert get(address, "../../etc/passwd")[0].status == 404
    answer, content = get(address, "rows?since=0")
    assert answer.status == 200
    assert json.loads(content)["about"]["name"] == "demo"


def test_the_policy_allows_the_pages_own_script_and_its_server(address):
    answer, page = get(address)
    rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert "unsafe" not in " ".join(rules.values())
    assert b"http" not in page.split(b"</head>")[0].replace(b"http-equiv", b"")
    assert len(page) < 100_000
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_folder_without_studies_is_refused(tmp_path):
    with pytest.raises(UsageError, match="a dashboard shows a study or a folder of studies, but there is none"):
        make_server(tmp_path)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no chromium here to open the page in")
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def opened(browser, address):
    browser.look()
    browser.open(address)
    browser.wait_for("study.rows === 14 && Boolean(study.head?.checks)", 120)
    return browser


@pytest.fixture
def page(opened):
    opened.look()
    opened.evaluate("chosen.trial = null; clearFilter(); redrawPlots(true)")
    return opened


def middle_of(page, selector):
    box = page.evaluate(
        f"(() => {{ const e = document.querySelector('{selector}'); e.scrollIntoView({{block: 'center'}});"
        "const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
    )
    return box[0] + box[2] / 2, box[1] + box[3] / 2


@pytest.mark.slow
def test_the_page_draws_without_an_error_and_asks_nobody_else(page, address):
    drawn = page.evaluate("plots.filter((plot) => !plot.host.hidden).map((plot) => plot.constructor.name)")
    assert {"History", "Curves", "Importance", "Parallel", "Contour", "Distribution", "Slice", "Timeline"} <= {*drawn}
    assert "Ranks" in drawn
    blank = "plots.filter((p) => !p.host.hidden && !p.parts && !p.spots.length).map((p) => p.constructor.name)"
    assert page.evaluate(blank) == ["Importance", "Prospects"]  # which show no single trials
    assert page.errors == []
    assert {urlsplit(each).netloc for each in page.requests if not each.startswith("data:")} == {
        urlsplit(address).netloc
    }
    assert page.evaluate("document.querySelectorAll('#checks li').length") == 12


@pytest.mark.slow
def test_what_a_study_holds_stays_text(page):
    assert page.evaluate("document.body.textContent.includes('</script><img src=x onerror=alert(1)>')")
    assert page.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert page.evaluate("document.scripts.length") == 1


@pytest.mark.slow
def test_a_click_filters_every_plot(page):
    before = page.evaluate("plots[0].spots.length")
    page.drag(middle_of(page, "[data-outcome=completed]"))
    assert page.evaluate("count()") == 4
    page.evaluate("redrawPlots(true)")
    assert page.evaluate("plots[0].spots.length") < before
    assert page.evaluate("document.querySelectorAll('#table tbody tr').length") == 4
    page.press("Escape")
    assert page.evaluate("count()") == 14


@pytest.mark.slow
def test_a_drawn_rectangle_filters_by_value_and_a_point_shows_its_trial(page):
    x, y = middle_of(page, "#plots canvas")
    page.drag((x - 300, y - 60), (x + 400, y + 60))
    ranges = page.evaluate("[...filter.ranges.keys()]")
    assert ranges == ["trial", "value"]
    low, high = page.evaluate("filter.ranges.get('value')")
    passing = page.evaluate("[...column('value').values].filter((each, row) => mask[row])")
    assert all(low <= value <= high for value in passing)
    page.evaluate("clearFilter()")
    spot = page.evaluate(
        "(() => { const b = plots[0].canvas.element.getBoundingClientRect(), s = plots[0].spots[0];"
        "return [b.x + s[0], b.y + s[1], column('trial').values[s[2]]]; })()"
    )
    page.drag((spot[0], spot[1]))
    assert page.evaluate("document.querySelector('#detail h2').textContent").startswith(f"Trial {spot[2]}")


@pytest.mark.slow
def test_the_keyboard_alone_filters_and_chooses(page):
    page.evaluate("byId('filters').querySelector('[data-outcome=completed]').focus()")
    page.press("Enter")
    assert page.evaluate("count()") == 4
    assert page.evaluate("document.activeElement.dataset.outcome") == "completed"  # the focus stays where it was
    page.press("Enter")
    page.evaluate(
        "(() => { const by = document.querySelector('[data-key=by]'); by.focus(); by.value = 'value';"
        "by.dispatchEvent(new Event('change')); const low = document.querySelector('[data-key=\"value 0\"]');"
        "low.focus(); low.value = '0.2'; low.dispatchEvent(new Event('change')); })()"
    )
    assert page.evaluate("filter.ranges.get('value')[0]") == 0.2
    assert page.evaluate("document.activeElement.dataset.key") == "value 0"
    page.press("Escape")
    page.evaluate("redrawPlots(true); document.querySelector('[data-trial=\"5\"]').focus()")
    page.press("Enter")
    assert page.evaluate("chosen.trial") == 5
    page.evaluate("redrawPlots(true)")
    assert page.evaluate("document.activeElement.dataset.trial") == "5"


@pytest.mark.slow
def test_a_chosen_trial_shows_every_figure_by_epoch(page):
    page.evaluate("choose(2)")
    page.wait_for("document.querySelectorAll('#detail .smalls canvas').length === 1")
    assert page.evaluate("document.querySelector('#detail .smalls canvas').getAttribute('aria-label')").startswith(
        "val/"
    )
    assert page.errors == []


@pytest.mark.slow
def test_a_note_that_is_written_arrives_by_itself(page, folder):
    add_note(folder, EVIL)
    add_note(folder, "a fine one", 2)
    page.wait_for("document.querySelector('#words .note') !== null", 20)
    page.evaluate("redrawPlots(true)")
    assert page.evaluate("document.querySelector('#words .note').firstChild.data") == EVIL
    assert page.evaluate("document.querySelector('[data-trial=\"2\"]').children[1].textContent") == "2 (note)"


@pytest.mark.slow
def test_the_page_fits_a_phone(page):
    page.look(width=390, height=800, dark=True)
    page.wait_for("document.documentElement.scrollWidth <= 390")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"


@pytest.mark.slow
def test_a_row_that_is_written_arrives_by_itself(page, folder):
    page.evaluate("byId('table').scrollIntoView()")
    with Ledger(folder, kinds=KINDS, metrics=METRICS) as ledger:
        ledger.append_attempt(AttemptRow(trial=14, attempt=1, seed=0, params=PARAMS))
        ledger.append_epochs([EpochRow(trial=14, attempt=1, epoch=1, metrics={"val/score": 0.5}, wall_s=0.1)])
        page.wait_for("study.running.some((each) => each.trial === 14) && study.curves.has(14)")
        ledger.append_trial(trial(14, Outcome.COMPLETED, 0.01))
        page.wait_for("study.rows === 15 && document.querySelector('[data-trial=\"14\"]') !== null")
    assert page.errors == []
