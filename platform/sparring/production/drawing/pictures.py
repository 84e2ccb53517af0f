"""The picture of an answer, by what its field holds: a grid of images, curves of spectra and series, or histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...data import FieldCard
from .image_grid import grid, pairs
from .muon_charts import TABLES, draw_variables
from .style import in_symbols, look, name_all, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_IMAGES, SHOWN_CURVES = 20, 12
TITLE = 40
"""Characters of a sample's name."""


def picture(
    name: str,
    answers: np.ndarray,
    truths: np.ndarray | None = None,
    *,
    ids: Sequence[str] = (),
    axis: np.ndarray | None = None,
    spread: np.ndarray | None = None,
    card: FieldCard | None = None,
) -> Image.Image | Figure:
    """answers, truths: (N, …) of the field ``name``; of many, images and curves show the first.

    spread: deviations of the answers: a band about curves, a third row below images, white where they are largest.
    card: says the units.
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
        return draw_variables(TABLES[name][: answers.shape[1]], both)
    return draw_curves(name, both, ids=ids, axis=axis, spread=spread, card=card)


@look()
def draw_curves(
    name: str,
    both: Mapping[str, np.ndarray],
    *,
    ids: Sequence[str],
    axis: np.ndarray | None,
    spread: np.ndarray | None,
    card: FieldCard | None,
) -> Figure:
    """both: by what they are, (N, points), or of series (N, times, channels), each channel in a frame of its own."""
    lines = {key: each.reshape(*each.shape[:2], -1) for key, each in both.items()}
    count, points, channels = lines["answer"].shape
    x, along, unit = np.arange(1, points + 1), "column", "" if card is None or card.unit == "1" else f" [{card.unit}]"
    if axis is not None and len(axis) != points:  # Fourier-transformed: the card speaks of before
        unit = ""
    elif axis is not None:
        x, along = axis, "" if card is None or card.axis is None else card.axis.partition(",")[0]
    places = list(islice(product(range(count), range(channels)), SHOWN_CURVES))
    figure, frames = sheet(len(places), columns=3)
    for (row, channel), frame in zip(places, frames, strict=True):
        for key, each in lines.items():
            (line,) = frame.plot(x, each[row, :, channel], label=key)
        if spread is not None:
            middle, half = lines["answer"][row, :, channel], spread.reshape(lines["answer"].shape)[row, :, channel]
            pale: dict[str, Any] = {"color": line.get_color(), "alpha": 0.25, "linewidth": 0}
            frame.fill_between(x, middle - half, middle + half, **pale, label="± std")
        title = " ".join(ids[row].split()) if ids else f"sample {row + 1}"
        title = title[:TITLE] + (f", channel {channel + 1}" if channels > 1 else "")
        frame.set_title(title, parse_math=False)
    figure.supxlabel(in_symbols(along))
    figure.supylabel(in_symbols(name + unit))
    name_all(figure)
    return figure
