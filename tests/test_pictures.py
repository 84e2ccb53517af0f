"""Grids of images as files."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sparring.errors import DataError
from sparring.production.drawing import image_grid
from sparring.production.drawing.image_grid import grid, pairs
from sparring.production.drawing.style import write_picture

RNG = np.random.default_rng(0)


@pytest.fixture
def life_size(monkeypatch):
    """Images of 28 pixels and more are drawn as they are."""
    monkeypatch.setattr(image_grid, "SMALLEST", 28)


def test_a_small_image_is_enlarged_until_it_can_be_seen():
    assert np.asarray(grid(np.zeros((1, 1, 8, 8)), 1)).shape == (88 + 4, 88 + 4)
    assert np.asarray(grid(np.zeros((1, 1, 28, 28)), 1)).shape == (84 + 4, 84 + 4)
    assert np.asarray(grid(np.zeros((1, 1, 90, 90)), 1)).shape == (90 + 4, 90 + 4)


@pytest.mark.usefixtures("life_size")
def test_images_stand_in_rows_from_the_top_left_with_white_between():
    images = RNG.integers(0, 255, (5, 3, 30, 40), dtype=np.uint8)
    picture = np.asarray(grid(images, 3))
    assert picture.shape == (2 * 32 + 2, 3 * 42 + 2, 3)
    for place in range(5):
        top, left = 2 + 32 * (place // 3), 2 + 42 * (place % 3)
        np.testing.assert_array_equal(picture[top : top + 30, left : left + 40].transpose(2, 0, 1), images[place])
    assert (picture[:2] == 255).all()
    assert (picture[34:, 86:] == 255).all()  # no sixth image


@pytest.mark.usefixtures("life_size")
def test_floats_are_intensities_and_small_images_are_enlarged():
    images = np.array([0.0, 0.5, 1.0, 1.7]).reshape(4, 1, 1, 1) * np.ones((1, 1, 8, 8))
    picture = np.asarray(grid(images, 4))
    assert picture.shape == (36, 4 * 34 + 2)
    assert [int(picture[18, 18 + 34 * place]) for place in range(4)] == [0, 128, 255, 255]


@pytest.mark.usefixtures("life_size")
@pytest.mark.parametrize("count", [3, 7])
def test_reconstructions_stand_below_their_originals(count):
    originals = RNG.integers(0, 255, (count, 1, 30, 30), dtype=np.uint8)
    picture = np.asarray(pairs(originals, 1 - originals / 255, columns=5))
    assert picture.shape == (32 * (2 if count == 3 else 4) + 2, 32 * min(count, 5) + 2)
    for place in range(count):
        top, left = 2 + 64 * (place // 5), 2 + 32 * (place % 5)
        np.testing.assert_array_equal(picture[top : top + 30, left : left + 30], originals[place, 0])
        np.testing.assert_array_equal(picture[top + 32 : top + 62, left : left + 30], 255 - originals[place, 0])


@pytest.mark.usefixtures("life_size")
def test_a_picture_is_a_png_and_what_cannot_be_drawn_or_written_is_said(tmp_path):
    write_picture(tmp_path / "a", grid(np.zeros((4, 1, 28, 28)), 2))
    with Image.open(tmp_path / "a") as picture:
        assert (picture.format, picture.size) == ("PNG", (62, 62))
    with pytest.raises(DataError, match=r"a grid needs images, .* but got shape \(4, 2, 8, 8\)"):
        grid(np.zeros((4, 2, 8, 8)), 2)
    with pytest.raises(DataError, match="need one shape"):
        pairs(np.zeros((4, 1, 8, 8)), np.zeros((4, 1, 9, 9)))
    with pytest.raises(DataError, match="the picture cannot be written"):
        write_picture(tmp_path / "no" / "a", grid(np.zeros((4, 1, 28, 28)), 2))
