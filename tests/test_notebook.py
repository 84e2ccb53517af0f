"""The live table of a notebook: one display, rewritten in place, with a stand-in for IPython."""

from __future__ import annotations

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from support.consoles import BASELINE, BEST, SCORE, row, snapshot

from sparring.display import LiveView, open_view
from sparring.records import Outcome, RunningTrial


class Cell:
    """What a cell shows: the contents of each display, in turn."""

    def __init__(self) -> None:
        self.displays: list[list[dict[str, str]]] = []

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        shown = [content]
        self.displays.append(shown)
        return SimpleNamespace(update=lambda content, raw: shown.append(content))


@pytest.fixture
def cell(monkeypatch):
    """As in a kernel of Jupyter's."""
    made, ipython, display = Cell(), ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.display = made.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return made


def opened(console: Console | None = None) -> LiveView:
    return open_view(console or Console(file=io.StringIO()), title="<b>mine</b>", objective=SCORE)


def test_a_notebook_has_one_table_that_is_rewritten_in_place(cell):
    with opened() as view:
        view.update(snapshot(finished=6, best=None, baseline=None, outcomes={}), [])
        view.update(snapshot(), [row(3, 0.2), row(5, None, Outcome.CRASHED, error="ValueError: <script>")])
        view.update(snapshot(), [])
        view.update(snapshot(running=(), best=row(9, 0.05), elapsed_s=61.0), [row(9, 0.05)])
    (shown,) = cell.displays
    assert len(shown) == 3, "nothing is sent where nothing has changed"
    page = shown[1]["text/html"]
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<progress max='30' value='12'></progress> 12/30" in page
    assert page.index(">7, best<") < page.index(">3<") < page.index(">0, default<") < page.index(">5<")
    assert "12/24 done  best 0.1 (trial 7)" in shown[1]["text/plain"]
    assert "<progress" not in shown[2]["text/html"]
    assert ">9, best<" in shown[2]["text/html"]


def test_of_many_trials_the_best_are_shown_and_the_others_counted(cell):
    with opened() as view:
        view.update(
            snapshot(finished=40, running=(RunningTrial(number=41, attempt=1, epoch=0, epochs=30, value=None),)),
            [row(number, 1.0 + number / 1000) for number in range(10, 48)],
        )
    page = cell.displays[0][0]["text/html"]
    assert page.count("<tr>") == 1 + 1 + 12
    assert "28 more, in the study's <code>.trials</code>" in page
    assert [f">{number}<" in page for number in (10, 19, 20)] == [True, True, False]


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_a_terminal_of_ipython_and_a_quiet_search_show_no_table(cell, shell, monkeypatch):
    assert type(opened(Console(file=io.StringIO(), quiet=True))) is LiveView
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    with opened() as view:
        view.update(snapshot(), [BASELINE, BEST])
    assert type(view) is LiveView
    assert cell.displays == []


def test_without_ipython_none_is_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert type(opened()) is LiveView
    assert "IPython" not in sys.modules
