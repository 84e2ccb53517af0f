"""Images in the binary version of CIFAR-10 and CIFAR-100: records of labels and 3 × 32 × 32 bytes.

CIFAR-10 has one byte of label before the pixels, CIFAR-100 two (coarse, fine); then 1,024 bytes each of red, green and
blue, row by row. There is no header, so a file's length must be a whole number of records. The class of an image is the
number in its last byte of label. The version for Python is pickled, and nothing here unpickles. Format:
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ...errors import DataError
from ..dataset import Dataset
from .images import ImageOptions, image_set

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32


class Options(ImageOptions):
    """Which files of the folder hold which part, and how many labels stand before each image."""

    train: Annotated[tuple[str, ...], Field(min_length=1)] = ()
    """Files of the training images."""
    test: tuple[str, ...] = ()
    """Files of the test images."""
    label_bytes: Annotated[int, Field(ge=0, le=2)] = 1
    """Labels per image: 1 in CIFAR-10, 2 in CIFAR-100."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set in the folder ``path``; raises DataError, naming the file, if anything is amiss."""
    if path is None:
        raise DataError("CIFAR's files are read from a folder, but got no path; give --data-path")
    read = {
        part: [read_records(path / name, options.label_bytes) for name in names]
        for part, names in (("train", options.train), ("test", options.test))
        if names
    }
    parts = {part: np.concatenate([images for images, _ in files]) for part, files in read.items()}
    labels = {part: np.concatenate([labels for _, labels in files]) for part, files in read.items()}
    return image_set(path.name, parts, options, {part: each[:, -1] for part, each in labels.items() if each.size})


def read_records(path: Path, label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """The images of one file, (N, 3, 32, 32), and their labels, (N, label_bytes): views of its memory map."""
    try:
        length = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    record = label_bytes + PIXELS
    if not length or length % record:
        raise DataError(
            f"{path}: expected records of {record:,} bytes ({label_bytes} of label, {PIXELS:,} of pixels), but its "
            f"{length:,} bytes are {length / record:.2f} of them; it is torn, or not CIFAR's binary version"
        )
    records = np.memmap(path, np.uint8, "r").reshape(-1, record)
    return records[:, label_bytes:].reshape(-1, *SHAPE), records[:, :label_bytes]
