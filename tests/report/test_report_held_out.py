"""What the report says of the test rows: first the figures on them, then how often they were looked at, for ever."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.reports import IDENTITY, KINDS, METRICS, MIXED, cells, frozen, study, text_of, trial

from sparring.display import looks_sentence
from sparring.ledger import Ledger, Look
from sparring.ledger.yardsticks import FORM
from sparring.records import Interval, Objective, Outcome
from sparring.report import read_report
from sparring.report.dashboard.frozen import make_page
from sparring.report.formats import as_csv, as_json
from sparring.study.intervals import spread

ROWS = np.random.default_rng(0).normal(0, 0.01, 1000)
"""What the rows of each resample add to any figure."""


def figure(value, noise=ROWS):
    return spread(value, [value + each for each in noise])


def looked(folder, *, trials=6, number=1, winner=0.125, default=0.5, **changes):
    look = Look(
        number=number, trial=2, trials=trials, rows=205, winner={"test/score": figure(winner)},
        default={"test/score": figure(default)}, difference={"test/score": Interval(winner - default, -0.4, -0.3)},
    )  # fmt: skip
    with Ledger(folder, kinds=KINDS, metrics=METRICS) as ledger:
        ledger.append_look(look)
    return folder


def cache(folder, **scores):
    """Yardsticks on the validation and the test rows, as a report keeps them."""
    found = [
        {"name": name, "figures": {"val/score": 0.3}, "seconds": 1.0, "test": {"test/score": vars(value)}}
        for name, value in scores.items()
    ]
    key = {"model": "aegan", "split": "80/20", **IDENTITY, "form": FORM, "tests": True}
    (folder / "yardsticks.json").write_text(json.dumps({"key": key, "yardsticks": found}))


@pytest.fixture
def tested(tmp_path):
    """Six trials, trial 2 the winner, looked at once."""
    return looked(study(tmp_path, MIXED, rows={"train": 1536, "valid": 307, "test": 205}))


def test_the_figures_on_the_test_rows_come_first(tested):
    text = text_of(tested)
    first = text.index(
        "test/score of trial 2 is 0.125 on 205 rows that had no part in training or choice, 95 % interval"
    )
    assert first < text.index("Test rows looked at once, after 6 trials.") < text.index("outcome")
    assert "better than the published default there. val/score chose it." in " ".join(text.split())
    rows = cells(text)
    assert ["test/score", "0.5", "0.125", "4", "times", "lower"] in rows
    assert ["val/score", "0.4", "0.1", "4", "times", "lower"] in rows
    names = [row[0] for row in rows if row]
    assert names.index("test/score") < names.index("val/score")


def test_programs_get_them_too(tested):
    report = read_report(tested, yardsticks=False)
    document = json.loads(as_json(report))["test"]
    assert (document["rows"], document["looks"], document["after_trials"], document["trial"]) == (205, 1, [6], 2)
    assert document["winner"]["test/score"]["value"] == 0.125
    assert document["difference"]["test/score"] == {"value": -0.375, "low": -0.4, "high": -0.3}
    assert report.table.column_names[:4] == ["rank", "test/score", "test/score low", "test/score high"]
    by_trial = dict(zip(report.table["trial"].to_pylist(), report.table["test/score"].to_pylist(), strict=True))
    assert by_trial == {2: 0.125, 0: 0.5, 1: None, 3: None, 4: None, 5: None}
    assert as_csv(report).startswith(b'"rank","test/score","test/score low"')
    head = frozen(make_page(report))["head"]
    labels = [card["label"] for card in head["cards"]]
    assert labels.index("best test/score") < labels.index("best val/score")
    assert "Test rows looked at once, after 6 trials." in head["sentences"]


def test_a_study_that_went_on_says_so_for_ever(tested):
    with Ledger(tested, kinds=KINDS, metrics=METRICS) as ledger:
        ledger.append_trial(trial(6, Outcome.COMPLETED, 0.01))
    text = " ".join(text_of(tested).split())
    assert (
        "Test rows looked at once, after 6 trials; the study has gone on since, to 7, and trial 6 leads, which was"
        in text
    )
    assert "test/score of trial" not in text  # the winner was another
    looked(tested, number=2, trials=9)
    assert "Test rows looked at 2 times, after 6 and 9 trials: the search went on in between" in " ".join(
        text_of(tested).split()
    )


@pytest.mark.parametrize(
    ("rows", "looks", "words"),
    [
        (0, (), "No test rows: the split 80/20 keeps none. So the best figure is of the very rows that chose it"),
        (205, (), "The 205 test rows were not looked at yet: the search does that when its budget is spent."),
    ],
)
def test_what_a_study_lacks_is_said(tmp_path, rows, looks, words):
    assert words in looks_sentence(looks, rows, 6, "80/20", 2)
    assert words in " ".join(text_of(study(tmp_path, MIXED, rows={"test": rows} if rows else {})).split())


@pytest.mark.parametrize(
    ("value", "noise", "words", "colour"),
    [
        (0.2, ROWS, "beats every yardstick; the closest is ridge (0.2, ", False),
        (0.13, ROWS, "beats every yardstick; the closest is ridge (0.13, ", False),  # pair by pair it is always worse
        (0.13, -ROWS, "cannot be told from ridge (0.13): more test rows", False),
        (0.11, ROWS, "loses to ridge (0.11). A searched network", True),
    ],
)
def test_the_verdict_is_of_the_test_rows_pair_by_pair(tested, value, noise, words, colour):
    cache(tested, mean=figure(1.0), ridge=figure(value, noise))
    report = read_report(tested)
    assert report.verdict.startswith("On the test rows the best trial (0.125)")
    assert words in report.verdict
    assert bool(report.stronger) is colour
    table = text_of(tested, yardsticks=True).partition("yardsticks, same split")[2]
    assert table.split()[:4] == ["test/score", "95", "%", "interval"]
    narrow = text_of(tested, 80, yardsticks=True).partition("yardsticks, same split")[2]
    assert "…" not in narrow.partition("\n\n")[0]
    names = [row[0] for row in cells(table) if row and row[0] in ("mean", "ridge", "published", "best")]
    assert names == (["ridge", "best"] if value < 0.125 else ["best", "ridge"]) + ["published", "mean"]


def test_a_yardstick_measured_before_the_look_is_measured_again_after_it(tested, monkeypatch):
    from support.reports import cache as cache_before

    cache_before(tested, ridge=0.3)
    monkeypatch.setattr("sparring.report.yardstick_cache.measure", lambda task: pytest.fail("not yet"))
    assert "no yardsticks: data set exafs: it has changed" in " ".join(read_report(tested).notes)


def test_too_few_rows_for_an_interval_still_have_figures():
    look = Look(number=1, trial=2, trials=6, rows=4, winner={"test/score": Interval(0.5)})
    from sparring.display import show_interval, winner_sentence

    assert winner_sentence(look, Objective(metric="val/score")) == (
        "test/score of trial 2 is 0.5 on 4 rows that had no part in training or choice. val/score chose it."
    )
    assert show_interval(Interval(0.5)) == "-"
