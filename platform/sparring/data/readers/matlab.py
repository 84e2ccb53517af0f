"""Images in a MATLAB file of version 5 to 7, the format of SVHN: an array of height × width × channels × images.

Read by SciPy, which builds numbers only. Beside the images may lie the class of each. Version 7.3 is HDF5, which
no set here comes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..dataset import Dataset
from .images import ImageOptions, image_set

NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "double", "single")
"""SciPy's names of the arrays that may hold classes."""


class Options(ImageOptions):
    """Which files of the folder hold which part, and under what name."""

    train: str = "train_32x32.mat"
    """File of the training images."""
    test: str | None = "test_32x32.mat"
    """File of the test images; None where none are published."""
    variable: str = "X"
    """Name of the array in both files."""
    labels: str | None = "y"
    """Name of the array of classes, one per image, in both files; not needed. SVHN's class of the digit 0 is 10."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set in the folder ``path``; raises DataError, naming the file, if anything is amiss."""
    if path is None:
        raise DataError("MATLAB files are read from a folder, but got no path; give --data-path")
    names = {"train": options.train} | ({"test": options.test} if options.test else {})
    read = {part: read_images(path / name, options.variable, options.labels) for part, name in names.items()}
    classes = {part: labels for part, (_, labels) in read.items() if labels is not None}
    return image_set(path.name, {part: images for part, (images, _) in read.items()}, options, classes)


def read_images(path: Path, variable: str, labels: str | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """The images of one file, (N, C, H, W), and their classes, (N,); None where ``labels`` are no numbers."""
    from scipy.io import loadmat, whosmat  # 0.3 s, paid only by who reads such a file

    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise DataError(f"{path}: cannot be read: there is no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        with _scipy_call(path):
            listing: list[tuple[str, tuple[int, ...], str]] = whosmat(file)
        held = {name: (shape, dtype) for name, shape, dtype in listing}
        if variable not in held:
            raise DataError(f"{path}: expected an array {variable}, but it holds {', '.join(held) or 'nothing'}")
        shape, dtype = held[variable]
        if dtype != "uint8" or len(shape) != 4 or shape[2] not in (1, 3):
            raise DataError(
                f"{path}: {variable} must hold bytes of height × width × 1 or 3 × images, but got {dtype} of "
                f"shape {shape}"
            )
        beside = labels is not None and labels in held and held[labels][1] in NUMBERS
        file.seek(0)
        with _scipy_call(path):
            read = loadmat(file, variable_names=[variable, *([labels] if beside else [])])
    images: np.ndarray = read[variable]
    return np.ascontiguousarray(images.transpose(3, 2, 0, 1)), read[labels].reshape(-1).astype(int) if beside else None


@contextmanager
def _scipy_call(path: Path) -> Iterator[None]:
    """Raises DataError where SciPy cannot read the file; nothing but its calls belongs inside."""
    try:
        yield
    except Exception as error:  # its parser raises what the bytes make it: TypeError, KeyError, zlib.error, …
        reason = " ".join((str(error) or type(error).__name__).split())
        raise DataError(f"{path}: expected a MATLAB file of version 5 to 7, but it cannot be read: {reason}") from error
