"""Folders of images: what is read, mapped, cached and refused."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.images import COLOUR, refusal, small, write_image

from sparring.data.dataset import Dataset
from sparring.data.readers import decoded, folders


def test_images_of_every_kind_size_and_depth_become_squares_of_bytes(place):
    formats = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tiff", "ppm")
    for number, suffix in enumerate(formats * 2):
        write_image(place / f"{number % 3}/{number:02d}.{suffix.upper() if number % 2 else suffix}", 20 + number)
    write_image(place / "palette.png", 30, "P", transparency=bytes([0, 128]))
    write_image(place / ".hidden.png", 30)
    (place / "notes.txt").write_text("not an image")
    data = small(place)
    assert data.shapes == {"image": (3, 8, 8)}
    assert len(data) == 17
    assert data.ids[0] == "0/00.jpg"
    assert list(data.ids) == sorted(data.ids)
    assert small(place, channels=1).shapes == {"image": (1, 8, 8)}


def test_the_middle_is_cut_and_scaled(place):
    for number in range(10):
        pixels = np.zeros((16, 48, 3), np.uint8)
        pixels[:, 16:32] = 10 * number + 50  # the middle square
        Image.fromarray(pixels).save(place / f"{number}.png")
    image = small(place).fields["image"]
    assert [int(value) for value in image[:, 1, 4, 4]] == [10 * number + 50 for number in range(10)]
    assert (image[3] == 80).all()


def test_decoded_images_are_mapped_and_found_again(place, monkeypatch):
    for number in range(12):
        write_image(place / f"{number}.png", seed=number)
    first = small(place)
    assert isinstance(first.fields["image"], np.memmap)
    monkeypatch.setattr(folders, "read_image", lambda *arguments: pytest.fail("decoded again"))
    again = small(place)
    assert again.sha256 == first.sha256
    np.testing.assert_array_equal(again.fields["image"], first.fields["image"])
    in_memory = Dataset(name="x", fields={"image": np.array(first.fields["image"])}, ids=first.ids)
    assert in_memory.sha256 == first.sha256  # what the cache says of its bytes is true


def test_another_option_or_another_file_is_decoded_anew(place):
    for number in range(12):
        write_image(place / f"{number:02d}.png", seed=number)
    first = small(place)
    assert small(place, side=9).shapes == {"image": (3, 9, 9)}
    write_image(place / "05.png", seed=50)
    os.utime(place / "05.png", ns=(1, 1))
    changed = small(place)
    assert changed.sha256 != first.sha256
    assert (np.flatnonzero((changed.fields["image"] != first.fields["image"]).any((1, 2, 3)))).tolist() == [5]
    write_image(place / "99.png", seed=99)
    assert len(small(place)) == 13
    small(place, side=9)
    assert len(list((place / "sparring-cache").glob("*.npy"))) == 5  # each form of each set is kept


def test_a_torn_cache_is_made_anew(place):
    for number in range(12):
        write_image(place / f"{number}.png", seed=number)
    first = small(place).sha256
    (array,) = (place / "sparring-cache").glob("*.npy")
    array.write_bytes(array.read_bytes()[:200])
    assert small(place).sha256 == first
    (record,) = (place / "sparring-cache").glob("*.json")
    record.write_text("{")
    assert small(place).sha256 == first
    assert [path.suffix for path in sorted((place / "sparring-cache").iterdir())] == [".json", ".npy"]


def test_where_nothing_may_be_written_beside_the_images_the_users_cache_is_used(place, home, monkeypatch):
    for number in range(12):
        write_image(place / f"{number}.png", seed=number)
    monkeypatch.setattr(decoded.os, "access", lambda path, mode: place not in Path(path).parents)
    data = small(place)
    assert Path(data.fields["image"].filename).parent == home / "decoded"  # type: ignore[attr-defined]
    monkeypatch.setattr(decoded.os, "access", lambda path, mode: False)
    assert "neither it nor" in refusal(small, place, side=9)


def test_a_disk_without_room_is_named_before_anything_is_decoded(place, monkeypatch):
    for number in range(12):
        write_image(place / f"{number}.png", seed=number)
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    assert "its 12 images take 2,304 bytes, but" in refusal(small, place)


def test_a_list_names_the_images_of_a_part(place):
    for number in range(14):
        write_image(place / f"images/{number:02d}.png", seed=number)
    (place / "train.txt").write_text("\ufeff" + "\r\n".join(f"{number:02d}.png" for number in range(13, 1, -1)))
    options = {"parts": {"train": "images"}, "lists": {"train": "train.txt"}}
    assert small(place, **options).ids[:2] == ("images/13.png", "images/12.png")
    (place / "train.txt").write_text("00.png\n../../secret.png\n")
    assert "line 2 leads out of" in refusal(small, place, **options)
    (place / "train.txt").write_text("00.png\n77.png\n")
    assert "line 2 names" in refusal(small, place, **options)
    (place / "train.txt").write_text("\n")
    assert "expected one path per line" in refusal(small, place, **options)


@pytest.mark.parametrize("named", ["{}", "dogs_{}", "Validation of-{}"])
def test_folders_named_after_parts_are_the_parts_of_the_split(place, named):
    for number in range(14):
        part = "test" if number < 3 else "train"
        write_image(place / named.format(part) / f"class{number % 2}" / f"{number:02d}.png", seed=number)
    data = small(place)
    assert data.parts == {"train": 11, "test": 3}
    assert [Path(name).stem for name in data.ids[11:]] == ["00", "02", "01"]
    assert small(place, parts={"train": "."}).parts == {}  # said so, it is one pool
    write_image(place / "another.png")
    assert "says no part; end its name in _train, _valid or _test" in refusal(small, place)


def test_a_folder_of_no_training_images_is_one_pool(place):
    for number in range(12):
        write_image(place / ("cats_test" if number < 3 else "dogs") / f"{number:02d}.png", seed=number)
    assert small(place).parts == {}


def torn_png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR[0].transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()[:400]


def huge_png() -> bytes:
    """A header of 60,000 × 60,000 pixels and nothing behind it."""
    buffer = io.BytesIO()
    Image.new("1", (8, 8)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an image of a known kind"),
        (b"hello", "not an image of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known kind"),  # Pillow runs gs for it
        (torn_png(), "it is torn"),
        (huge_png(), "an image may have 64,000,000 pixels"),
    ],
    ids=["empty", "text", "postscript", "torn", "bomb"],
)
def test_a_bad_image_is_refused_by_its_path(place, content, words):
    for number in range(12):
        write_image(place / f"{number}.png", seed=number)
    (place / "bad.png").write_bytes(content)
    message = refusal(small, place)
    assert str(place / "bad.png") in message
    assert words in message
    assert list((place / "sparring-cache").iterdir()) == []


def test_images_of_16_bits_and_of_too_many_pixels_are_refused(place, monkeypatch):
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(place / "deep.png")
    assert "8 bits per channel, but its mode is I;16" in refusal(folders.read_image, place / "deep.png", 8, 1)
    monkeypatch.setattr(folders, "MOST_PIXELS", 100)
    assert "has 48 × 40" in refusal(folders.read_image, write_image(place / "a.png"), 8, 3)


@pytest.mark.parametrize("linked", ["images", "folders", "images inside"])
def test_a_folder_of_links_says_that_they_are_not_followed(place, tmp_path, linked):
    hidden = place / ".kept" if linked == "images inside" else tmp_path / "elsewhere"
    for number in range(12):
        write_image(hidden / f"{number:02d}.png", seed=number)
        if linked != "folders":
            (place / f"{number:02d}.png").symlink_to(hidden / f"{number:02d}.png")
    if linked == "folders":
        (place / "kind").symlink_to(hidden)
    count, first = (1, place / "kind") if linked == "folders" else (12, place / "00.png")
    message = refusal(small, place)
    assert (
        f"{place}: expected images here or below, but found only links, {count} such as {first}, and links" in message
    )
    assert "are not followed; copy what they lead to with cp -rL, or give the folder it lies in" in message


def test_beside_images_links_are_left_out(place):
    for number in range(12):
        write_image(place / f"{number:02d}.png", seed=number)
    (place / "twice.png").symlink_to(place / "00.png")  # else one image could train and validate
    assert len(small(place)) == 12


def test_empty_and_missing_folders_are_named(place):
    assert "expected images (.bmp, " in refusal(small, place)
    assert "cannot be read: No such file" in refusal(small, place, parts={"train": "nowhere"})
    (place / "a.png").write_bytes(b"")
    assert "expected a folder of images, but it is not a folder" in refusal(small, place / "a.png")
