"""What every reader of images shares: size, channels and number as options, bytes of form (N, C, H, W), row names.

Images stay uint8: the model scales them, on its device. Resizing is Pillow's bilinear filter,
which averages when it shrinks; grey is ITU-R 601 luma, as Pillow defines it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from ...errors import DataError
from ..dataset import PARTS, Dataset

FIELD = "image"


class ImageOptions(BaseModel):
    """Size, colour and number of images. A reader's Options inherit these."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    changes: ClassVar[Mapping[str, tuple[str, ...]]] = {"side": (FIELD,), "channels": (FIELD,)}

    side: Annotated[int, Field(ge=4, le=1024)] | None = None
    """Pixels per side after resizing; None keeps the published size. 28, 32, 64 or 128."""
    channels: Literal[1, 3] | None = None
    """1 makes grey of colours, 3 repeats grey three times; None keeps what was published. With it, a data set and its
    out-of-distribution set get the same form."""
    rows: Annotated[int, Field(ge=10)] | None = None
    """Most rows of each published part, evenly spaced; None takes all. For trying things out."""


def chosen(n: int, options: ImageOptions) -> np.ndarray:
    """The rows of a part of ``n`` that ``options.rows`` leaves, evenly spaced, so that classes in order all occur."""
    if options.rows is None or options.rows >= n:
        return np.arange(n)
    return np.linspace(0, n - 1, options.rows).astype(np.int64)


def image_set(
    name: str,
    parts: Mapping[str, np.ndarray],
    options: ImageOptions,
    classes: Mapping[str, np.ndarray] | None = None,
) -> Dataset:
    """A data set of the one field ``image`` from each part's uint8 array, (N, H, W) or (N, C, H, W), C 1 or 3.

    Rows are called by part and their number in it, from 1. Where only one part is given and nothing is changed, the
    array is taken as it is, so a memory map stays one. classes: by part, the class of each image, (N,).
    """
    blocks: list[np.ndarray] = []
    ids: list[str] = []
    counts: dict[str, int] = {}
    for part in PARTS:
        if part not in parts:
            continue
        images = parts[part]
        rows = chosen(len(images), options)
        blocks.append(fit(name, images if len(rows) == len(images) else images[rows], options))
        ids += [f"{part}-{row + 1}" for row in rows]
        counts[part] = len(rows)
    shapes = {block.shape[1:] for block in blocks}
    if len(shapes) > 1:
        raise DataError(f"data set {name}: all images need one shape, but its parts have {sorted(shapes)}; give side")
    together = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    taken = {part: chosen(len(parts[part]), options) for part in counts}
    return Dataset(
        name=name,
        fields={FIELD: together},
        ids=tuple(ids),
        parts=counts if len(counts) > 1 else {},
        labels=labels_of(name, taken, classes or {}, {part: len(parts[part]) for part in counts}),
    )


def labels_of(
    name: str, taken: Mapping[str, np.ndarray], classes: Mapping[str, np.ndarray], lengths: Mapping[str, int]
) -> tuple[str, ...]:
    """The class of each row that is taken, as text; none unless every part says them and two differ.

    taken: by part, which rows; classes: by part, of all its rows, (N,); lengths: by part, N. Raises DataError where a
    part has another number of classes than of samples.
    """
    if not set(taken) <= set(classes):
        return ()
    for part in taken:
        if len(classes[part]) != lengths[part]:
            raise DataError(
                f"data set {name}: {part} needs a class for each of its {lengths[part]:,} samples, but got "
                f"{len(classes[part]):,}; they are of other files, or torn"
            )
    labels = tuple(str(each) for part, rows in taken.items() for each in classes[part][rows].tolist())
    return labels if len(set(labels)) > 1 else ()


def as_they_are(name: str, images: np.ndarray, options: ImageOptions) -> np.ndarray:
    """Numbers (N, H, W) or (N, C, H, W), intensities from 0 to 1, as (N, C, H, W). ``models/forms.py`` looks at their
    range. Raises DataError where the options would change them, as only bytes can be."""
    if asked := [key for key in ("side", "channels") if getattr(options, key) is not None]:
        raise DataError(
            f"data set {name}: {' and '.join(asked)} can change images of bytes, but these are {images.dtype}; give "
            "bytes, 0 to 255, or leave it out"
        )
    planewise: np.ndarray = images[:, None] if images.ndim == 3 else images
    return planewise


def fit(name: str, images: np.ndarray, options: ImageOptions) -> np.ndarray:
    """(N, H, W) or (N, C, H, W) in uint8 to (N, C, H, W) of the size and channels that the options ask for."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[1] not in (1, 3)):
        raise DataError(
            f"data set {name}: images must be bytes of shape (N, H, W), (N, 1, H, W) or (N, 3, H, W), but got "
            f"{images.dtype} of shape {images.shape}"
        )
    if images.ndim == 3:
        images = images[:, None]
    channels, side = options.channels or images.shape[1], options.side
    same_size = side is None or images.shape[2:] == (side, side)
    if same_size and channels == images.shape[1]:
        return images
    if same_size and channels == 3:
        return np.repeat(images, 3, axis=1)
    height, width = images.shape[2:] if side is None else (side, side)
    fitted = np.empty((len(images), channels, height, width), np.uint8)
    for row, pixels in enumerate(images):
        image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        image = image.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
        fitted[row] = planes(image)
    return fitted


def planes(image: Image.Image) -> np.ndarray:
    """An image of mode L or RGB as bytes, (C, H, W)."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
