"""The health checks: a sound study passes all, and a study with one planted fault has that fault's check first."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from support.faults import COUNT, FAULTS, evidence, lucky, sound
from support.reports import MIXED, study

from sparring.errors import UsageError
from sparring.ledger import lock_study
from sparring.records import Outcome, Retraining
from sparring.report import read_report, write_report
from sparring.report.checks import CHECKS, Status, examine, winner
from sparring.report.checks.evidence import gather


def test_a_sound_study_passes_all_twelve():
    checks = examine(evidence(sound()))
    assert len(checks) == 12
    assert {check.question: check.sentence for check in checks if check.status is not Status.PASSED} == {}


@pytest.mark.parametrize("question", CHECKS)
def test_a_planted_fault_is_named_first(question):
    first, *_ = examine(FAULTS[question]())
    assert (first.question, first.status in (Status.FAILED, Status.WARNING)) == (question, True), first.sentence
    assert any(letter.isdigit() for letter in first.sentence)
    assert first.way_out


def test_fresh_seeds_tell_luck_better_than_neighbours():
    found = evidence(sound())
    fresh = [
        Retraining(trial=found.ranked[0].trial, seed=seed, role="race", outcome=Outcome.COMPLETED, value=0.2)
        for seed in (1, 2)
    ]
    first, *_ = examine(replace(found, retrainings=fresh))
    assert first.question == "Is the best more than luck?"
    assert "0.2 over 2 fresh seeds (median)" in first.sentence


def test_of_very_many_trials_the_best_are_compared(monkeypatch):
    found = evidence(lucky())
    assert len(found.ranked) > 25
    monkeypatch.setattr(winner, "COMPARED", 25)
    nearest, compared = winner._nearest, []
    monkeypatch.setattr(winner, "_nearest", lambda *given: compared.append(len(given[1])) or nearest(*given))
    (check,) = (each for each in examine(found) if each.question == "Is the best more than luck?")
    assert "the 5 completed trials nearest to it" in check.sentence
    assert compared == [25]


def test_a_search_that_runs_is_not_told_to_go_on():
    found = evidence(sound(), trials=4 * COUNT)
    (end,) = (each for each in examine(replace(found, is_running=True)) if "at its end" in each.question)
    assert end.status is Status.UNKNOWN
    assert end.sentence == "The search runs: 60 of 240 trials are spent."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return study(tmp_path_factory.mktemp("checks"), MIXED)


def shown(folder, **options):
    console = Console(file=io.StringIO(), width=200)
    write_report(folder, console=console, yardsticks=False, **options)
    return console.file.getvalue()


def test_the_report_shows_what_is_not_passed_and_checks_shows_all(folder):
    report, checks = shown(folder), shown(folder, checks=True)
    assert "12 health checks:" in report
    assert "WARNING           Do trials survive? 1 of 6 trials died (1 crashed)." in report
    assert "Is every yardstick beaten?" not in report
    assert sum(question in checks for question in CHECKS) == 12
    assert "rank" not in checks


def test_a_study_without_a_completed_trial_is_checked_too(tmp_path):
    crashed = [replace(row, outcome=Outcome.CRASHED, value=None, metrics={}) for row in MIXED]
    assert "FAILED            Do trials survive? 6 of 6 trials died" in shown(study(tmp_path, crashed))


def test_a_search_runs_while_its_lock_is_held(folder):
    report = read_report(folder, yardsticks=False)
    assert not gather(report).is_running
    with lock_study(folder):
        assert gather(report).is_running


def test_checks_alone_have_no_other_form(folder):
    with pytest.raises(UsageError, match=r"--checks: it shows the checks alone.*--format json"):
        shown(folder, checks=True, format="json")
