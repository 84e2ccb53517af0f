"""What is said fits 80 columns without cutting a name, any encoding, and a screen that wants no colours."""

from __future__ import annotations

import io
import os
import re
import termios
from pathlib import Path

import pytest
from rich.console import Console
from support.reports import MIXED, study, text_of

from sparring.cli import screen
from sparring.display import LiveView, print_listing, print_summary
from sparring.ledger import trial_rows
from sparring.records import Left, Objective, Outcome, Prospect, RunningTrial, Snapshot
from sparring.report import write_report
from sparring.report.comparison import write_comparison
from sparring.report.overview import COLUMNS, list_studies

NAME = "a-study-whose-name-has-sixty-four-letters-which-is-the-most-it-m"
LONG = Objective(metric="val/mse_predict_structure")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    study(tmp_path, MIXED, name="other", spec={"objectives": (LONG,)})
    return study(tmp_path, MIXED, name=NAME, spec={"objectives": (LONG,)})


def snapshot(folder: Path, **changes: object) -> Snapshot:
    rows = {row.trial: row for row in trial_rows(folder)}
    known = {
        "trials": 24, "outcomes": dict.fromkeys(Outcome, 3), "best": rows[2], "baseline": rows[0],
        "running": tuple(RunningTrial(number=n, attempt=1, epoch=3, epochs=30, value=0.2) for n in range(9)),
        "epochs": 240, "elapsed_s": 60.0, "left": Left(45.0, 2403.0, 4503.0),
        "prospect": Prospect(trials=24, expected=1, low=0, high=2),
    }  # fmt: skip
    return Snapshot(**{**known, **changes})


def panel(folder: Path, console: Console) -> None:
    where, title = f"/a/folder/of/results/{NAME}", f"{NAME} · aegan on exafs"
    board = f"tensorboard --logdir {where}"
    view = LiveView(console, title=title, objective=LONG, results=where, tensorboard=board)
    console.print(view._panel(snapshot(folder)))


def whole(lines: list[str]) -> str:
    """A panel's text, folded lines joined."""
    return "".join(line.strip("│ ") for line in lines)


def test_the_live_view_cuts_no_name_at_80_columns(folder):
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=30, color_system=None)
    panel(folder, console)
    lines = console.file.getvalue().splitlines()
    assert {len(line) for line in lines} == {80}
    assert len(lines) < 24
    assert "…" not in "".join(lines)
    for words in (
        NAME,
        "best val/mse_predict_structure 0.1 (trial 2)",
        "4 times lower than the default 0.4",
        "3 crashed",
    ):
        assert words in whole(lines)
    assert f"tensorboard--logdir/a/folder/of/results/{NAME}" in whole(lines).replace(" ", "")
    assert 1 <= sum("epochs" in line and "trial" in line for line in lines[:-1]) <= 3


def say_everything(folder: Path, console: Console) -> None:
    """Whatever a search, a report, a comparison and the listing show."""
    panel(folder, console)
    rows = trial_rows(folder)
    with LiveView(console, title="a · b", objective=LONG) as view:
        view.update(snapshot(folder), rows)
    print_summary(
        console, study=NAME, objectives=[LONG], best=rows[2], baseline=rows[0], outcomes={Outcome.COMPLETED: 3},
        folder=folder, tries={2: "größer"},
    )  # fmt: skip
    write_report(folder, yardsticks=False, console=console)
    write_comparison([folder, folder.parent / "other"], console=console)
    print_listing(console, COLUMNS, list_studies(folder.parent))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_everything_is_said_in_any_encoding(folder, encoding, monkeypatch):
    with io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) as stream:
        monkeypatch.setattr(screen.sys, "stdout", stream)
        screen.use_plain_letters()
        say_everything(folder, Console(file=stream, width=80))
        said = stream.buffer.getvalue().decode(encoding)
    usual = Console(file=io.StringIO(), width=80)
    say_everything(folder, usual)
    assert said.count("?") == usual.file.getvalue().count("?")  # those of questions
    assert ("größer" if encoding != "ascii" else "großer".replace("ß", "ss")) in said
    assert "…" not in said or encoding == "utf-8"
    assert NAME in said


@pytest.mark.parametrize(
    ("letter", "shown"), [("…", "..."), ("é", "e"), ("σ", "sigma"), ("Δ", "Delta"), ("²", "2"), ("⠋", "*"), ("漢", "?")]
)
def test_a_letter_that_the_encoding_lacks_is_shown_by_plain_ones(letter, shown):
    screen.use_plain_letters()
    assert f"a{letter}b".encode("ascii", screen.PLAIN) == f"a{shown}b".encode()


def test_no_color_means_none_and_without_a_terminal_there_is_no_escape_code(folder):
    wanted = Console(file=io.StringIO(), width=80, force_terminal=True, _environ={"NO_COLOR": "1", "TERM": "xterm"})
    say_everything(folder, wanted)
    assert not re.search(r"\x1b\[[0-9;]*\b(3[0-9]|4[0-9]|9[0-9])\b[0-9;]*m", wanted.file.getvalue())
    piped = Console(file=io.StringIO(), width=80)
    write_report(folder, yardsticks=False, console=piped)
    assert "\x1b" not in piped.file.getvalue()


def test_the_report_cuts_no_name_at_80_columns(tmp_path):
    name = "weight_of_the_reconstruction_of_all_the_structures"
    search = {"lr": {"loguniform": [1e-5, 1e-1]}, name: {"uniform": [0.0, 1.0]}}
    said = text_of(study(tmp_path, MIXED, search=search, spec={"objectives": (LONG,)}), width=80)
    assert "…" not in said


def test_ctrl_c_leaves_no_letters_in_a_live_view_and_the_terminal_is_as_it_was(monkeypatch):
    """``^C`` where it was typed left a torn line above the panel."""
    lead, follow = os.openpty()
    with os.fdopen(lead), os.fdopen(follow) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        before = termios.tcgetattr(follow)
        assert before[3] & termios.ECHOCTL
        shown = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={"TERM": "xterm"})
        with LiveView(shown, title="a · b", objective=LONG):
            during = termios.tcgetattr(follow)
        assert not during[3] & termios.ECHOCTL
        assert during[3] & termios.ISIG, "Ctrl-C is still a signal"
        assert termios.tcgetattr(follow) == before
