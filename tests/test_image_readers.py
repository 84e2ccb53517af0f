"""Readers of images on small files in the real formats: what comes out, and what is said of a bad one."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from sparring.data import load_dataset, read_card, reader_of
from sparring.data.dataset import Dataset
from sparring.data.readers import cifar, decoded, folders, idx, matlab, npy, npz
from sparring.data.readers.images import ImageOptions, fit
from sparring.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (24, 28, 28), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (24, 3, 32, 32), dtype=np.uint8)


class Explosive:
    fired = False

    def __reduce__(self) -> Any:
        return setattr, (Explosive, "fired", True)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def place(tmp_path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    return folder


def refusal(call, *arguments, **keywords) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- writing the real formats ---------------------------------------------------------------------------------------


def write_idx(path: Path, images: np.ndarray, kind: int = 8) -> None:
    path.write_bytes(struct.pack(f">HBB{images.ndim}I", 0, kind, images.ndim, *images.shape) + images.tobytes())


def write_cifar(path: Path, images: np.ndarray, label_bytes: int) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        for image in images:
            file.write(bytes([7] * label_bytes) + image.tobytes())


def write_mat(path: Path, images: np.ndarray) -> None:
    """As SVHN: (height, width, channels, images) under X, labels under y, compressed."""
    savemat(path, {"X": images.transpose(2, 3, 1, 0), "y": np.ones((len(images), 1), np.uint8)}, do_compression=True)


def write_image(path: Path, side: int = 40, mode: str = "RGB", seed: int = 0, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side + 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def lay_mnist(at: Path) -> None:
    write_idx(at / "train-images-idx3-ubyte", GREY[:18])
    write_idx(at / "t10k-images-idx3-ubyte", GREY[18:])


def lay_cifar10(at: Path) -> None:
    for number in range(5):
        write_cifar(
            at / "cifar-10-batches-bin" / f"data_batch_{number + 1}.bin", COLOUR[number * 4 : number * 4 + 4], 1
        )
    write_cifar(at / "cifar-10-batches-bin" / "test_batch.bin", COLOUR[20:], 1)


def lay_cifar100(at: Path) -> None:
    write_cifar(at / "cifar-100-binary" / "train.bin", COLOUR[:18], 2)
    write_cifar(at / "cifar-100-binary" / "test.bin", COLOUR[18:], 2)


def lay_svhn(at: Path) -> None:
    write_mat(at / "train_32x32.mat", COLOUR[:18])
    write_mat(at / "test_32x32.mat", COLOUR[18:])


def lay_medmnist(at: Path, name: str) -> None:
    parts = {"train": GREY[:14], "val": GREY[14:18], "test": GREY[18:]}
    arrays = {f"{part}_images": images for part, images in parts.items()}
    arrays |= {f"{part}_labels": np.zeros((len(images), 1), np.uint8) for part, images in parts.items()}
    np.savez_compressed(at / f"{name}.npz", **arrays)


def lay_tinyimagenet(at: Path) -> None:
    for number in range(18):
        kind = f"n0144376{number % 3}"
        write_image(at / f"tiny-imagenet-200/train/{kind}/images/{kind}_{number}.JPEG", 64, seed=number)
    for number in range(6):
        write_image(
            at / f"tiny-imagenet-200/val/images/val_{number}.JPEG", 64, "L" if number else "RGB", seed=100 + number
        )
    (at / "tiny-imagenet-200/val/val_annotations.txt").write_text("val_0.JPEG\tn01443760\t0\t32\t44\t62\n")


def lay_places365(at: Path) -> None:
    for number in range(12):
        write_image(at / f"data_256/a/airfield/{number:08d}.jpg", 256, seed=number)
    for number in range(3):
        write_image(at / f"val_256/Places365_val_{number:08d}.jpg", 256, seed=100 + number)


def lay_dtd(at: Path) -> None:
    (at / "dtd/labels").mkdir(parents=True)
    for part, first, count in (("train", 0, 10), ("val", 10, 4), ("test", 14, 3)):
        names = [f"banded/banded_{number:04d}.jpg" for number in range(first, first + count)]
        for number, name in enumerate(names, first):
            write_image(at / "dtd/images" / name, 300 + number, seed=number)
        (at / f"dtd/labels/{part}1.txt").write_text("\n".join(names) + "\n")


def lay_imagenet(at: Path) -> None:
    for number in range(12):
        write_image(at / f"train/n01440764/n01440764_{number}.JPEG", 150 + 10 * number, seed=number)
    for number in range(3):
        write_image(
            at / f"val/ILSVRC2012_val_{number:08d}.JPEG", 140, "CMYK" if number == 1 else "RGB", seed=99 - number
        )


LAYOUTS = {
    "mnist": (lay_mnist, {"train": 18, "test": 6}),
    "fashionmnist": (lay_mnist, {"train": 18, "test": 6}),
    "cifar10": (lay_cifar10, {"train": 20, "test": 4}),
    "cifar100": (lay_cifar100, {"train": 18, "test": 6}),
    "svhn": (lay_svhn, {"train": 18, "test": 6}),
    "tinyimagenet": (lay_tinyimagenet, {"train": 18, "test": 6}),
    "places365": (lay_places365, {"train": 12, "test": 3}),
    "dtd": (lay_dtd, {"train": 10, "valid": 4, "test": 3}),
    "imagenet": (lay_imagenet, {"train": 12, "test": 3}),
}
for medical in ("chestmnist", "octmnist", "tissuemnist", "pneumoniamnist"):
    LAYOUTS[medical] = (
        lambda at, name=medical: lay_medmnist(at, name),
        {"train": 14, "valid": 4, "test": 6},
    )


def read_as(name: str, at: Path, **changes: Any) -> Dataset:
    card = read_card(name)
    reader = reader_of(card)
    data: Dataset = reader.read(at, reader.Options(**{**card.options, **changes}))
    return data


# -- every shipped card ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_shipped_card_reads_the_layout_of_its_publishers(place, name):
    lay, parts = LAYOUTS[name]
    lay(place)
    data = read_as(name, place)
    assert data.fields["image"].dtype == np.uint8
    assert data.shapes == {field: about.shape for field, about in read_card(name).fields.items()}
    assert data.parts == parts


@pytest.mark.parametrize("name", ["mnist", "svhn", "chestmnist"])
def test_the_published_pixels_arrive_unchanged_in_published_order(place, name):
    LAYOUTS[name][0](place)
    expected = COLOUR if name == "svhn" else GREY[:, None]
    np.testing.assert_array_equal(read_as(name, place).fields["image"], expected)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifars_labels_are_left_out_and_its_planes_kept(place, name):
    LAYOUTS[name][0](place)
    np.testing.assert_array_equal(read_as(name, place).fields["image"], COLOUR)


# -- size, channels, number -----------------------------------------------------------------------------------------


def test_foreign_sets_are_brought_to_one_form(place):
    lay_mnist(place)
    lay_cifar10(place)
    known = read_as("mnist", place, side=32, channels=3)
    ood = read_as("cifar10", place)
    assert known.shapes == ood.shapes
    image = known.fields["image"]
    assert np.array_equal(image[:, 0], image[:, 2])
    grey = read_as("cifar10", place, channels=1).fields["image"]
    luma = COLOUR.astype(float).transpose(0, 2, 3, 1) @ [0.299, 0.587, 0.114]  # ITU-R 601
    np.testing.assert_allclose(grey[:, 0], luma, atol=1)


def test_shrinking_averages_and_a_flat_image_stays_flat():
    ramp = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None], 32, axis=2)
    small = fit("toy", ramp, ImageOptions(side=8))
    assert small.shape == (1, 1, 8, 8)
    blocks = ramp[0].reshape(8, 4, 32).mean((1, 2))
    np.testing.assert_allclose(small[0, 0, 1:-1, 0], blocks[1:-1], atol=1)
    assert (fit("toy", np.full((2, 3, 9, 9), 77, np.uint8), ImageOptions(side=5, channels=1)) == 77).all()


def test_fewer_rows_are_evenly_spaced_in_every_part(place):
    write_idx(place / "train-images-idx3-ubyte", np.repeat(np.arange(40, dtype=np.uint8), 4).reshape(40, 2, 2))
    write_idx(place / "t10k-images-idx3-ubyte", GREY[:20, :2, :2])
    data = read_as("mnist", place, rows=14)
    assert data.parts == {"train": 14, "test": 14}
    assert data.fields["image"][:14, 0, 0, 0].tolist() == [39 * row // 13 for row in range(14)]
    assert data.ids[:2] == ("train-1", "train-4")


def test_one_file_of_images_stays_a_memory_map(place):
    write_idx(place / "a", GREY)
    data = idx.read(place, idx.Options(train="a", test=None))
    assert isinstance(data.fields["image"], np.memmap)
    assert data.parts == {}


def test_ones_own_images_stay_a_memory_map_and_planes_come_first(place):
    for images in (GREY, COLOUR):
        np.save(place / "mine.npy", images)
        data = load_dataset("images", place / "mine.npy")
        assert isinstance(data.fields["image"], np.memmap)
        np.testing.assert_array_equal(data.fields["image"], images if images.ndim == 4 else images[:, None])
    np.save(place / "mine.npy", COLOUR.transpose(0, 2, 3, 1))
    with pytest.raises(DataError, match=r"mine\.npy: images lie plane by plane, .*but got shape \(24, 32, 32, 3\)"):
        load_dataset("images", place / "mine.npy")


# -- bad files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected IDX, which begins with two zero bytes, but got nothing"),
        (b"\x1f\x8b\x08\x00rest", "expected IDX, which begins with two zero bytes, but got 1f 8b 08 00"),
        (struct.pack(">HBB", 0, 8, 3), "expected IDX"),
        (struct.pack(">HBB3I", 0, 13, 3, 2, 2, 2) + bytes(32), "must be unsigned bytes, IDX type 08, but got type 0d"),
        (struct.pack(">HBB3I", 0, 8, 3, 2, 2, 2) + bytes(7), "announces 8 values of shape (2, 2, 2), but 7 follow"),
        (struct.pack(">HBB3I", 0, 8, 3, 2, 2, 2) + bytes(9), "announces 8 values of shape (2, 2, 2), but 9 follow"),
        (struct.pack(">HBB3I", 0, 8, 3, 0, 2, 2), "its shape is (0, 2, 2); it is empty"),
        (struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3), "announces 79,228,162"),
    ],
)
def test_a_bad_idx_file_is_refused_before_anything_is_allocated(place, content, words):
    (place / "a").write_bytes(content)
    message = refusal(idx.read_idx, place / "a")
    assert message.startswith(str(place / "a"))
    assert words in message


def test_idx_files_of_labels_and_missing_ones_are_refused(place):
    write_idx(place / "a", GREY[:, 0, 0])
    assert "images must be bytes of shape (N, H, W)" in refusal(idx.read, place, idx.Options(train="a", test=None))
    assert "cannot be read: No such file" in refusal(idx.read, place, idx.Options(train="b", test=None))


def test_a_torn_cifar_file_or_one_of_the_other_cifar_is_refused(place):
    write_cifar(place / "a.bin", COLOUR[:4], 2)
    message = refusal(cifar.read_records, place / "a.bin", 1)
    assert "expected records of 3,073 bytes (1 of label, 3,072 of pixels), but its 12,296 bytes are 4.00" in message
    (place / "a.bin").write_bytes(b"")
    assert "0 bytes are 0.00 of them" in refusal(cifar.read_records, place / "a.bin", 1)
    assert "cannot be read" in refusal(cifar.read_records, place / "b.bin", 1)


def test_bad_matlab_files_are_refused(place):
    path = place / "a.mat"
    lay_svhn(place)
    whole = (place / "train_32x32.mat").read_bytes()
    for content in (b"", b"MATLAB", whole[: len(whole) // 2], pickle.dumps(Explosive())):
        path.write_bytes(content)
        assert "expected a MATLAB file of version 5 to 7, but it cannot be read" in refusal(
            matlab.read_images, path, "X"
        )
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + struct.pack("<HH", 0x0200, 0x4D49) + bytes(400))
    assert "it cannot be read: " in refusal(matlab.read_images, path, "X")
    savemat(path, {"Z": np.zeros(3)})
    assert "expected an array X, but it holds Z" in refusal(matlab.read_images, path, "X")
    savemat(path, {"X": np.zeros((4, 4, 3, 2))})
    assert "X must hold bytes of height × width × 1 or 3 × images, but got double" in refusal(
        matlab.read_images, path, "X"
    )
    assert "there is no such file" in refusal(matlab.read_images, place / "b.mat", "X")
    assert not Explosive.fired


def test_bad_npz_files_are_refused_and_nothing_unpickles(place):
    path = place / "a.npz"
    lay_medmnist(place, "a")
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", pickle.dumps(Explosive())):
        path.write_bytes(content)
        assert "expected an .npz of plain arrays" in refusal(npz.read_arrays, path, ["train_images"])
    np.savez(path, train_images=np.array([Explosive()], dtype=object))
    assert "expected an .npz of plain arrays" in refusal(npz.read_arrays, path, ["train_images"])
    assert not Explosive.fired
    np.savez(path, a=np.zeros(3), b=np.array(["x"]))
    assert "expected an array c, but it holds a, b" in refusal(npz.read_arrays, path, ["c"])
    assert "b must hold real numbers, but got shape (1,) of <U1" in refusal(npz.read_arrays, path, ["b"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: .*No such file"),
        (b"", "cannot be read"),
        (b"PK", "cannot be read"),
        (np.array([{}], dtype=object), "cannot be read: .*Python objects"),
        (np.zeros((12, 8, 8)), r"must be bytes of shape .* but got float64 of shape \(12, 8, 8\)"),
        ({"images": GREY}, "expected a plain .npy of images, but it cannot be read: .*magic"),
    ],
)
def test_bad_npy_files_are_refused_and_nothing_unpickles(place, content, words):
    path = place / "mine.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        with path.open("wb") as file:
            np.savez(file, **content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(DataError, match=words) as caught:
        npy.read(path, npy.Options())
    assert "mine.npy" in str(caught.value)


def test_an_npz_that_unfolds_without_end_is_refused(place, monkeypatch):
    monkeypatch.setattr(npz, "MOST_RATIO", 100)
    np.savez_compressed(place / "a.npz", x=np.zeros((10, 1_000_000), np.uint8))
    assert "unfold to 10,000,128 bytes, as a bomb's do" in refusal(npz.read_arrays, place / "a.npz", ["x"])


def test_an_npz_may_hold_fields_of_numbers_beside_images(place):
    np.savez(
        place / "a.npz", pictures=RNG.integers(0, 256, (12, 5, 4, 3), dtype=np.uint8), ages=RNG.normal(size=(12, 2))
    )
    options = npz.Options(arrays={"image": {"train": "pictures"}, "age": {"train": "ages"}})
    data = npz.read(place / "a.npz", options)
    assert data.shapes == {"image": (3, 5, 4), "age": (2,)}
    assert data.fields["age"].dtype == np.float32
    np.savez(place / "a.npz", pictures=GREY, ages=RNG.normal(size=(12, 2)))
    assert "every field needs the same rows" in refusal(npz.read, place / "a.npz", options)


# -- folders of images ----------------------------------------------------------------------------------------------


def small(at: Path, **changes: Any) -> Dataset:
    return folders.read(at, folders.Options(**{"side": 8, **changes}))


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
