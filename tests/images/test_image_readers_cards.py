"""Shipped cards of images read the real formats; size, channels and number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.images import COLOUR, GREY, lay_medmnist, lay_svhn, write_cifar, write_idx, write_image

from sparring.data import load_dataset, read_card, reader_of
from sparring.data.dataset import Dataset
from sparring.data.readers import idx
from sparring.data.readers.images import ImageOptions, fit
from sparring.errors import DataError


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
def test_cifars_labels_are_no_pixels_and_its_planes_are_kept(place, name):
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


def test_ones_own_images_may_be_floats_from_0_to_1(place):
    for images in (GREY, COLOUR):
        np.save(place / "mine.npy", images / np.float32(255))
        data = load_dataset("images", place / "mine.npy", {"rows": 12})
        expected = images if images.ndim == 4 else images[:, None]
        assert data.fields["image"].dtype == np.float32
        np.testing.assert_allclose(data.fields["image"] * 255, expected[np.linspace(0, 23, 12).astype(int)], rtol=1e-6)
    with pytest.raises(DataError, match=r"side can change images of bytes, but these are float32"):
        load_dataset("images", place / "mine.npy", {"side": 8})


def test_ones_own_images_may_be_a_folder_of_files(place):
    """A set by either name has the same rows, bit for bit, so a study of one has the other's checksum."""
    for number in range(12):
        write_image(place / "mine" / f"{number:02d}.png", 20, seed=number)
    data = load_dataset("images", place / "mine")
    assert data.shapes == {"image": (3, 64, 64)}
    assert data.ids[:2] == ("00.png", "01.png")
    assert data.sha256 == load_dataset("image-folders", place / "mine").sha256
    small = load_dataset("images", place / "mine", {"side": 16, "channels": 1, "rows": 10})
    assert small.fields["image"].shape == (10, 1, 16, 16)
