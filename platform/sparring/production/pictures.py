"""The picture of an answer, by what its field holds: a grid of images, curves of spectra and series, or histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from ..data.kinematics import COLUMNS, RARENESS
from ..data.pictures import grid, pairs
from .panels import Panel, draw, histogram

TABLES: Mapping[str, Sequence[str]] = {"muons": COLUMNS, "rareness": RARENESS}
"""Fields whose samples say little one by one, with the names of their columns."""
SHOWN_IMAGES, SHOWN_CURVES = 20, 12


def picture(
    name: str,
    answers: np.ndarray,
    truths: np.ndarray | None = None,
    *,
    ids: Sequence[str] = (),
    axis: np.ndarray | None = None,
    spread: np.ndarray | None = None,
) -> Image.Image:
    """answers, truths: (N, …) of the field ``name``; of many, images and curves show the first.

    spread: deviations of the answers: a band about curves, a third row below images, white where they are largest.
    """
    if answers.ndim == 4:
        if spread is not None:
            first = slice(SHOWN_IMAGES // 2)
            rows = [answers[first], spread[first] / (float(spread[first].max()) or 1.0)]
            return grid(np.concatenate(rows if truths is None else [truths[first], *rows]), len(rows[0]))
        if truths is not None:
            return pairs(truths[:SHOWN_IMAGES], answers[:SHOWN_IMAGES])
        return grid(answers, math.ceil(math.sqrt(len(answers))))
    both = {"answer": answers} if truths is None else {"data": truths, "answer": answers}
    if name in TABLES:
        columns = zip(TABLES[name], range(answers.shape[1]), strict=False)
        return draw([histogram(title, {key: each[:, at] for key, each in both.items()}) for title, at in columns])
    return draw(_curves(both, ids, axis, spread)[:SHOWN_CURVES])


def _curves(
    both: Mapping[str, np.ndarray], ids: Sequence[str], axis: np.ndarray | None, spread: np.ndarray | None
) -> list[Panel]:
    answers = both["answer"]
    x = axis if axis is not None and len(axis) == answers.shape[1] else np.arange(1, answers.shape[1] + 1)
    panels = []
    for row in range(min(len(answers), SHOWN_CURVES)):
        title = ids[row] if ids else f"sample {row + 1}"
        if answers.ndim == 2:
            lines = {key: each[row] for key, each in both.items()}
            panels.append(Panel(title=title, x=x, lines=lines, bands={} if spread is None else {"answer": spread[row]}))
            continue
        for channel in range(answers.shape[2]):  # of a series
            lines = {key: each[row, :, channel] for key, each in both.items()}
            bands = {} if spread is None else {"answer": spread[row, :, channel]}
            panels.append(Panel(title=f"{title}, channel {channel + 1}", x=x, lines=lines, bands=bands))
    return panels
