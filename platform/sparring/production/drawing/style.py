"""What all figures share: their look, their frames, and how they are written. The rest is matplotlib's own.

No pyplot, no backend of the process, no screen. matplotlib is imported where something is drawn, never before: it takes
half a second.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...errors import DataError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRAME = "#8d99a6"
LOOK = {
    "axes.edgecolor": FRAME,
    "axes.formatter.min_exponent": 3,
    "axes.formatter.use_mathtext": True,
    "axes.prop_cycle": "cycler(color=['#1c2430', '#d1495b', '#30638e', '#1a7f5a'])",
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "axes.xmargin": 0,
    "figure.dpi": 150,
    "figure.labelsize": "medium",
    "font.size": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "xtick.color": FRAME,
    "xtick.direction": "in",
    "xtick.labelcolor": "#5c6773",
    "ytick.color": FRAME,
    "ytick.direction": "in",
    "ytick.labelcolor": "#5c6773",
}
SYMBOLS = {
    "theta": "θ",
    "theta_pt": "$θ_{p_T}$",
    "pt": "$p_T$",
    "px": "$p_x$",
    "py": "$p_y$",
    "pz": "$p_z$",
}


@contextmanager
def look() -> Iterator[None]:
    """Figures begun and finished inside look alike, whatever the user's matplotlibrc says."""
    from matplotlib import style

    with style.context(["default", LOOK]):
        yield


def sheet(count: int, *, columns: int, size: tuple[float, float] = (3.2, 2.2)) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` frames, each about ``size`` inches wide and high, in rows from the top left."""
    from matplotlib.figure import Figure

    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * size[0], rows * size[1] + 0.4), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, number) for number in range(1, count + 1)]


def name_all(figure: Figure) -> None:
    """One legend above all frames. A name that stands in several frames is listed once."""
    by_name: dict[str, Artist] = {}
    for frame in figure.axes:
        handles, names = frame.get_legend_handles_labels()
        by_name |= dict(zip(names, handles, strict=True))
    figure.legend(list(by_name.values()), list(by_name), loc="outside upper left", ncols=len(by_name))


def histogram(frame: Axes, edges: np.ndarray, values: np.ndarray, name: str, *, is_points: bool = False) -> None:
    """Shares per bin as a line, or as points with their statistical errors (square root of the count)."""
    counts, _ = np.histogram(values, edges)
    total = max(1, values.size)
    if not is_points:
        frame.stairs(counts / total, edges, linewidth=1.2, label=name)
        return
    left, right, met = edges[:-1], edges[1:], counts > 0
    middles = np.sqrt(left[met] * right[met]) if frame.get_xscale() == "log" else (left[met] + right[met]) / 2
    error = np.sqrt(counts[met]) / total
    frame.errorbar(middles, counts[met] / total, error, fmt="o", linewidth=0.8, label=name)


def in_symbols(label: str) -> str:
    """A label as formulas are printed: Greek letters, lowered indices, raised powers."""

    def symbol(match: re.Match[str]) -> str:
        return f"$^{match[1]}$" if match[1] else SYMBOLS.get(match[0], match[0])

    return re.sub(r"\^(\d)|\w+", symbol, label)


def write_picture(path: Path | io.BytesIO, picture: Image.Image | Figure) -> None:
    """A PNG, the same bytes for the same numbers; raises DataError where it cannot be written."""
    try:
        if isinstance(picture, Image.Image):
            picture.save(path, "PNG")
            return
        with look(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # samples may be called in a script that the font lacks: boxes
            picture.savefig(path, format="png", metadata={"Software": None})
    except OSError as error:
        raise DataError(f"{path}: the picture cannot be written: {error.strerror or error}") from error
