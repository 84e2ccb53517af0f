"""Results on standard output, what is being done on standard error, and ``--quiet``, which leaves that out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.reports import MIXED, study
from support.studies import ended, fill, small_space, small_study
from typer.main import get_command

from sparring.cli.app import app
from sparring.cluster import session
from sparring.production.retrain import lines
from sparring.records import Outcome

SMALL, LARGE = {"n_hl_gen": 1, "hidden_size": 8}, {"n_hl_gen": 2, "hidden_size": 16}

PINNED = """
model = "mlp_aae"
dataset = "digits"
[[objectives]]
metric = "val/balance"
[fixed]
epochs = 2
steps_per_epoch = 1
hidden_size = 8
"""


@pytest.mark.parametrize(("words", "is_said"), [([], True), (["-q"], False), (["--quiet"], False)])
def test_a_quiet_search_says_nothing_but_errors(tmp_path, monkeypatch, run_verb, capsys, words, is_said):
    def conduct(study, address, console, mirror, aside):
        console.print("the table")
        return 0

    monkeypatch.setattr(session, "conduct", conduct)
    asked = ["search", "aegan", "--space", small_space(tmp_path), "--results", tmp_path, "--set", "data.n=60", *words]
    asked += ["--set", "activation=gelu"]  # which no point to try has, so there is a note on it
    assert run_verb(*asked) == 0
    said = capsys.readouterr()
    assert said.out == ("the table\n" if is_said else "")
    assert run_verb(*asked, "--set", "epochs=0") == 2
    assert "epochs" in capsys.readouterr().err


def test_a_search_s_result_goes_to_one_stream_and_what_happens_until_then_to_the_other(tmp_path, monkeypatch, capsys):
    made = small_study(tmp_path, name="mine", trials=2)
    fill(made, [ended(0, SMALL, 0.5, Outcome.COMPLETED), ended(1, LARGE, 0.3, Outcome.COMPLETED)])
    monkeypatch.setattr(session, "is_complete", lambda _: False)
    monkeypatch.setattr(session, "_run", lambda study, address, told, *_: told.print("Starting Ray …") or 0)
    assert session.conduct(made, None, Console(width=100)) == 0
    said = capsys.readouterr()
    assert said.err == "Starting Ray …\n"
    assert said.out.startswith("\nmine --results ")
    assert session.conduct(made, None, Console(file=io.StringIO(), quiet=True)) == 0
    assert capsys.readouterr() == ("", "")


def test_a_training_in_a_pipe_leaves_the_figure_there_and_its_epochs_beside_it(tmp_path, monkeypatch, run_verb, capsys):
    monkeypatch.setattr(lines, "PAUSE_S", 0.0)
    (tmp_path / "best.toml").write_text(PINNED, encoding="utf-8")
    words = ["train", tmp_path / "best.toml", "-o", tmp_path / "trained"]
    assert run_verb(*words) == 0
    said = capsys.readouterr()
    assert said.err.startswith("mlp_aae on digits: epoch 1 of 2, val/balance ")
    assert "epoch 1 of 2," not in said.out
    assert "Weights, configuration and figures" in said.out
    assert run_verb(*words, "-q") == 0
    assert capsys.readouterr() == ("", "")


def test_a_report_says_beside_its_tables_what_it_reads_unless_it_is_not_to(tmp_path, run_verb, capsys):
    folder = study(tmp_path, MIXED[:3])
    tables = []
    for words, said in (([], "reading exafs …\n"), (["-q"], "")):
        assert run_verb("report", folder, *words) == 0
        shown = capsys.readouterr()
        assert shown.err.startswith(said)
        assert bool(shown.err) == bool(said)
        tables.append(shown.out)
    assert tables[0] == tables[1] != ""


@pytest.mark.parametrize(
    "verb",
    ["search", "train", "report", "compare", "promote", "sample", "reconstruct", "predict", "encode", "outliers"],
)
def test_every_command_that_takes_a_while_can_be_told_to_be_quiet(verb):
    flags = {flag for each in get_command(app).commands[verb].params for flag in each.opts}
    assert {"-q", "--quiet"} <= flags
