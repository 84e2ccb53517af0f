"""The classes of images, as their publishers write them: in files of their own, in records, in arrays beside them."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from support.images import COLOUR, GREY, refusal, write_idx

from sparring.data import load_dataset, read_card, reader_of
from sparring.data.fetching import FileCard, gather
from sparring.data.readers import cifar, idx, matlab, npz

CLASSES = np.arange(24, dtype=np.uint8) % 10
WORDS = tuple(map(str, CLASSES))


def lay_idx(at: Path) -> None:
    for stem, rows in (("train", slice(18)), ("t10k", slice(18, 24))):
        write_idx(at / f"{stem}-images-idx3-ubyte", GREY[rows])
        write_idx(at / f"{stem}-labels-idx1-ubyte", CLASSES[rows])


def lay_cifar(at: Path, folder: str, files: dict[str, slice], before: bytes = b"") -> None:
    (at / folder).mkdir()
    for name, rows in files.items():
        records = [
            before + bytes([label]) + image.tobytes() for label, image in zip(CLASSES[rows], COLOUR[rows], strict=True)
        ]
        (at / folder / name).write_bytes(b"".join(records))


def lay_npz(at: Path, name: str, **labels: np.ndarray) -> None:
    parts = {"train": slice(14), "val": slice(14, 18), "test": slice(18, 24)}
    arrays = {f"{part}_images": GREY[rows] for part, rows in parts.items()}
    arrays |= {f"{part}_labels": CLASSES[rows, None] for part, rows in parts.items()}
    np.savez(at / f"{name}.npz", **(arrays | labels))


def lay_svhn(at: Path) -> None:
    for part, rows in (("train", slice(18)), ("test", slice(18, 24))):
        savemat(at / f"{part}_32x32.mat", {"X": COLOUR[rows].transpose(2, 3, 1, 0), "y": CLASSES[rows, None]})


LAYOUTS = {
    "mnist": lay_idx,
    "fashionmnist": lay_idx,
    "cifar10": lambda at: lay_cifar(
        at,
        "cifar-10-batches-bin",
        {f"data_batch_{n + 1}.bin": slice(n * 4, n * 4 + 4) for n in range(5)} | {"test_batch.bin": slice(20, 24)},
    ),
    # The coarse class comes first; it is the same for all here.
    "cifar100": lambda at: lay_cifar(
        at, "cifar-100-binary", {"train.bin": slice(18), "test.bin": slice(18, 24)}, before=b"\7"
    ),
    "svhn": lay_svhn,
    **{name: lambda at, name=name: lay_npz(at, name) for name in ("octmnist", "tissuemnist", "pneumoniamnist")},
}


def read_as(name: str, at: Path, **changes: object):
    card = read_card(name)
    reader = reader_of(card)
    return reader.read(at, reader.Options(**{**card.options, **changes}))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_published_set_says_the_class_of_each_row(place, name):
    LAYOUTS[name](place)
    assert read_as(name, place).labels == WORDS
    few = read_as(name, place, rows=10)
    assert few.labels == tuple(
        WORDS[int(where) - 1 + {"train": 0, "valid": 14, "test": 24 - few_test(name)}[part]]
        for part, where in (each.split("-") for each in few.ids)
    )


def few_test(name: str) -> int:
    """Rows of the test part."""
    return 4 if name == "cifar10" else 6


def test_without_its_files_of_labels_mnist_is_the_same_set_without_classes(place):
    lay_idx(place)
    whole = read_as("mnist", place)
    (place / "t10k-labels-idx1-ubyte").unlink()
    assert read_as("mnist", place).labels == ()
    assert read_as("mnist", place).sha256 == whole.sha256
    assert read_as("mnist", place, test=None).labels == WORDS[:18]
    assert read_as("mnist", place, test=None, train_labels=None).labels == ()


def test_labels_of_other_files_are_refused(place):
    lay_idx(place)
    write_idx(place / "t10k-labels-idx1-ubyte", CLASSES)
    words = "test needs a class for each of its 6 samples, but got 24; they are of other files, or torn"
    assert words in refusal(idx.read, place, idx.Options())
    write_idx(place / "t10k-labels-idx1-ubyte", GREY[:6])
    assert "labels must be one number per sample, (N,), but got shape (6, 28, 28)" in refusal(
        idx.read, place, idx.Options()
    )
    lay_npz(place, "a", test_labels=CLASSES[:3])
    assert "test needs a class for each of its 6 samples, but got 3" in refusal(
        npz.read, place / "a.npz", npz.Options()
    )


def test_images_without_a_byte_of_label_have_no_classes(place):
    (place / "a.bin").write_bytes(COLOUR[:12].tobytes())
    assert cifar.read(place, cifar.Options(train=("a.bin",), label_bytes=0)).labels == ()
    savemat(place / "a.mat", {"X": COLOUR[:12].transpose(2, 3, 1, 0), "y": "words"})
    assert matlab.read(place, matlab.Options(train="a.mat", test=None)).labels == ()


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(84).reshape(6, 14) % 2,  # ChestMNIST: findings that may be there together
        np.linspace(0, 1, 6),  # a measured value is no class
        np.array([{}] * 6),  # what unpickles
    ],
)
def test_what_is_no_class_of_a_sample_is_left_out(place, labels):
    lay_npz(place, "a", test_labels=labels)
    data = npz.read(place / "a.npz", npz.Options())
    assert data.labels == ()
    assert data.parts == {"train": 14, "valid": 4, "test": 6}


def test_keras_calls_them_y(place):
    np.savez(place / "a.npz", x_train=GREY[:18], x_test=GREY[18:], y_train=CLASSES[:18], y_test=CLASSES[18:])
    assert npz.read(place / "a.npz", npz.Options()).labels == WORDS


# -- files that a set can do without --------------------------------------------------------------------------------


def test_ones_own_folder_may_lack_the_labels_and_is_verified_where_it_has_them(place, monkeypatch):
    card = read_card("mnist")
    assert [file.name for file in card.files if not file.needed] == [
        "train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
    ]  # fmt: skip
    lay_idx(place)
    for file in place.glob("*labels*"):
        file.unlink()
    assert load_dataset("mnist", place).labels == ()
    (place / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"others"))
    with pytest.raises(Exception, match=r"train-labels-idx1-ubyte\.gz: its checksum must be what the card says"):
        load_dataset("mnist", place)


def test_a_fetch_brings_what_is_not_needed_too_and_nothing_is_fetched_for_it_alone(tmp_path, monkeypatch):
    content = {"a": b"images", "b": b"labels"}
    files = tuple(
        FileCard(
            name=name,
            urls=(f"https://example.org/{name}",),
            checksum=f"sha256:{hashlib.sha256(held).hexdigest()}",
            needed=name == "a",
        )
        for name, held in content.items()
    )
    fetched: list[str] = []

    def fetch(dataset, file, folder, missing, flag):
        fetched.append(file.name)
        (folder / file.name).write_bytes(content[file.name])

    monkeypatch.setattr("sparring.data.fetching._fetch", fetch)
    gather("toy", files, tmp_path, may_fetch=True)
    assert fetched == ["a", "b"]
    (tmp_path / "b").unlink()
    gather("toy", files, tmp_path, may_fetch=True)
    assert fetched == ["a", "b"]
    (tmp_path / "b").write_bytes(b"others")
    with pytest.raises(Exception, match=r"b: its checksum must be what the card says"):
        gather("toy", files, tmp_path, may_fetch=True)
