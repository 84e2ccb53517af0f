"""The picture of an answer, by what its field holds: a grid of images, curves of spectra and series, or histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...data import FieldCard
from .image_grid import grid, pairs
from .muon_charts import draw_variables
from .muon_variables import TABLES
from .style import in_symbols, look, name_all, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_IMAGES, SHOWN_CURVES = 20, 12
MEASURED, PREDICTED, ALONE = "measured", "predicted", "model"
"""Names in legends: of the truth, of what the model says of it, and of samples, which have no truth."""
TITLE = 60
"""Characters of a sample's name, and of what is said of it."""


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
    """The answers of one field, beside the truths if they are known. Of images and curves only the first are shown.

    answers, truths: (N, …) of the field ``name``. ids: the samples' names. axis: (points,), where columns lie.
    spread: deviations of the answers, drawn as a band about curves, or as a third row below images (white where they
    are largest). card: the field's, for its unit and axis.
    """
    if answers.ndim == 4:
        if spread is not None:
            first = slice(SHOWN_IMAGES // 2)
            rows = [answers[first], spread[first] / (float(spread[first].max()) or 1.0)]
            return grid(np.concatenate(rows if truths is None else [truths[first], *rows]), len(rows[0]))
        if truths is not None:
            return pairs(truths[:SHOWN_IMAGES], answers[:SHOWN_IMAGES])
        return grid(answers, math.ceil(math.sqrt(len(answers))))
    both = {ALONE: answers} if truths is None else {MEASURED: truths, PREDICTED: answers}
    if name in TABLES:
        return draw_variables(TABLES[name][: answers.shape[1]], both)
    return draw_curves(name, both, ids=ids, axis=axis, spread=spread, card=card)


def _shown_rows(lines: Mapping[str, np.ndarray], most: int) -> list[int]:
    """Which samples are drawn: where a truth is known, from the best to the worst at even ranks, else the first."""
    answers = list(lines.values())[-1]
    count = len(answers)
    if len(lines) == 1 or count <= most:
        return list(range(min(count, most)))
    errors = np.square(answers - lines[MEASURED]).reshape(count, -1).mean(1, dtype=np.float64)
    order: list[int] = np.argsort(errors, kind="stable").tolist()
    return [order[round(rank)] for rank in np.linspace(0, count - 1, most)]


def place_columns(points: int, axis: np.ndarray | None, card: FieldCard | None) -> tuple[np.ndarray, str, str]:
    """Where the columns of a field lie, what along, and the unit of its values in brackets."""
    unit = "" if card is None or card.unit == "1" else f" [{card.unit}]"
    if axis is None:
        return np.arange(1, points + 1), "column", unit
    if len(axis) != points:  # Fourier-transformed: the card speaks of before
        return np.arange(1, points + 1), "column", ""
    return axis, "" if card is None or card.axis is None else card.axis.partition(",")[0], unit


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
    """Truths and answers as curves, a frame per sample, and of series a frame per channel; the best sample comes first.

    both: by name, (N, points), or of series (N, times, channels). The rest is as in ``picture``.
    """
    lines = {key: values.reshape(*values.shape[:2], -1) for key, values in both.items()}
    answers = list(lines.values())[-1]
    _, points, channels = answers.shape
    x, along, unit = place_columns(points, axis, card)
    rows = _shown_rows(lines, SHOWN_CURVES // min(channels, SHOWN_CURVES))
    curves = list(islice(product(rows, range(channels)), SHOWN_CURVES))
    figure, frames = sheet(len(curves), columns=3)
    for (row, channel), frame in zip(curves, frames, strict=True):
        for key, values in lines.items():
            (line,) = frame.plot(x, values[row, :, channel], label=key)
        if spread is not None:
            middle, half = answers[row, :, channel], spread.reshape(answers.shape)[row, :, channel]
            colour = line.get_color()
            frame.fill_between(x, middle - half, middle + half, color=colour, alpha=0.25, linewidth=0, label="± std")
        title = " ".join(ids[row].split()) if ids else f"sample {row + 1}"
        title = title[:TITLE] + (f", channel {channel + 1}" if channels > 1 else "")
        if len(lines) > 1:
            error = np.square(answers[row, :, channel] - lines[MEASURED][row, :, channel]).mean(dtype=np.float64)
            title += f", MSE {error:.3g}"
        frame.set_title(title, parse_math=False)
    for channel in range(channels):  # one scale per kind, so that frames compare
        alike = [frame for (_, its), frame in zip(curves, frames, strict=True) if its == channel]
        limits = [frame.get_ylim() for frame in alike]
        for frame in alike:
            frame.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    figure.supxlabel(in_symbols(along))
    figure.supylabel(in_symbols(name + unit))
    name_all(figure)
    return figure
