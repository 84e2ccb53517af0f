"""What more trials would bring, in the report and on its page."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.reports import study, text_of, trial

from sparring.records import Outcome
from sparring.report import read_report
from sparring.report.dashboard.head import head_of
from sparring.report.formats import as_json
from sparring.report.prospects import prospect_sentence

GIVEN = [trial(0, Outcome.COMPLETED, 0.05)]

DRAWN = [trial(n, Outcome.COMPLETED, 0.1 + (n * 7 % 20) / 20) for n in range(1, 21)]


def read(folder, **spec):
    report = read_report(folder, yardsticks=False)
    return replace(report, spec=replace(report.spec, **spec))


def test_the_report_says_what_as_many_trials_again_would_bring_and_what_it_is_worth(tmp_path):
    folder = study(tmp_path, GIVEN + DRAWN)
    text = " ".join(text_of(folder).split())
    told = read(folder).prospect
    assert f"20 more trials: {told.expected:.4g} expected ({told.low:.4g} to {told.high:.4g}); best so far 0.05" in text
    assert "from the 20 drawn trials that ended" in text
    assert "They are no independent sample, for prior learns from them" in text
    assert json.loads(as_json(read(folder)))["prospect"]["expected"] == told.expected


def test_trials_that_nobody_learnt_from_are_an_independent_sample(tmp_path):
    folder = study(tmp_path, GIVEN + DRAWN)
    assert "no independent sample" not in prospect_sentence(read(folder, sampler="random"))
    assert "tpe learns" in prospect_sentence(read(folder, sampler="tpe"))


def test_of_too_few_it_says_how_many_there_are(tmp_path):
    rows = [*GIVEN, *DRAWN[:4], *(trial(n, Outcome.PRUNED, 2.0) for n in range(5, 20))]
    text = " ".join(text_of(study(tmp_path, rows)).split())
    assert "after 10 drawn trials, 5 of them completed; so far it is 19, 4 of them completed" in text


def test_a_space_that_can_be_tried_whole_foretells_nothing(tmp_path):
    folder = study(tmp_path, GIVEN + DRAWN, search={"loss": {"choice": ["mse", "wcc"]}})
    assert "expected (" not in text_of(folder)
    assert "what more trials would bring" not in text_of(folder)
    assert read(folder).prospect is None


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_the_page_has_the_expected_best_with_its_band_and_goes_on_beyond(tmp_path, goal):
    folder = study(tmp_path, GIVEN + DRAWN)
    report = read_report(folder, yardsticks=False)
    objectives = tuple(replace(each, goal=goal) for each in report.spec.objectives)
    ranked = report.trials if goal == "minimize" else report.trials[::-1]
    report = replace(report, spec=replace(report.spec, objectives=objectives), trials=ranked, best=ranked[0])
    head = head_of(report)
    reached, foretold = head["expected"], head["beyond"]
    assert (reached[0][0], reached[-1][0]) == (1, 20)
    assert (foretold[0][0], foretold[-1][0]) == (20, 40)
    for line in (reached, foretold):
        assert all(low <= expected <= high for _, expected, low, high in line)
        expected = [each[1] for each in line]
        assert sorted(expected, reverse=goal == "minimize") == expected
    assert foretold[0][1] == report.best.value == (0.05 if goal == "minimize" else max(row.value for row in DRAWN))
