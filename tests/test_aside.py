"""Yardsticks beside the end of a search: the same that a report measures, and never waited for long."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.studies import HEAD, ended, fill, small_space, small_study

from sparring.cli.search import YARDSTICKS
from sparring.cluster import session
from sparring.cluster.look_process import Aside
from sparring.records import Outcome
from sparring.report import read_report
from sparring.report.aside import main
from sparring.space.grid import points


@pytest.fixture
def study(tmp_path):
    """Two of three trials have ended; no test rows."""
    found = small_study(tmp_path, space=small_space(tmp_path, head=f'split = "80/20"\n{HEAD}'), trials=3)
    one, other, *_ = points(found.space, 0)
    fill(found, [ended(0, one, 1.2, Outcome.COMPLETED), ended(1, other, 0.9, Outcome.COMPLETED)])
    return found


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that measures: its name by the body of its ``main``."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(body: str) -> str:
        (tmp_path / "measuring.py").write_text(f"import sys, time\ndef main(folder):\n    {body}\n")
        return "measuring"

    return write


def test_the_verdict_is_that_of_a_report_which_measures_itself(study, monkeypatch, capsys):
    monkeypatch.setattr("os.nice", lambda _: 0)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(str(study.folder)) == 0
    measured = read_report(study.folder, yardsticks=False, cached=True, importance=False)
    said = capsys.readouterr().out.strip()
    assert said == measured.verdict
    assert said.startswith("The best trial (0.9) ")
    assert [each.name for each in measured.yardsticks if "trees" in each.name]
    (study.folder / "yardsticks.json").unlink()
    again = read_report(study.folder, importance=False)
    assert [each.figures for each in again.yardsticks] == [each.figures for each in measured.yardsticks]


def test_the_command_measures_by_a_module_that_is_there():
    assert main.__module__ == YARDSTICKS


def test_the_summary_ends_with_what_was_measured_aside(study, module, monkeypatch):
    monkeypatch.setattr(session, "_run", lambda found, *rest: rest[-1].begin(found) or 0)
    shown = io.StringIO()
    name = module("sys.stdin.read(); print('It beats a forest.')")
    assert session.conduct(study, None, Console(file=shown, width=200), aside=name) == 0
    assert "It beats a forest." in shown.getvalue()


def test_what_takes_longer_is_left_to_the_report_and_ends_with_the_search(study, module):
    with Aside(module("time.sleep(600)")) as aside:
        aside.begin(study)
        assert aside.finish(0.0) == ""
        process = aside._process
        assert process.poll() is None
    assert process.poll() is not None


def test_what_cannot_be_measured_says_nothing(study, module):
    with Aside(module("print('half'); return 1")) as aside:
        aside.begin(study)
        assert aside.finish(60) == ""
