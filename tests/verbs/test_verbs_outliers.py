"""Outliers: a trained model beside an out-of-distribution set."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet
import pytest

from sparring.production import read_trained
from sparring.production.inference.outliers import scores, separate
from sparring.production.inference.samples import read_rows

pytestmark = pytest.mark.slow  # all together


def test_separation_is_what_its_definition_says():
    own, ood = np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.5, 4.0, 5.0, 6.0])
    found = separate(own, ood)
    assert found.auroc == pytest.approx(15 / 16)  # of 16 pairs only (3, 2.5) is the wrong way round
    assert found.fpr_at_95_tpr == pytest.approx(1 / 4)  # to find all four, 3 is called foreign too
    assert (found.mean_own, found.mean_foreign) == (1.5, 4.375)
    assert separate(own, own + 10).auroc == 1.0
    assert separate(own, own + 10).fpr_at_95_tpr == 0.0
    assert separate(own, own).auroc == 0.5


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("advvae", {"reconstruction", "discriminator"}),
        ("mlp_aae", {"reconstruction", "discriminator"}),
        ("aae", {"reconstruction", "discriminator", "code"}),
    ],
)
def test_foreign_images_of_another_size_and_colour_are_scored(
    name, known, trained, ood, tmp_path, monkeypatch, run_verb
):
    place = tmp_path / "out"
    asked = ["outliers", trained(name), "--out-dataset", "imagenet", "--out-path", ood, "-o", place]
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    assert run_verb(*asked, "--rows", "25") == 0
    figures = json.loads((place / "outliers.json").read_text())
    assert figures["rows"] == {"own": 25, "foreign": 25}
    assert figures["scores"].keys() == known
    table = pyarrow.parquet.read_table(place / "scores.parquet").to_pydict()
    assert sum(table["is_foreign"]) == 25
    loaded = read_trained(trained(name))
    own = scores(loaded, read_rows(loaded, n=25))
    other = scores(loaded, read_rows(loaded, dataset="imagenet", data_path=ood, n=25))
    for score in known:
        np.testing.assert_allclose(table[score], np.concatenate([own[score], other[score]]), rtol=1e-5)
        again = separate(np.array(table[score][:25]), np.array(table[score][25:]))
        assert again.auroc == pytest.approx(figures["scores"][score]["auroc"])
    assert (place / "scores.png").stat().st_size > 1000


def test_series_of_the_same_set_under_other_options_are_foreign(trained, tmp_path, run_verb, capsys):
    asked = ["outliers", trained("aae_series"), "--out-dataset", "ring-downs", "-o", tmp_path / "out"]
    assert run_verb(*asked, "--out-set", "noise=1.0") == 0
    figures = json.loads((tmp_path / "out" / "outliers.json").read_text())
    assert figures["rows"] == {"own": 30, "foreign": 150}  # what validated, and all
    assert figures["scores"]["reconstruction"]["auroc"] > 0.99  # 2,500 times the noise's variance
    assert run_verb(*asked, "--out-set", "loudness=4") == 2
    assert "no option 'loudness'" in capsys.readouterr().err


def test_a_set_is_not_foreign_to_a_model_trained_on_it(trained, run_verb, capsys):
    assert run_verb("outliers", trained("advvae"), "--out-dataset", "shapes") == 2
    assert "shapes is what the model was trained on" in capsys.readouterr().err
