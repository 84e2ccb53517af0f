"""The embedded set ``patches``: two photographs, a palace and a flower, which come with scikit-learn, cut into squares.

It gives images that are surely out of a model's distribution, without a download. Licences and photographers are on
the card.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..dataset import Dataset


class Options(BaseModel):
    """How large the squares are."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    side: Annotated[int, Field(ge=4, le=128)] = 32
    """Pixels a side. 4 to 128; 32 make 520 squares."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set; ``path`` is not looked at, the card says that there is nothing to read."""
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images()
    images, ids = [], []
    for name, photograph in zip(photographs.filenames, photographs.images, strict=True):
        for top in range(0, photograph.shape[0] - options.side + 1, options.side):
            for left in range(0, photograph.shape[1] - options.side + 1, options.side):
                images.append(photograph[top : top + options.side, left : left + options.side].transpose(2, 0, 1))
                ids.append(f"{Path(name).stem}-{top:03d}-{left:03d}")
    return Dataset(name="patches", fields={"image": np.stack(images).astype(np.uint8)}, ids=tuple(ids))
