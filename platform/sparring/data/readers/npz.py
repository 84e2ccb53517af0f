"""Arrays in an ``.npz`` of NumPy, the format of MedMNIST: one array per part. Objects, which unpickle, are refused.

MedMNIST's names and Keras's, whatever the size of the images, are those of the parts of the field image. Their arrays
of labels are the classes of the rows, where a sample has one.

An array of bytes with two or three axes per sample is images, (N, H, W), (N, H, W, 3) or (N, C, H, W), and so is one of
floats, intensities from 0 to 1, under the name image. Any other array of numbers is a field as it is.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, ClassVar
from zipfile import ZipFile

import numpy as np
from pydantic import Field

from ...errors import DataError
from ...untrusted.arrays import read_npy
from ..dataset import PARTS, Dataset, Part
from .images import FIELD, ImageOptions, as_they_are, chosen, fit, labels_of

MOST_RATIO = 1000
"""Most bytes that arrays may unfold to, as a multiple of the archive's length; deflate's own limit is 1,032."""
MOST_BYTES = 1 << 36
"""Most bytes that arrays may unfold to in all: 64 GiB; a larger set needs another format."""

LAYOUTS: tuple[Mapping[Part, str], ...] = (
    {"train": "train_images", "valid": "val_images", "test": "test_images"},
    {"train": "x_train", "test": "x_test"},
)
"""Names by part of MedMNIST, in 28, 64, 128 and 224 pixels, and of Keras."""

CLASSES = {
    "train_images": "train_labels",
    "val_images": "val_labels",
    "test_images": "test_labels",
    "x_train": "y_train",
    "x_test": "y_test",
}
"""The array of labels that MedMNIST, (N, 1), and Keras, (N,) or (N, 1), put beside an array of images."""

TORN = (ValueError, OSError, EOFError, AttributeError, TypeError, KeyError, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile raise of an .npz that is none, or torn."""


class Options(ImageOptions):
    """Which arrays of which file make which field."""

    changes: ClassVar = {}  # size and colour are of every array of images, and the user names the fields

    file: str | None = None
    """The .npz in the folder; None where --data-path leads to it."""
    arrays: Mapping[str, Annotated[Mapping[Part, str], Field(min_length=1)]] = {}
    """By field, the array of each part: {image = {train = "train_images", test = "test_images"}}. Empty: MedMNIST's
    and Keras's names are those of image; without them each array of the file is a field of its name, without parts."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set at ``path``; raises DataError, naming file and array, if anything is amiss."""
    if path is None:
        raise DataError("arrays are read from an .npz, but got no path; give --data-path")
    file = path if options.file is None or path.is_file() else path / options.file
    names_there = _names(file)
    wanted = options.arrays or _published(names_there) or {name: {"train": name} for name in names_there}
    loaded = read_arrays(file, [name for parts in wanted.values() for name in parts.values()])
    fields: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    ids: list[str] = []
    for field, names in wanted.items():
        present = [part for part in PARTS if part in names]
        rows = {part: chosen(len(loaded[names[part]]), options) for part in present}
        blocks = [_form(path.name, field, _taken(loaded[names[part]], rows[part]), options) for part in present]
        if len({block.shape[1:] for block in blocks}) > 1:
            shapes = ", ".join(f"{names[part]} {loaded[names[part]].shape}" for part in present)
            raise DataError(f"{file}: all parts of {field} need one shape, but got {shapes}")
        fields[field] = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        here: dict[str, int] = {part: len(rows[part]) for part in present}
        if counts and here != counts:
            raise DataError(f"{file}: every field needs the same rows, but {field} has {here} and another {counts}")
        counts, ids = here, [f"{part}-{row + 1}" for part in present for row in rows[part]]
    labels: tuple[str, ...] = ()
    if FIELD in wanted:
        images = {str(part): wanted[FIELD][part] for part in PARTS if part in wanted[FIELD]}
        lengths = {part: len(loaded[array]) for part, array in images.items()}
        taken = {part: chosen(lengths[part], options) for part in images}
        labels = labels_of(path.name, taken, _classes(file, names_there, images), lengths)
    return Dataset(
        name=path.name, fields=fields, ids=tuple(ids), parts=counts if len(counts) > 1 else {}, labels=labels
    )


def _classes(path: Path, there: Collection[str], images: Mapping[str, str]) -> dict[str, np.ndarray]:
    """By part, the class of each sample, (N,), where each has one that is a whole number or a word.

    Labels of several columns are findings that may be there together, as ChestMNIST's fourteen: none is the class.
    """
    beside = {part: CLASSES.get(array, "") for part, array in images.items()}
    if not set(beside.values()) <= {*there}:
        return {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = read_members(path, archive.zip, set(beside.values()))
    except TORN:  # objects, for example: the images do without
        return {}
    found = {part: arrays[name] for part, name in beside.items()}
    one_each = all(each.ndim == 1 or each.shape[1:] == (1,) for each in found.values())
    if not one_each or any(each.dtype.kind not in "iuUb" for each in found.values()):
        return {}
    return {part: each.reshape(-1) for part, each in found.items()}


def _names(path: Path) -> list[str]:
    """Names of the arrays in an .npz."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            names = list(archive.files)
    except TORN as error:
        raise DataError(f"{path}: expected an .npz of arrays, but it cannot be read: {error}") from error
    if not names:
        raise DataError(f"{path}: expected arrays, but it holds none")
    return names


def _published(names: Collection[str]) -> dict[str, Mapping[Part, str]]:
    """The field image by part, where all of a layout's arrays are there; empty where none is."""
    return next(({FIELD: layout} for layout in LAYOUTS if {*layout.values()} <= {*names}), {})


def read_arrays(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    """The named arrays of an .npz, numbers only."""
    try:
        # Opened here, because np.load leaves a torn file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            lacking = [name for name in names if name not in archive.files]
            if lacking:
                raise DataError(f"{path}: expected an array {lacking[0]}, but it holds {', '.join(archive.files)}")
            arrays = read_members(path, archive.zip, names)
    except TORN as error:
        raise torn(path, error) from error
    for name, array in arrays.items():
        if array.ndim < 1 or array.dtype.kind not in "fiu":
            raise DataError(f"{path}: {name} must hold real numbers, but got shape {array.shape} of {array.dtype}")
    return arrays


def read_members(path: Path, archive: ZipFile | None, names: Collection[str]) -> dict[str, np.ndarray]:
    """The named arrays of an open .npz of any type but objects. Raises DataError for a bomb, else one of ``TORN``."""
    assert archive is not None  # NumPy's type allows for an .npz that is closed
    members = {name: archive.getinfo(f"{name}.npy") for name in names}
    unfolded = sum(member.file_size for member in members.values())
    if unfolded > min(path.stat().st_size * MOST_RATIO, MOST_BYTES):
        raise DataError(f"{path}: its arrays unfold to {unfolded:,} bytes, as a bomb's do; it was not read")
    arrays = {}
    for name, member in members.items():
        with archive.open(member) as file:
            arrays[name] = read_npy(file, member.file_size)
    return arrays


def torn(path: Path, error: Exception) -> DataError:
    """What is said of an .npz that cannot be read."""
    return DataError(
        f"{path}: expected an .npz of plain arrays (no objects, no pickles), but it cannot be read: {error}"
    )


def _taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return array if len(rows) == len(array) else array[rows]  # all of them: without a copy


def _form(name: str, field: str, array: np.ndarray, options: ImageOptions) -> np.ndarray:
    if array.ndim not in (3, 4) or (array.dtype != np.uint8 and field != FIELD):
        return array
    if array.ndim == 4 and array.shape[1] not in (1, 3) and array.shape[3] in (1, 3):
        array = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    if array.dtype != np.uint8:
        return as_they_are(name, array, options)
    return fit(name, array, options)
