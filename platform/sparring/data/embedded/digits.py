"""The embedded set ``digits``: 1,797 handwritten digits of 8×8 grey pixels, which come with scikit-learn.

Real images without a download: the test part of E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*
(1998), doi:10.24432/C50P49. scikit-learn counts ink from 0 to 16 per pixel (of 4×4 scanned ones); here that is spread
over 0 to 255, as in every other set of images.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..dataset import Dataset

INK = 16  # scanned pixels, so the largest count, behind each pixel


class Options(BaseModel):
    """None: the set is what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read(path: Path | None, options: Options) -> Dataset:
    """The set; ``path`` is not looked at, the card says that there is nothing to read."""
    from sklearn.datasets import load_digits  # 0.7 s

    digits = load_digits()
    ink_NHW = digits.images
    image = np.round(ink_NHW * (255 / INK)).astype(np.uint8)[:, None]
    ids = tuple(f"digit-{row:04d}" for row in range(len(image)))
    return Dataset(name="digits", fields={"image": image}, ids=ids, labels=tuple(map(str, digits.target)))
