"""Where the seconds went, in the report and on its page."""

from __future__ import annotations

import pytest
from support.reports import cells, frozen, study, text_of, trial

from sparring.records import Outcome
from sparring.report import read_report
from sparring.report.dashboard.frozen import make_page
from sparring.report.seconds import stages

TIMES = {"wait_s": 1.0, "start_s": 2.0, "report_s": 0.5, "lost_s": 0.0}

ROWS = [
    trial(0, Outcome.COMPLETED, 0.4, **TIMES),  # its epochs took 1.5
    trial(1, Outcome.COMPLETED, 0.2, **TIMES),
    trial(2, Outcome.COMPLETED, 0.3),  # a resume went on with it
]


def test_every_stage_has_its_seconds_and_its_share():
    found = {stage.name: (stage.seconds, stage.share) for stage in stages(ROWS[:2])}
    assert found["training and validation"] == (3.0, pytest.approx(0.3))
    assert found["starting"] == (4.0, pytest.approx(0.4))
    assert found["lost with a slot or an error"] == (0.0, 0.0)


def test_the_table_counts_only_trials_whose_seconds_are_known_and_says_so(tmp_path):
    text = text_of(study(tmp_path, ROWS))
    assert ["training", "and", "validation", "3.0", "1.50", "30.0%"] in [line[:6] for line in cells(text)]
    assert "Seconds of 2 of 3 trials by the wall's clock" in text
    whole = text_of(study(tmp_path / "whole", ROWS[:2]))
    assert "Seconds of all 2 trials by the wall's clock, pauses left out\n" in whole


def test_the_page_has_a_bar_s_parts_of_each_trial_and_their_shares(tmp_path):
    page = frozen(make_page(read_report(study(tmp_path, ROWS), yardsticks=False)))
    found = {each["column"]: each for each in page["head"]["stages"]}
    assert (found["start_s"]["name"], found["start_s"]["seconds"]) == ("starting", 4.0)
    assert found["start_s"]["share"] == pytest.approx(0.4)
    assert found.keys() <= page["trials"].keys()


def test_a_study_of_an_earlier_version_has_neither(tmp_path):
    folder = study(tmp_path, ROWS[2:])
    assert "where the seconds went" not in text_of(folder)
    assert frozen(make_page(read_report(folder, yardsticks=False)))["head"]["stages"] == []
