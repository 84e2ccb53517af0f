"""Which files may leave the mirror: one rule for each table, on names alone."""

from __future__ import annotations

import json

import pytest

from sparring.ledger import Ledger, write_study
from sparring.ledger.mirror.successors import replaced_checkpoints, replaced_parts, replaced_weights
from sparring.records import Outcome, TrialRow

PART = "trials/00000002-t00001-a1-5f3a9c01.parquet"


def checkpoint(trial: int, epoch: int, digit: str = "0") -> str:
    return f"checkpoints/t{trial:05d}-a001-e{epoch:05d}-{digit * 16}.safetensors"


@pytest.fixture
def folder(tmp_path):
    """A study in which trial 1 has ended and trial 2 has not."""
    path = tmp_path / "study"
    write_study(path, {"kinds": {}, "metrics": []})
    with Ledger(path, kinds={}, metrics=[]) as ledger:
        ledger.append_trial(TrialRow(trial=1, attempt=1, seed=0, outcome=Outcome.CRASHED, params={}))
    return path


def test_a_part_goes_once_a_merged_part_of_its_table_has_its_rows(folder):
    assert replaced_parts([PART], {"trials": {1, 2}}, folder) == [PART]
    assert replaced_parts([PART], {"trials": {1}, "epochs": {2}}, folder) == []


def test_a_part_that_was_set_aside_as_torn_stays(folder):
    (folder / "_torn").mkdir()
    (folder / "_torn" / PART.replace("/", "-")).write_text(json.dumps("torn"))
    assert replaced_parts([PART], {"trials": {1, 2}}, folder) == []


def test_a_checkpoint_goes_for_a_later_one_or_for_the_end_of_its_trial(folder):
    gone = [checkpoint(2, 3), checkpoint(2, 5), checkpoint(1, 9), PART]
    assert replaced_checkpoints(gone, [checkpoint(2, 4)], folder) == [checkpoint(2, 3), checkpoint(1, 9)]
    assert replaced_checkpoints(gone, [], folder) == [checkpoint(1, 9)]
    assert replaced_checkpoints([checkpoint(2, 4)], [checkpoint(2, 4, "1")], folder) == [checkpoint(2, 4)]


def test_weights_go_only_while_some_leaders_are_there(folder):
    old, new = (f"weights/t{trial:05d}-{'0' * 16}.safetensors" for trial in (1, 2))
    assert replaced_weights([old, PART], [new]) == [old]
    assert replaced_weights([old, PART], [PART]) == []
