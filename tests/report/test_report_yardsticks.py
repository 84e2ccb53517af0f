"""The report beside yardsticks."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from support.reports import cache, cells, text_of

from sparring.errors import DataError
from sparring.report import read_report


def test_a_winner_that_loses_to_a_yardstick_says_so(mixed):
    cache(mixed, mean=1.0, ridge=0.05, trees=0.08)
    text = text_of(mixed, yardsticks=True)
    assert "The best trial (0.1) loses to ridge (0.05) and trees (0.08)." in text
    assert "A searched network that loses to a method" in text
    assert ["mean", "1", "10", "times", "lower", "0.125"] in cells(text)
    assert "published default" in text


def test_a_winner_that_beats_them_all_names_the_closest(mixed):
    cache(mixed, mean=1.0, ridge=0.3)
    assert "The best trial (0.1) beats every yardstick; the closest is ridge (0.3)." in text_of(mixed, yardsticks=True)


def stub_study(monkeypatch, sha256="abc", error=None):
    """Stands in for ``sparring.study.study``, which would load torch and a real data set."""
    draw = np.random.default_rng(0)
    fields = {"structure": draw.normal(size=(40, 3)), "spectrum": draw.normal(size=(40, 4))}
    predictions = {"val/mse_predict_spectrum": ("structure", "spectrum")}
    config = SimpleNamespace(yardsticks="prediction", predictions=predictions)
    opened = SimpleNamespace(
        dataset=SimpleNamespace(sha256=sha256, fields=fields),
        split=SimpleNamespace(train=np.arange(30), valid=np.arange(30, 40)),
        space=SimpleNamespace(config=lambda params: config),
    )
    calls = []

    def reopen(folder):
        calls.append(folder)
        if error:
            raise error
        return opened

    monkeypatch.setattr("sparring.study.reopen", reopen)
    return calls


def test_yardsticks_are_measured_once_and_kept(mixed, monkeypatch):
    calls = stub_study(monkeypatch)
    first = read_report(mixed).yardsticks
    assert {each.name for each in first} >= {"mean", "ridge"}
    assert read_report(mixed).yardsticks == first
    assert len(calls) == 1


def test_kept_yardsticks_of_other_data_are_measured_anew(mixed, monkeypatch):
    cache(mixed, ridge=0.5)
    document = json.loads((mixed / "yardsticks.json").read_text())
    document["key"]["data_sha256"] = "other"
    (mixed / "yardsticks.json").write_text(json.dumps(document))
    assert len(stub_study(monkeypatch)) == 0
    assert len(read_report(mixed).yardsticks) == 4


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"error": DataError("data set exafs: no such folder")}, "no yardsticks: data set exafs: no such folder"),
        ({"sha256": "changed"}, "no yardsticks: data set exafs: it has changed since the search"),
    ],
)
def test_data_that_cannot_be_had_are_said_and_the_report_goes_on(mixed, monkeypatch, changes, note):
    stub_study(monkeypatch, **changes)
    text = text_of(mixed, yardsticks=True)
    assert f"note: {note}" in text
    assert "completed, baseline" in text
