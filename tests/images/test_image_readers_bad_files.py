"""What the readers of images say of bad files."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from support.images import COLOUR, GREY, RNG, lay_medmnist, lay_svhn, refusal, write_cifar, write_idx

from sparring.data.readers import cifar, idx, matlab, npy, npz
from sparring.errors import DataError


class Explosive:
    fired = False

    def __reduce__(self) -> Any:
        return setattr, (Explosive, "fired", True)


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


def test_a_mistake_of_ours_is_not_blamed_on_the_matlab_file(place):
    lay_svhn(place)
    no_name: Any = ["X"]
    with pytest.raises(TypeError, match="unhashable"):
        matlab.read_images(place / "train_32x32.mat", no_name)


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
        (np.zeros((12, 8, 8), int), r"must be bytes of shape .* but got int64 of shape \(12, 8, 8\)"),
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
