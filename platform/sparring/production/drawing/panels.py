"""One figure per sample: every field that was answered in a frame of its own, beside the truth where it is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...data import FieldCard
from .pictures import ALONE, MEASURED, PREDICTED, TITLE, place_columns
from .style import in_symbols, look, name_all, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Panel(NamedTuple):
    """What one frame shows, for all samples."""

    title: str
    """Such as "spectrum, predicted"."""
    name: str
    """The field."""
    answers: np.ndarray
    """(N, points) or, of series, (N, times, channels)."""
    truths: np.ndarray | None
    spread: np.ndarray | None
    axis: np.ndarray | None
    card: FieldCard | None


def can_be_drawn(answers: np.ndarray) -> bool:
    """Whether a field is curves; images and single numbers make no frame."""
    return answers.ndim in (2, 3) and answers.shape[1] > 1


@look()
def draw_sample(panels: Sequence[Panel], row: int, called: str) -> Figure:
    """The sample ``row`` of all panels, two frames side by side, each with its mean squared error."""
    figure, frames = sheet(len(panels), columns=2)
    for panel, frame in zip(panels, frames, strict=True):
        x, along, unit = place_columns(panel.answers.shape[1], panel.axis, panel.card)
        title, answer = panel.title, panel.answers[row]
        if panel.truths is not None:
            frame.plot(x, panel.truths[row], label=MEASURED)
            error = np.square(answer.astype(np.float64) - panel.truths[row]).mean()
            title += f", MSE {error:.3g}"
        lines = frame.plot(x, answer, label=ALONE if panel.truths is None else PREDICTED)
        if panel.spread is not None and answer.ndim == 1:
            half, colour = panel.spread[row], lines[0].get_color()
            frame.fill_between(x, answer - half, answer + half, color=colour, alpha=0.25, linewidth=0, label="± std")
        frame.set_title(title, parse_math=False)
        frame.set_xlabel(in_symbols(along))
        frame.set_ylabel(in_symbols(panel.name + unit))
    figure.suptitle(" ".join(called.split())[:TITLE], parse_math=False)
    name_all(figure)
    return figure


def draw_samples(panels: Sequence[Panel], ids: Sequence[str]) -> Iterable[Figure]:
    """A figure per sample, in order."""
    return (draw_sample(panels, row, called) for row, called in enumerate(ids))
