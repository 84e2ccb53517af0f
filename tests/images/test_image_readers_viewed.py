"""Images as a viewer shows them: upright, without what transparency hides; and a cache that times do not deceive."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.images import refusal, small, write_image

from sparring.data.readers import folders

ROTATED = 6
"""EXIF's word for a camera that was held upright."""


def photograph(path: Path, orientation: int | None = ROTATED) -> Path:
    """Bright above and dark below, as it is stored."""
    pixels = np.full((48, 48, 3), 20, np.uint8)
    pixels[:24] = 220
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_photograph_is_turned_as_its_exif_says(place, suffix):
    turned = folders.read_image(photograph(place / f"a.{suffix}"), 8, 1)[0]
    assert turned[:, :3].max() < 40 < 200 < turned[:, 5:].min()  # a quarter to the right: what was above is right
    stored = folders.read_image(place / f"a.{suffix}", 8, 1, upright=False)[0]
    assert stored[5:].max() < 40 < 200 < stored[:3].min()
    plain = folders.read_image(photograph(place / f"b.{suffix}", None), 8, 1)[0]
    np.testing.assert_array_equal(plain, stored)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_transparency_hides_is_not_learned(place, mode, channels):
    layer = np.full((9, 9, 4), 90, np.uint8)
    layer[..., 3] = 0
    layer[:, 5:, 3] = 255
    image = Image.fromarray(layer)
    if mode == "P":  # one colour of the palette is transparent
        image = Image.fromarray((layer[..., 3] > 0).astype(np.uint8), "L").convert("P")
        image.putpalette([90, 90, 90, 90, 90, 90])
        image.save(place / "a.png", transparency=0)
    else:
        image.convert(mode).save(place / "a.png")
    shown = {
        background: folders.read_image(place / "a.png", 9, channels, background=background)
        for background in ("white", "black", "none")
    }
    assert shown["white"][:, :, :5].min() == 255
    assert shown["black"][:, :, :5].max() == 0
    assert shown["none"].min() == shown["none"].max() == 90
    assert (shown["white"][:, :, 5:] == 90).all()


def test_another_background_or_turn_is_another_set(place):
    for number in range(12):
        photograph(place / f"{number:02d}.jpg", ROTATED if number else None)
    write_image(place / "other.jpg", 48)
    assert len({small(place, **options).sha256 for options in ({}, {"upright": False}, {})}) == 2


def test_an_image_of_several_pages_is_refused(place):
    pages = [Image.fromarray(np.full((9, 9), 40 * page, np.uint8)) for page in range(3)]
    pages[0].save(place / "a.tiff", save_all=True, append_images=pages[1:])
    assert "it has 3 pages; save each by itself" in refusal(folders.read_image, place / "a.tiff", 8, 1)


def test_a_file_of_the_same_length_and_date_is_decoded_anew(place, tmp_path):
    for number in range(12):
        write_image(place / f"{number:02d}.bmp", seed=number)
    before = small(place)
    other = write_image(tmp_path / "other.bmp", seed=99)
    status = (place / "05.bmp").stat()
    assert other.stat().st_size == status.st_size
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    shutil.copy2(other, place / "05.bmp")
    after = small(place)
    differs = (after.fields["image"] != before.fields["image"]).any((1, 2, 3))
    assert np.flatnonzero(differs).tolist() == [5]
