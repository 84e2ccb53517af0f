"""What a study's kept trials make of the same validation samples, for a comparison's TensorBoard."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from support.promoted import searched

from sparring.ledger.weights import WeightsFolder
from sparring.production.inference import kept_pictures
from sparring.production.inference.kept_pictures import draw_kept


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Two of the same data and split, each with the weights of one trial."""
    place = tmp_path_factory.mktemp("kept")
    return [searched(place, "aegan", seed=seed) for seed in range(2)]


def test_every_study_is_asked_of_the_same_samples_and_answers_by_itself(studies, monkeypatch):
    asked = []
    read = kept_pictures.read_rows
    monkeypatch.setattr(kept_pictures, "read_rows", lambda *a, **k: asked.append(read(*a, **k)) or asked[-1])
    first, second = (list(draw_kept(folder)) for folder in studies)
    assert asked[0].ids == asked[1].ids
    assert len(asked[0].ids) == 12
    assert {(each.trial, each.name) for each in first} == {
        (1, "from structure: spectrum"), (1, "from spectrum: structure"),
    }  # fmt: skip
    assert all(one.png != two.png for one, two in zip(first, second, strict=True))
    with Image.open(io.BytesIO(first[0].png)) as picture:
        assert picture.format == "PNG"
        assert len(picture.getcolors(256) or ()) > 10


def test_weights_that_are_torn_cost_their_pictures_alone_and_are_said(studies, tmp_path):
    weights = WeightsFolder(studies[0] / "weights")
    whole = weights.read(1)
    try:
        weights.write(1, whole[:100])
        said: list[str] = []
        assert list(draw_kept(studies[0], said.append)) == []
        assert said[0].startswith("aegan-0: no pictures of trial 1: ")
    finally:
        weights.write(1, whole)


@pytest.mark.parametrize(("system", "name"), [("mlp_aae", "came back: image"), ("auxgan", "drawn: muons")])
def test_what_does_not_predict_reconstructs_or_draws(tmp_path, system, name):
    (picture,) = draw_kept(searched(tmp_path, system))
    assert (picture.trial, picture.name) == (1, name)
