"""Writers of the real formats of images, small."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from sparring.data.dataset import Dataset
from sparring.data.readers import folders
from sparring.errors import DataError

RNG = np.random.default_rng(0)


GREY = RNG.integers(0, 256, (24, 28, 28), dtype=np.uint8)


COLOUR = RNG.integers(0, 256, (24, 3, 32, 32), dtype=np.uint8)


def refusal(call, *arguments, **keywords) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


def lay_svhn(at: Path) -> None:
    write_mat(at / "train_32x32.mat", COLOUR[:18])
    write_mat(at / "test_32x32.mat", COLOUR[18:])


def lay_medmnist(at: Path, name: str) -> None:
    parts = {"train": GREY[:14], "val": GREY[14:18], "test": GREY[18:]}
    arrays = {f"{part}_images": images for part, images in parts.items()}
    arrays |= {f"{part}_labels": np.zeros((len(images), 1), np.uint8) for part, images in parts.items()}
    np.savez_compressed(at / f"{name}.npz", **arrays)


def small(at: Path, **changes: Any) -> Dataset:
    return folders.read(at, folders.Options(**{"side": 8, **changes}))
