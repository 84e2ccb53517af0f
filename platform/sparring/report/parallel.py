"""Parallel coordinates: a line per trial over one axis per hyperparameter, each from 0 to 1.

Drawn as SVG: Plotly's own need WebGL, which remote desktops lack, and build their shaders with ``eval``, which the page
forbids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import plotly.graph_objects as go

from ..display import show
from ..records import TrialRow, Value
from ..space.dimension import Dimension
from .importance import encode
from .reading import Report

LINES, AXES = 500, 12
"""Trials and hyperparameters that are drawn."""

LABEL = 11
"""Letters between two axes; a longer label would lie under the next one's."""

UNUSED = -0.14
"""Height, below every axis, of a hyperparameter that did not apply."""


def draw_parallel(report: Report, figure: go.Figure) -> go.Figure:
    """Adds the axes of the most important hyperparameters and a line per trial, the best one last, to ``figure``."""
    names = [factor.name for factor in report.importance.factors] or [dimension.name for dimension in report.dimensions]
    dimensions = sorted(report.dimensions, key=lambda dimension: names.index(dimension.name))[:AXES]
    rows = [row for row in report.trials if row.value is not None][:LINES][::-1]
    labels = [*(dimension.name for dimension in dimensions), f"rank by {report.objective.metric}"]
    figure.update_xaxes(tickvals=list(range(len(labels))), ticktext=[escape(label) for label in labels], tickangle=-25)
    spans = [_span(dimension, rows) for dimension in dimensions]
    for axis, (dimension, span) in enumerate(zip(dimensions, spans, strict=True)):
        for value, height in _ticks(dimension, span):
            where = {
                "x": axis,
                "y": height,
                "xanchor": "left",
                "xshift": 5,
                "showarrow": False,
                "bgcolor": "rgba(255,255,255,0.8)",
            }
            label = show(value)
            short = label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"  # the whole of it shows on hovering
            figure.add_annotation(text=escape(short), font={"size": 10, "color": "#5c6773"}, **where)
    last = max(len(rows) - 1, 1)
    for order, row in enumerate(rows):
        points = [
            _height(encode(dimension, row.params[dimension.name]), span) if dimension.name in row.params else UNUSED
            for dimension, span in zip(dimensions, spans, strict=True)
        ]
        texts = [f"{dimension.name} {show(row.params.get(dimension.name, 'unused'))}" for dimension in dimensions]
        figure.add_scatter(
            x=list(range(len(labels))),
            y=[*points, order / last],
            mode="lines+markers",
            line={"color": _shade(order / last), "width": 1 + 2 * (order == last)},
            marker={"size": 5},
            text=[f"trial {row.trial}: {escape(text)}" for text in [*texts, show(row.value)]],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


def _span(dimension: Dimension, rows: Sequence[TrialRow]) -> tuple[float, float]:
    """Where an axis begins and ends: all choices of a list, the values tried of a range."""
    values = dimension.choices or [row.params[dimension.name] for row in rows if dimension.name in row.params]
    codes = [encode(dimension, value) for value in values]
    return (min(codes), max(codes)) if codes else (0.0, 0.0)


def _height(code: float, span: tuple[float, float]) -> float:
    low, high = span
    return (code - low) / (high - low) if high > low else 0.5


def _ticks(dimension: Dimension, span: tuple[float, float]) -> Iterator[tuple[Value, float]]:
    if dimension.choices:
        yield from ((choice, _height(encode(dimension, choice), span)) for choice in dimension.choices)
    else:
        off = () if dimension.off is None else (dimension.off,)
        for code in dict.fromkeys(span):
            values = [value for value in off if encode(dimension, value) == code]
            yield values[0] if values else float(f"{10**code if dimension.log else code:.2g}"), _height(code, span)
    if dimension.when:
        yield "unused", UNUSED


def _shade(goodness: float) -> str:
    """From pale grey for the worst to the colour of completed trials for the best."""
    worst, best = (214, 220, 227), (26, 127, 90)
    red, green, blue = (round(a + (b - a) * goodness**2) for a, b in zip(worst, best, strict=True))
    return f"rgb({red},{green},{blue})"
