"""The plots of a comparison: best so far against trials and against seconds, with a band over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from ...display import clean
from ..figures import new_figure, scale_of
from ..plots import Plot
from .parts import labels_of
from .progress import Axis, Line, band_of
from .reading import Compared, seeds_of

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c6773")
"""Told apart by colour-blind people too. Source: M. Okabe, K. Ito, Color Universal Design, 2008."""
DASHES = ("solid", "dash", "dot", "dashdot")
"""Of one colour's second, third and fourth line."""

TITLES: dict[Axis, str] = {
    "trials": "trials, in the order they began",
    "seconds": "seconds of training, of all slots together",
}


def curves_of(group: Sequence[Compared], name: str) -> Iterator[Plot]:
    """A plot against trials and one against seconds, of studies whose figures compare. name: of their elements."""
    if not any(study.best for study in group):
        return
    words = "The best completed trial so far"
    if seeds_of(group):
        words += "; thick the median, and shaded the range, of studies that differ in their seed alone"
    for axis, title in TITLES.items():
        heading = f"{labels_of(group)}: best so far against {axis}"
        yield Plot(f"{name}-{axis}", _draw(group, axis, title), heading, words)


def _draw(group: Sequence[Compared], axis: Axis, title: str) -> go.Figure:
    metric = group[0].spec.objective.metric
    values = np.concatenate([study.lines[axis].best for study in group])
    scale = scale_of(values[np.isfinite(values)].tolist())
    figure = new_figure(400, xaxis_title=title, yaxis={"title": escape(metric), "type": scale}, hovermode="closest")
    settings = seeds_of(group)
    for number, several in enumerate(settings):
        _add_band(figure, several, axis, COLOURS[number % len(COLOURS)])
    alone = [study for study in group if not any(study in several for several in settings)]
    for study in group:
        is_alone = study in alone
        place = len(settings) + alone.index(study) if is_alone else [study in each for each in settings].index(True)
        dash = DASHES[place // len(COLOURS) % len(DASHES)]
        width, opacity = (2.0, 1.0) if is_alone else (1.0, 0.45)
        line = {"color": COLOURS[place % len(COLOURS)], "width": width, "dash": dash, "shape": "hv"}
        _add(figure, study.lines[axis], f"{study.label} {clean(study.name)}", line=line, opacity=opacity)
    return figure


def _add(figure: go.Figure, shown: Line, name: str, **look: object) -> None:
    known = np.isfinite(shown.best)
    places, values = shown.places[known].tolist(), shown.best[known].tolist()
    figure.add_scatter(x=places, y=values, mode="lines", name=escape(name, quote=False), **look)


def _add_band(figure: go.Figure, several: Sequence[Compared], axis: Axis, colour: str) -> None:
    band, name = band_of([study.lines[axis] for study in several]), labels_of(several)
    places = band.places.tolist()
    shade = f"rgba({', '.join(str(int(colour[n : n + 2], 16)) for n in (1, 3, 5))}, 0.16)"
    edge = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=places, y=band.high.tolist(), **edge)
    figure.add_scatter(x=places, y=band.low.tolist(), fill="tonexty", fillcolor=shade, **edge)
    line = {"color": colour, "width": 3, "shape": "hv"}
    figure.add_scatter(x=places, y=band.median.tolist(), mode="lines", name=f"{name} median", line=line)
