"""Images in IDX, the format of MNIST: two zero bytes, a type, the number of axes, their lengths, then the values.

Lengths are 4 bytes, most significant first. Only unsigned bytes are read, as a memory map of the file. The files of
labels, of one axis, are read where they lie beside the images. Format: http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..dataset import Dataset
from .images import ImageOptions, image_set

UNSIGNED_BYTE = 0x08


class Options(ImageOptions):
    """Which files of the folder hold which part."""

    train: str = "train-images-idx3-ubyte"
    """File of the training images."""
    test: str | None = "t10k-images-idx3-ubyte"
    """File of the test images; None where none are published."""
    train_labels: str | None = "train-labels-idx1-ubyte"
    """File of the classes of the training images; not needed."""
    test_labels: str | None = "t10k-labels-idx1-ubyte"
    """File of the classes of the test images; not needed."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set in the folder ``path``; raises DataError, naming the file, if anything is amiss."""
    if path is None:
        raise DataError("IDX files are read from a folder, but got no path; give --data-path")
    names = {"train": options.train} | ({"test": options.test} if options.test else {})
    beside = {"train": options.train_labels, "test": options.test_labels}
    files = {part: path / file for part, file in beside.items() if part in names and file is not None}
    classes = {part: read_labels(file) for part, file in files.items() if file.exists()}
    return image_set(path.name, {part: read_idx(path / name) for part, name in names.items()}, options, classes)


def read_labels(path: Path) -> np.ndarray:
    """The classes in an IDX file of one axis, (N,)."""
    labels = read_idx(path)
    if labels.ndim != 1:
        raise DataError(f"{path}: labels must be one number per sample, (N,), but got shape {labels.shape}")
    return labels


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file of unsigned bytes, mapped read-only."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            axes = head[3] if len(head) == 4 else 0
            lengths = np.frombuffer(file.read(4 * axes), ">u4")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if len(head) < 4 or head[:2] != b"\0\0" or len(lengths) != axes or not axes:
        raise DataError(f"{path}: expected IDX, which begins with two zero bytes, but got {head.hex(' ') or 'nothing'}")
    if head[2] != UNSIGNED_BYTE:
        raise DataError(f"{path}: values must be unsigned bytes, IDX type 08, but got type {head[2]:02x}")
    shape = tuple(int(length) for length in lengths)
    start = 4 + 4 * axes
    if (length := path.stat().st_size) != start + math.prod(shape):
        raise DataError(
            f"{path}: its header announces {math.prod(shape):,} values of shape {shape}, but {length - start:,} "
            "follow; the file is cut short"
        )
    if not math.prod(shape):
        raise DataError(f"{path}: expected values, but its shape is {shape}; it is empty")
    return np.memmap(path, np.uint8, "r", start, shape)
