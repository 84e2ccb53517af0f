"""Images of the user's own in one ``.npy`` of NumPy, memory-mapped: a set larger than memory trains from the file.

``numpy.lib.format.open_memmap`` writes such a file piece by piece. Objects, which unpickle, are refused. Bytes stay so;
floats are intensities from 0 to 1. A folder of image files is read as ``folders.py`` reads it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import DataError
from ...untrusted.arrays import check_npy
from ..dataset import Dataset
from . import folders
from .images import FIELD, ImageOptions, as_they_are, chosen, image_set


class Options(ImageOptions):
    """What every reader of images takes; ``side``, ``channels`` and ``rows`` copy the images into memory."""


def read(path: Path | None, options: Options) -> Dataset:
    """The images of the file or folder ``path``; raises DataError, naming it, if it cannot be read or holds something
    else. Those of a folder get the size and colours of ``folders.Options`` unless ``options`` say others."""
    if path is None:
        raise DataError("images are read from an .npy or a folder, but got no path; give --data-path")
    if path.is_dir():
        return folders.read(path, folders.Options(**options.model_dump(exclude_none=True)))
    try:
        with path.open("rb") as file:
            check_npy(file, path.stat().st_size)
        images = np.lib.format.open_memmap(path, mode="r")  # np.load would leave a torn file open
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: expected a plain .npy of images, but it cannot be read: {error}") from error
    if images.ndim == 4 and images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        raise DataError(
            f"{path}: images lie plane by plane, (N, C, H, W), but got shape {images.shape}; write them anew with "
            "images.transpose(0, 3, 1, 2), for the file is trained from as it lies"
        )
    if images.dtype.kind == "f" and images.ndim in (3, 4):
        rows = chosen(len(images), options)
        floats = as_they_are(path.name, images if len(rows) == len(images) else images[rows], options)
        return Dataset(name=path.name, fields={FIELD: floats}, ids=tuple(f"train-{row + 1}" for row in rows))
    return image_set(path.name, {"train": images}, options)
