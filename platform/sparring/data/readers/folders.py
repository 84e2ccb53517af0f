"""Images in folders of files (JPEG, PNG, WebP, BMP, GIF, TIFF, PPM), decoded once into one map of bytes.

A part is a folder, searched to any depth, or a list of paths in it. Where it has a sub-folder per class, as torchvision
reads them, its name is the class of the images in it. Each image is turned upright as its EXIF says, laid
on white where it is transparent, scaled so that its shorter side fits, and cut to a square in the middle. The bytes are
kept by ``decoded.py`` and memory-mapped from then on: a set larger than memory trains, and the next search starts at
once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import Field

from ...errors import DataError
from ..dataset import PARTS, Dataset, Part
from .decoded import decode
from .images import FIELD, ImageOptions, chosen, planes
from .part_folders import folders_by_part

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
"""The parsers of Pillow that may open a file. It has forty more, and some of those call other programs."""
MOST_PIXELS = 64_000_000
"""A larger image is taken for a decompression bomb; 64 MP are 190 MB decoded."""


class Options(ImageOptions):
    """Which folders hold which part. Images in folders differ in size, so here ``side`` has a value."""

    side: Annotated[int, Field(ge=4, le=1024)] | None = 64
    """Pixels per side. 32 to 256; None, for images that all have one size, is not offered here."""
    channels: Literal[1, 3] | None = 3
    """1 for grey, 3 for colour; None is 3."""
    upright: bool = True
    """Are photographs turned as their EXIF says, as viewers show them? False takes the pixels as they are stored."""
    background: Literal["white", "black", "none"] = "white"
    """What lies behind transparent pixels; none takes the colour that is stored under them, which nobody sees."""
    parts: Annotated[Mapping[Part, str], Field(min_length=1)] = {"train": "."}
    """By part, its folder below --data-path, searched to any depth; only train: the split is carved from it. Left out,
    direct sub-folders whose names end in train, valid and test are the parts, and all else is train."""
    lists: Mapping[Part, str] = {}
    """By part, a text file below --data-path that names its images, one path per line from the part's folder."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set in the folder ``path``, each part sorted by path; raises DataError, naming the file, if one is amiss."""
    if path is None:
        raise DataError("images are read from a folder, but got no path; give --data-path")
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder of images, but it is not a folder")
    files: list[Path] = []
    labels: list[str] = []
    counts: dict[str, int] = {}
    candidates = _candidates(path, options)
    for part, found in candidates.items():
        kept = [found[row] for row in chosen(len(found), options)]
        files += kept
        labels += _classes(path, kept, has_parts=len(candidates) > 1)
        counts[part] = len(kept)
    side, channels = options.side or 64, options.channels or 3
    upright, background = options.upright, options.background
    images, digest = decode(
        path,
        files,
        (channels, side, side),
        lambda file: read_image(file, side, channels, upright=upright, background=background),
        f"upright {upright}, background {background}",
    )
    return Dataset(
        name=path.name,
        fields={FIELD: images},
        ids=tuple(file.relative_to(path).as_posix() for file in files),
        parts=counts if len(counts) > 1 else {},
        labels=tuple(labels) if all(labels) and len(set(labels)) > 1 else (),
        digests={FIELD: digest},
    )


def _classes(path: Path, files: Sequence[Path], *, has_parts: bool) -> list[str]:
    """The folder of each image below that of its part, the class; empty for an image that lies in none."""
    folders = [file.relative_to(path).parts[has_parts:-1] for file in files]
    return [below[0] if below else "" for below in folders]


def _candidates(path: Path, options: Options) -> dict[Part, list[Path]]:
    """By part, in the parts' order, its images."""
    if "parts" not in options.model_fields_set and not options.lists:
        images = _images_below(path)
        holders = {path / file.relative_to(path).parts[0] if file.parent != path else path for file in images}
        if parts := folders_by_part(path, sorted(holders)):
            return {
                part: [file for file in images if path / file.relative_to(path).parts[0] in own]
                for part, own in parts.items()
            }
        return {"train": images}
    return {
        part: _listed(path, options, part) if part in options.lists else _images_below(path / options.parts[part])
        for part in PARTS
        if part in options.parts
    }


def read_image(path: Path, side: int, channels: int, *, upright: bool = True, background: str = "white") -> np.ndarray:
    """One image, (channels, side, side) bytes; ``Options`` explains the rest.

    Raises DataError, naming it, for what is torn or of another kind.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise DataError(f"{path}: an image may have {MOST_PIXELS:,} pixels, but it has {width} × {height}")
            if image.mode.startswith(("I", "F")):
                raise DataError(f"{path}: images have 8 bits per channel, but its mode is {image.mode}; convert it")
            if image.format == "TIFF" and (pages := getattr(image, "n_frames", 1)) > 1:
                raise DataError(f"{path}: a file holds one image, but it has {pages} pages; save each by itself")
            mode = "RGB" if channels == 3 else "L"
            image.draft(mode, (side, side))  # a JPEG is decoded at no more than it needs
            turned = ImageOps.exif_transpose(image) if upright else image
            pixels = (turned if background == "none" else _laid_on(turned, background)).convert(mode)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: cannot be read: there is no such file") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: an image may have {MOST_PIXELS:,} pixels, but it announces far more") from error
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, EOFError) as error:
        fault = "not an image of a known kind" if isinstance(error, UnidentifiedImageError) else f"torn: {error}"
        raise DataError(f"{path}: it cannot be read, for it is {fault}; replace or remove it") from error
    return planes(_square(pixels, side))


def _laid_on(image: Image.Image, background: str) -> Image.Image:
    """The image without transparency, which RGB and grey would drop together with what it hides."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, background), layer).convert("RGB")


def _square(image: Image.Image, side: int) -> Image.Image:
    """The middle of the image, its shorter side scaled to ``side``."""
    width, height = image.size
    edge = min(width, height)
    left, top = (width - edge) // 2, (height - edge) // 2
    # Cut, then scaled: resize's own box lets the filter look beyond its edges.
    return image.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.BILINEAR)


def _images_below(folder: Path) -> list[Path]:
    """Every image below a folder, sorted by path; hidden ones and links are left out.

    A link out of the folder may lead anywhere; one that stays inside would put an image into two parts of a split.
    """
    files, links = [], []
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith((".", "sparring-cache"))]
        images = [Path(parent, name) for name in names if Path(name).suffix.lower() in SUFFIXES and name[0] != "."]
        files += [file for file in images if not file.is_symlink()]
        links += [file for file in (*images, *(Path(parent, name) for name in folders)) if file.is_symlink()]
    if not files and links:
        raise DataError(
            f"{folder}: expected images here or below, but found only links, {len(links):,} such as {min(links)}, and "
            "links are not followed; copy what they lead to with cp -rL, or give the folder it lies in"
        )
    if not files:
        raise DataError(f"{folder}: expected images ({', '.join(sorted(SUFFIXES))}) here or below, but found none")
    return sorted(files)


def _listed(path: Path, options: Options, part: Part) -> list[Path]:
    names, folder = path / options.lists[part], path / options.parts[part]
    try:
        lines = names.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{names}: cannot be read as a list of images: {error}") from error
    listed = [(number, folder / line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    for number, file in listed:
        if not file.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{names}: line {number} leads out of {folder}: {lines[number - 1].strip()!r}")
        if not file.is_file():
            raise DataError(f"{names}: line {number} names {file}, but there is no such file")
    if not listed:
        raise DataError(f"{names}: expected one path per line, but it is empty")
    return [file for _, file in listed]


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error
