"""The embedded set ``shapes``: grey squares, discs and triangles of known place, size, angle and shade, from one seed.

After the images with known factors by which codes are judged (L. Matthey et al., *dSprites*, 2017), drawn small and
with soft edges: a pixel's value is the share of it that the shape covers, from the distance of its middle to the edge.
Place, size and angle move edges across pixels, which no sum of a few fixed pictures follows: 16 principal components of
256 pixels lose 15 % of the variance, though five numbers and the kind make a picture. The largest reach over the edge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..dataset import Dataset

KINDS = ("square", "disc", "triangle")
CORNERS = {"square": 4, "triangle": 3}
PLACE, RADIUS, SHADE = (0.25, 0.75), (0.15, 0.3), (0.5, 1.0)
"""Ranges of a shape's middle and of its radius (to the corners), in sides of the picture, and of its shade."""


class Options(BaseModel):
    """How many pictures, how large, from which seed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    changes: ClassVar = {"side": ("image",)}

    n: Annotated[int, Field(ge=10, le=1_000_000)] = 4096
    """Number of pictures; kinds take turns. 4,096 take a tenth of a second."""
    side: Annotated[int, Field(ge=8, le=128)] = 16
    """Pixels a side. 8 to 128."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the pictures. Not the study's seed: the data stay the same when a search is repeated."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set; ``path`` is not looked at, the card says that there is nothing to read."""
    rng = np.random.default_rng(options.seed)
    middle_N2, radius_N, shade_N = (
        rng.uniform(*between, size=size)
        for between, size in ((PLACE, (options.n, 2)), (RADIUS, options.n), (SHADE, options.n))
    )
    turn_N = rng.uniform(0.0, 2 * np.pi, size=options.n)
    kind_N = np.arange(options.n) % len(KINDS)
    image = np.empty((options.n, 1, options.side, options.side), dtype=np.uint8)
    for index, kind in enumerate(KINDS):
        of_it = kind_N == index
        covered = drawn(kind, middle_N2[of_it], radius_N[of_it], turn_N[of_it], options.side)
        image[of_it, 0] = np.round(255 * shade_N[of_it, None, None] * covered)
    ids = tuple(f"{KINDS[kind]}-{row:05d}" for row, kind in enumerate(kind_N))
    return Dataset(name="shapes", fields={"image": image}, ids=ids, labels=tuple(KINDS[kind] for kind in kind_N))


def drawn(kind: str, middle_N2: np.ndarray, radius_N: np.ndarray, turn_N: np.ndarray, side: int) -> np.ndarray:
    """The covered share of each pixel, (N, side, side), of shapes of one kind.

    ``middle_N2`` (x, y) and ``radius_N`` are in sides of the picture, ``turn_N`` in radians. A regular polygon is what
    lies within its apothem along every edge's normal.
    """
    pixel = (np.arange(side) + 0.5) / side
    x_NHW = pixel[None, None, :] - middle_N2[:, 0, None, None]
    y_NHW = pixel[None, :, None] - middle_N2[:, 1, None, None]
    if kind == "disc":
        outside_NHW = np.hypot(x_NHW, y_NHW) - radius_N[:, None, None]
    else:
        corners = CORNERS[kind]
        angles_NC = turn_N[:, None] + 2 * np.pi * np.arange(corners) / corners
        along = [x_NHW * np.cos(angle)[:, None, None] + y_NHW * np.sin(angle)[:, None, None] for angle in angles_NC.T]
        outside_NHW = np.max(along, axis=0) - (radius_N * np.cos(np.pi / corners))[:, None, None]
    covered: np.ndarray = np.clip(0.5 - outside_NHW * side, 0.0, 1.0)
    return covered
