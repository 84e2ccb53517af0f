"""Data of a form, a range or a unit that no trial could learn are refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sparring.data import load_dataset
from sparring.data.dataset import Dataset
from sparring.errors import DataError
from sparring.models import find_config
from sparring.models.blocks.scaling import Scaling
from sparring.models.forms import check_forms, check_intensities

RNG = np.random.default_rng(0)
GREY = RNG.random((20, 12, 12)).astype(np.float32)
COLOUR = RNG.random((20, 12, 12, 3)).astype(np.float32)
TINY = 1e-24
"""Of a quantity in SI units: a cross-section in cm²."""


def loaded(path: Path, **arrays: np.ndarray) -> Dataset:
    np.savez(path / "mine.npz", **arrays)
    return load_dataset("arrays", path / "mine.npz")


@pytest.mark.parametrize("model", ["advvae", "aae", "mlp_aae"])
@pytest.mark.parametrize(
    ("images", "planes"),
    [
        (GREY, GREY[:, None]),
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
        ((GREY > 0.5).astype(np.int64), (GREY > 0.5)[:, None]),
    ],
    ids=["grey", "channels last", "planes", "binary"],
)
def test_floats_from_0_to_1_are_images_however_their_planes_lie(tmp_path, model, images, planes):
    data = loaded(tmp_path, image=images)
    np.testing.assert_allclose(data.fields["image"], planes)
    check_forms(find_config(model), data)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (GREY * 255, r"from .* to 25\d.*; give bytes, or divide by 255"),
        ((GREY * 65535).astype(np.uint16), "; scale them to 0 to 1"),
        (GREY * 2 - 1, "floats are intensities from 0 to 1, but these go from -0.99.* to .*; scale them to 0 to 1"),
    ],
)
@pytest.mark.parametrize("model", ["advvae", "mlp_aae"])
def test_images_in_another_range_are_refused_with_the_range(tmp_path, model, images, words):
    with pytest.raises(DataError, match=rf"data set arrays: image: .*{words}"):
        check_forms(find_config(model), loaded(tmp_path, image=images))


def test_bytes_are_taken_as_they_are():
    check_intensities(np.full((3, 1, 4, 4), 255, np.uint8), "mine")


@pytest.mark.parametrize(
    ("model", "arrays", "words"),
    [
        (
            "advvae",
            {"image": GREY.reshape(20, -1)},
            r"image: a sample is an image of 1 or 3 .*, but got shape \(144",
        ),
        ("aae_series", {"series": GREY[:, 0]}, r"series: a sample is times by channels, but got shape \(12,\)"),
        ("aegan", {"structure": GREY[:, 0], "spectrum": GREY}, r"spectrum: a sample is a row of numbers, but got sh"),
        ("boost_vae", {"muons": GREY[:, 0, :6], "rareness": GREY[:, 1, :5]}, r"muons: a sample is 7 numbers"),
        ("mlp_aae", {"image": GREY[..., None, None]}, ".*height and width or a row of numbers, but got shape"),
    ],
)
def test_a_form_that_every_trial_would_fail_at_is_refused(tmp_path, model, arrays, words):
    with pytest.raises(DataError, match=f"data set arrays: {words}"):
        check_forms(find_config(model), loaded(tmp_path, **arrays))


def test_options_that_only_bytes_can_follow_are_refused_for_floats(tmp_path):
    np.savez(tmp_path / "mine.npz", image=GREY)
    with pytest.raises(DataError, match="side can change images of bytes, but these are float32"):
        load_dataset("arrays", tmp_path / "mine.npz", {"side": 8})


def test_units_in_which_squares_leave_float32_are_refused(tmp_path):
    values = RNG.normal(size=(20, 4))
    with pytest.raises(DataError, match=r"x: samples must differ by 1e-15 or more, but they differ by \d.*e-24 at"):
        loaded(tmp_path, x=TINY * values)
    assert loaded(tmp_path, x=1e-14 * values).shapes == {"x": (4,)}


@pytest.mark.parametrize("kind", ["standard", "minmax"])
def test_a_tiny_column_beside_others_is_scaled_as_they_are(kind):
    rows = torch.from_numpy(RNG.normal(size=(50, 3)).astype(np.float32))
    plain, tiny = Scaling(3, kind), Scaling(3, kind)
    plain.fit(rows)
    unit = torch.tensor([1.0, TINY, 1.0])
    tiny.fit(rows * unit)
    torch.testing.assert_close(tiny(rows * unit), plain(rows), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(tiny.scale[[0, 2]], plain.scale[[0, 2]], rtol=0, atol=0)
