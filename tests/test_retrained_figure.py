"""What ``train`` says of its figure beside that of the trial which the file was pinned from."""

from __future__ import annotations

import pytest

from sparring.production.retrain.verdict import verdict_of
from sparring.records import EpochRow, Outcome
from sparring.space import changes, differing, settings_of
from sparring.training.single import Trained

FIXED = {"epochs": 27, "hidden_size": 256, "lr_gen": 0.1 * 0.1 / 3}
RAW = {"model": "aegan", "dataset": "exafs", "split": "80/20", "seed": 5, "data": {"n": 120}, "fixed": FIXED}
FOUND = {"study": "aegan-exafs", "trial": 3, "metric": "val/score", "value": 0.118106, "data_sha256": "abcd"}
PINNED = {**RAW, "found": {**FOUND, "settings": settings_of(RAW)}}


def said(value: float, raw: dict, data: str = "abcdef") -> str:
    row = EpochRow(trial=0, attempt=1, epoch=3, wall_s=1.0, metrics={"val/score": value})
    return verdict_of(Trained(outcome=Outcome.COMPLETED, best=row, epochs=3, state={}), "val/score", raw, data)


def test_an_edited_file_is_said_to_be_edited_and_nothing_is_blamed_on_the_processor():
    told = said(0.895342, {**PINNED, "seed": 6, "fixed": {**FIXED, "epochs": 3, "hidden_size": 64}, "data": {"n": 60}})
    assert "trial 3 of aegan-exafs had 0.118106" in told
    for change in (
        "seed was 5 and is 6",
        "data.n was 120 and is 60",
        "epochs was 27 and is 3",
        "hidden_size was 256 and is 64",
    ):
        assert change in told
    assert "lr_gen" not in told
    assert "processor" not in told


def test_a_figure_that_is_met_by_an_edited_file_is_not_hidden():
    assert said(0.118106, PINNED).endswith("exactly the figure of trial 3 of aegan-exafs.")
    assert "though in the file epochs was 27 and is 30" in said(0.118106, {**PINNED, "fixed": {**FIXED, "epochs": 30}})


def test_other_data_are_the_reason_before_the_processor_is():
    assert "The data are not those" in said(0.2, PINNED, data="0123")
    assert "Another processor" in said(0.2, PINNED)


def test_of_a_file_that_does_not_say_what_it_was_pinned_with_neither_is_claimed():
    assert "Unless the file was edited: another processor" in said(0.2, {**RAW, "found": FOUND})


@pytest.mark.parametrize(
    ("before", "now", "names"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": [8, 16]}, {"a": (8, 16)}, []),
        ({"a": 1, "gone": 2}, {"a": 1, "new": None}, ["gone"]),
        ({}, {"b": 2, "a": 1}, ["b", "a"]),
    ],
)
def test_only_what_differs_is_named(before, now, names):
    assert differing(before, now) == names


def test_many_differences_are_counted():
    told = changes({}, dict.fromkeys("abcdefghij", 1))
    assert told.endswith("f was not given and is 1; 4 more differ")
