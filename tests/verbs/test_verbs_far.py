"""Samples far from the training data are named, wherever an answer is given for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sparring.production.drawing import pictures
from sparring.production.inference.novelty import MARK, far_rows, far_sentence, marked


@pytest.fixture
def known():
    return torch.randn(500, 4, generator=torch.Generator().manual_seed(0))


def test_rows_like_those_that_trained_are_not_far_and_others_are(known):
    alike = torch.randn(200, 4, generator=torch.Generator().manual_seed(1))
    assert far_rows(known, alike).mean() < 0.05
    assert far_rows(known, alike + 8).all()
    assert not far_rows(known, known).any()
    assert not far_rows(known[:2], alike).any(), "of two rows nobody knows what is usual"


def test_columns_count_in_units_of_their_spread_and_one_that_never_varied_counts_too(known):
    units = torch.tensor([1.0, 1e3, 1e-3, 0.0])
    row = known[:1] * units
    for column, shift in ((1, 8.0), (1, 8e3), (2, 8e-3), (3, 8e-3)):
        moved = row.clone()
        moved[0, column] += shift
        assert bool(far_rows(known * units, moved)[0]) is (shift != 8.0), (column, shift)


def test_those_that_are_far_are_named_and_only_they_are_marked():
    ids, far = tuple("abcdefgh"), np.array([True] * 7 + [False])
    said = far_sentence("structure", far, ids, 500)
    assert said.startswith(f"7 of 8 by their structure are {MARK}: a, b, c, d, e, …. The nearest of 500 training rows")
    assert far_sentence("structure", ~far & far, ids, 500) == ""
    assert marked(ids, {"structure": far, "spectrum": ~far & far}) == [f"{each}, {MARK}" for each in "abcdefg"] + ["h"]


def test_predictions_for_another_molecule_say_that_they_are_guesses(trained, tmp_path, run_verb, capsys, monkeypatch):
    monkeypatch.setattr(pictures, "SHOWN_CURVES", 2)
    atoms = "".join(
        f"Au {x} {y} {z}\n" for x in (-2, 0, 2) for y in (-2, 0, 2) for z in (-2, 0, 2) if (x, y, z) != (0, 0, 0)
    )
    (tmp_path / "odd.xyz").write_text(f"27\n\nFe 0 0 0\n{atoms}")
    assert run_verb("predict", trained("aegan"), "--structures", tmp_path / "odd.xyz", "-o", tmp_path / "out") == 0
    assert f"1 of 1 by their structure are {MARK}: odd." in " ".join(capsys.readouterr().out.split())
    with np.load(tmp_path / "out" / "from_structure" / "predictions.npz") as arrays:
        assert arrays["far_structure"].tolist() == [True]
    assert run_verb("predict", trained("aegan"), "--rows", "2", "-o", tmp_path / "own") == 0
    assert MARK not in capsys.readouterr().out
