"""What a stranger's file says reaches the screen as text: no markup, no escape code; and nothing asks his address."""

from __future__ import annotations

import ast
import io
import re
import sys
from pathlib import Path

import pytest
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from sparring.data import cards, fetching
from sparring.errors import DataError, UsageError
from sparring.untrusted.screen import STEERING, Screen, print_plain

SOURCE = Path(__file__).parents[2] / "platform" / "sparring"
EVIL = "a\x1b]0;owned\x07\x1b[2Jb\x9b31mc\u202ed[/x][bold]e"
SHOWN = "a]0;owned[2Jb31mcd[/x][bold]e"


def screen(**options) -> tuple[Screen, io.StringIO]:
    file = io.StringIO()
    return Screen(file=file, width=80, **options), file


@pytest.mark.parametrize("wrapped", [lambda text: text, Text, lambda text: Text.assemble((text, "bold"))])
def test_a_text_is_printed_as_it_is_and_steers_nothing(wrapped):
    console, file = screen()
    console.print(wrapped(EVIL), soft_wrap=True)
    assert file.getvalue() == f"{SHOWN}\n"


def test_nor_does_one_in_a_table_a_status_or_a_bar():
    console, file = screen(force_terminal=True, color_system=None)
    table = Table("x", title=EVIL)
    table.add_row(EVIL)
    console.print(table)
    with console.status(Text(EVIL)):
        pass
    with Progress(console=console) as bar:
        bar.add_task("a\x9b2J", total=1)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", file.getvalue())  # rich's own moves of the cursor
    assert not STEERING.search(plain)
    assert "owned" in plain


def test_rich_s_own_colours_stay():
    console, file = screen(force_terminal=True, color_system="standard")
    console.print(Text(EVIL, style="red"))
    assert file.getvalue() == f"\x1b[31m{SHOWN}\x1b[0m\n"


def test_every_console_is_such_a_screen():
    made = [
        f"{path.name}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Console"
    ]
    assert made == []


@pytest.mark.parametrize(("is_terminal", "written"), [(True, SHOWN), (False, EVIL)])
def test_a_page_for_a_pipe_is_whole_and_for_a_terminal_plain(monkeypatch, is_terminal, written):
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(sys, "stdout", out)
    print_plain(EVIL)
    assert out.getvalue() == written


def test_an_error_steers_no_terminal(monkeypatch, run_verb, capsys):
    from sparring.report import overview

    def refuse(_):
        raise UsageError(f"study {EVIL}: no")

    monkeypatch.setattr(overview, "list_studies", refuse)
    assert run_verb("studies") == 2
    assert capsys.readouterr().err == "sparring: study a ]0;owned [2Jb 31mc d[/x][bold]e: no\n"


@pytest.mark.parametrize("folder", ["[/x]", "[bold]"])
def test_brackets_of_a_path_are_printed(monkeypatch, run_verb, capsys, tmp_path, folder):
    monkeypatch.chdir(tmp_path)
    Path(folder).mkdir(parents=True)
    assert run_verb("studies", "--results", folder) == 0
    assert f"No study in {folder}; begin one" in capsys.readouterr().out


CARD = """
name = "theirs"
title = "t"
description = "d"
reader = "npy"
path = "a folder"
size = "1"
licence = "MIT"
source = "s"
[[files]]
name = "x.npy"
urls = ["http://127.0.0.1:9/x.npy"]
[fields.image]
meaning = "m"
unit = "1"
"""


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Addresses that were asked."""
    found: list[str] = []
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "data"))

    def fetch(dataset, file, *_):
        found.extend(file.urls)
        raise DataError(f"data set {dataset}: asked")

    monkeypatch.setattr(fetching, "_fetch", fetch)
    (tmp_path / "theirs.toml").write_text(CARD)
    return found


def test_a_card_that_a_study_names_is_not_fetched(asked, tmp_path):
    card = str(tmp_path / "theirs.toml")
    with pytest.raises(DataError, match=r"theirs\.toml is not a shipped card, so reading a study or a model fetches"):
        cards.load_dataset(card, may_fetch=False)
    assert asked == []
    with pytest.raises(DataError, match="asked"):
        cards.load_dataset(card)
    with pytest.raises(DataError, match="asked"):
        cards.load_dataset("mnist", may_fetch=False)
    assert len(asked) > 1


def test_what_was_fetched_before_is_read(asked, tmp_path):
    import numpy as np

    card = cards.read_card(str(tmp_path / "theirs.toml"))
    folder = fetching.data_home() / cards._cache_name(card, is_shipped=False)
    folder.mkdir(parents=True)
    np.save(folder / "x.npy", np.zeros((20, 8, 8), np.uint8))
    with pytest.raises(DataError) as caught:
        cards.load_dataset(str(tmp_path / "theirs.toml"), may_fetch=False)
    assert "fetches nothing" not in str(caught.value)  # the reader has its turn, and wants a file
    assert asked == []


def test_a_study_that_is_read_and_a_model_that_is_asked_fetch_nothing(monkeypatch, tmp_path):
    from types import SimpleNamespace

    from sparring.production.inference import samples
    from sparring.study import study

    seen: list[object] = []

    def load_dataset(*_, may_fetch=True, **__):
        seen.append(may_fetch)
        raise DataError("seen")

    monkeypatch.setattr(study, "load_dataset", load_dataset)
    monkeypatch.setattr(samples, "load_dataset", load_dataset)
    spec = {"name": "s", "model": "mlp_aae", "dataset": "./theirs.toml", "objectives": [{"metric": "val/score"}]}
    spec["space"] = {"model": "mlp_aae", "dataset": "digits", "objectives": [{"metric": "val/score"}]}
    monkeypatch.setattr(study, "read_study", lambda _: {"spec": spec})
    with pytest.raises(DataError, match="seen"):
        study.reopen(tmp_path)
    about = SimpleNamespace(dataset="./theirs.toml", data_path=None, data={})
    with pytest.raises(DataError, match="seen"):
        samples._load(SimpleNamespace(about=about), None, None, {}, "--data-path")
    assert seen == [False, False]
