"""Paths and terminals of the command line: ~, folders that cannot be written, encodings without our characters."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparring.cli.app import _at_home


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("~", "HOME"),
        ("~/x", "HOME/x"),
        ("--results=~/x y", "--results=HOME/x y"),
        ("--set=pretrained=~/w", "--set=pretrained=HOME/w"),
        ("pretrained=~/w", "pretrained=HOME/w"),
        ("a~/b", "a~/b"),
        ("--name=~x", "--name=~x"),
        ("x=1e-3", "x=1e-3"),
        ("-o", "-o"),
    ],
)
def test_a_tilde_is_the_home_folder_wherever_the_shell_leaves_it(monkeypatch, typed, meant):
    monkeypatch.setenv("HOME", "/home/me")
    assert _at_home(typed) == meant.replace("HOME", "/home/me")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_lacks_our_characters_shows_others(monkeypatch, run_verb, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert run_verb("models", "aegan") == 0
    sys.stdout.flush()
    said = written.getvalue()
    assert b"aegan" in said
    assert b"?" not in said


def test_a_pinned_file_gets_its_folder_or_one_sentence(tmp_path, monkeypatch, run_verb, capsys):
    from sparring.cli import results
    from sparring.study import pinning

    row, spec = SimpleNamespace(trial=0), SimpleNamespace(space={})
    pinned = SimpleNamespace(raw={"model": "aegan"}, row=row, spec=spec, others_on_front=(), claim="", names={})
    monkeypatch.setattr(results, "find_folder", lambda *_: tmp_path)
    monkeypatch.setattr(pinning, "pin_trial", lambda *_, **__: pinned)
    monkeypatch.chdir(tmp_path)
    assert run_verb("best", "s", "-o", "my configs/[old]/best.toml") == 0
    assert Path("my configs/[old]/best.toml").read_text() == 'model = "aegan"\n'
    assert "sparring train 'my configs/[old]/best.toml'" in capsys.readouterr().out
    for place in (".", "my configs/[old]/best.toml/best.toml"):
        assert run_verb("best", "s", "-o", place) == 2
        assert f"-o: {place} cannot be written: " in capsys.readouterr().err


@pytest.mark.parametrize("place", ["taken", "/proc/nope/model"])
def test_a_folder_that_cannot_be_made_is_refused_before_the_first_epoch(tmp_path, monkeypatch, run_verb, capsys, place):
    from sparring.production.retrain import retrain

    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("a file")
    monkeypatch.setattr(retrain, "train_pinned", lambda *_, **__: pytest.fail("trained"))
    pinned = 'model = "mlp_aae"\ndataset = "digits"\n[[objectives]]\nmetric = "val/score"\n[fixed]\nepochs = 1\n'
    Path("p.toml").write_text(pinned)
    assert run_verb("train", "p.toml", "-o", place) == 2
    assert f"-o: {place} cannot be a folder: " in capsys.readouterr().err
