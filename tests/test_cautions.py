"""What a search says of its rows before it begins: few steps, few validation rows, a target that hardly varies."""

from __future__ import annotations

import numpy as np
import pytest

from sparring.study import prepare


def notes_of(place, *settings, **asked):
    return " | ".join(prepare("aegan", split="80/20", settings=list(settings), results=place, **asked).notes)


def test_a_batch_of_all_rows_makes_an_epoch_a_step(tmp_path):
    said = "an epoch is a single step: batches of 100,000 or more hold all 160 training rows"
    assert said in notes_of(tmp_path, "data.n=200", "batch_size=100000")
    assert "an epoch is" not in notes_of(tmp_path, "data.n=200", "batch_size=159")
    assert "an epoch is" not in notes_of(tmp_path, "data.n=200", "batch_size=160", "steps_per_epoch=9")


def test_few_validation_rows_are_counted(tmp_path):
    assert "only 12 rows validate" in notes_of(tmp_path, "data.n=60")
    assert "validate" not in notes_of(tmp_path, "data.n=200")


@pytest.mark.parametrize(("deviation", "is_said"), [(1e-4, True), (1e-2, False)])
def test_a_field_that_hardly_varies_is_named(tmp_path, deviation, is_said):
    draws = np.random.default_rng(0)
    rows = (5 + 5 * deviation * draws.normal(size=(200, 4))).astype(np.float32)
    np.savez(tmp_path / "mine.npz", structure=draws.normal(size=(200, 3)).astype(np.float32), spectrum=rows)
    said = notes_of(tmp_path, dataset="arrays", data_path=tmp_path / "mine.npz")
    assert ("the spectrum hardly varies between rows, by 0.0001 of its size" in said) is is_said
    assert "the structure" not in said


def test_rows_that_a_trial_sees_less_than_five_times_are_told(tmp_path):
    said = notes_of(tmp_path, "data.n=200", "epochs=4")
    assert "a trial sees each of the 160 training rows 4 times; more epochs" in said
    assert "training rows" not in notes_of(tmp_path, "data.n=200", "epochs=5")
    few = ("data.n=200", "batch_size=32", "steps_per_epoch=3")
    said = notes_of(tmp_path, *few, "epochs=8")  # 8 x 3 x 32 / 160
    assert "a trial of 8 epochs sees each of the 160 training rows 4.8 times (batches of 32)" in said
    assert "training rows" not in notes_of(tmp_path, *few, "epochs=9")
