"""Sheets of charts with axes, units and ticks, linear or logarithmic, for talks and papers: PNG, drawn by Pillow alone.

``panels.py`` draws the small ones that every verb shows; here axes are labelled, histograms have error bars, and
two-dimensional ones are maps. No screen is needed and nothing beyond Pillow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageColor

from .pen import FRAME, INK, Pen

WIDTH, HEIGHT = 400, 300
"""Of a chart, in points; two pixels each."""
LEFT, TOP, RIGHT, BOTTOM = 66, 26, 16, 46
HEAD = 34
"""Points above the charts, for the legend."""
COLOURS = ("#1c2430", "#d1495b", "#30638e", "#1a7f5a")
MAP = ("#f2f4f7", "#9ec5e0", "#3f8fc4", "#1f4e8c", "#0b1f45")
"""From few to many; an empty bin stays white."""
SIGNED = ("#30638e", "#ffffff", "#d1495b")
"""From -1 by 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What runs along an edge, from ``low`` to ``high``; above 0 if logarithmic."""

    label: str
    low: float
    high: float
    is_log: bool = False
    names: tuple[str, ...] = ()
    """Instead of numbers: of the middles of as many equal parts."""

    def share(self, values: np.ndarray) -> np.ndarray:
        """Where values lie, 0 at ``low`` and 1 at ``high``."""
        low, high = self.low, self.high
        if self.is_log:
            values, low, high = np.log(np.maximum(values, 1e-300)), math.log(low), math.log(high)
        found: np.ndarray = (np.asarray(values, dtype=np.float64) - low) / (high - low)
        return found

    def edges(self, bins: int) -> np.ndarray:
        """Of equal bins, as the axis shows them."""
        space = np.geomspace if self.is_log else np.linspace
        return space(self.low, self.high, bins + 1)

    def ticks(self) -> list[tuple[float, str]]:
        """(value, what stands there); nothing, where only a stroke does."""
        if self.names:
            middles = self.edges(2 * len(self.names))[1::2]
            return list(zip(middles.tolist(), self.names, strict=True))
        return _decades(self.low, self.high) if self.is_log else _round_numbers(self.low, self.high)


Curve = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One frame. Whatever has a name has the colour of that name in the legend."""

    x: Axis
    y: Axis
    title: str = ""
    points: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)
    """By name: x, y and half the length of the error bar."""
    steps: Mapping[str, Curve] = field(default_factory=dict)
    """By name: edges of bins (bins + 1,) and heights (bins,)."""
    lines: Mapping[str, Curve] = field(default_factory=dict)
    guides: Sequence[Curve] = ()
    """Lines to compare with: grey, and not in the legend."""
    cells: np.ndarray | None = None
    """(columns, rows) of equal parts of both axes: from 0 to 1, or -1 to 1 where ``is_signed``; NaN is empty."""
    is_signed: bool = False
    """Are the cells correlations? Then each has its number."""
    words: tuple[str, ...] = ()
    """Lines in the upper right corner."""


def draw(
    charts: Sequence[Chart], *, columns: int, heading: str = "", size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Image.Image:
    """The charts in rows from the top left, above them ``heading`` and the legend. size: of a chart, in points."""
    columns = min(columns, len(charts))
    width, height = columns * size[0], HEAD + math.ceil(len(charts) / columns) * size[1]
    pen = Pen(width, height)
    names = list(dict.fromkeys(name for each in charts for name in (*each.points, *each.steps, *each.lines)))
    colours = dict(zip(names, (COLOURS[at % len(COLOURS)] for at in range(len(names))), strict=True))
    at = float(LEFT)
    if heading:
        at += pen.text(at, HEAD / 2, heading, "lm", bold=True) + 24
    for name, colour in colours.items():
        if any(name in each.points for each in charts):
            pen.dot(at + 10, HEAD / 2, colour)
        else:
            pen.line([(at, HEAD / 2), (at + 20, HEAD / 2)], colour, 2.0)
        at += 26 + pen.text(at + 26, HEAD / 2, name, "lm", INK) + 20
    if any(each.cells is not None and not each.is_signed for each in charts):
        at += pen.text(at, HEAD / 2, "one row", "lm", INK) + 6
        for part in range(100):
            pen.fill((at + part, HEAD / 2 - 6, at + part + 1, HEAD / 2 + 6), _between(MAP, part / 99))
        pen.text(at + 106, HEAD / 2, "most (logarithmic)", "lm", INK)
    for number, chart in enumerate(charts):
        left, top = number % columns * size[0], HEAD + number // columns * size[1]
        box = (left + LEFT, top + TOP, left + size[0] - RIGHT, top + size[1] - BOTTOM)
        _draw_chart(pen, chart, box, colours)
    return pen.finish()


def _draw_chart(pen: Pen, chart: Chart, box: tuple[float, float, float, float], colours: Mapping[str, str]) -> None:
    x0, y0, x1, y1 = box

    def place(x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
        across, down = x0 + chart.x.share(x) * (x1 - x0), y1 - chart.y.share(y).clip(0, 1) * (y1 - y0)
        return list(zip(across.tolist(), down.tolist(), strict=True))

    if chart.cells is not None:
        _draw_cells(pen, chart.cells, box, is_signed=chart.is_signed)
    for name, (edges, heights) in chart.steps.items():
        outline = np.concatenate([[chart.y.low], np.repeat(heights, 2), [chart.y.low]])
        pen.line(place(np.repeat(edges, 2), outline), colours[name], 1.6)
    for x, y in chart.guides:
        pen.line(place(x, y), FRAME, 1.0)
    for name, (x, y) in chart.lines.items():
        pen.line(place(x, y), colours[name], 1.6)
    for name, (x, y, half) in chart.points.items():
        shown = y > chart.y.low
        for (across, down), (_, low), (_, high) in zip(
            place(x[shown], y[shown]),
            place(x[shown], (y - half)[shown]),
            place(x[shown], (y + half)[shown]),
            strict=True,
        ):
            pen.line([(across, low), (across, high)], colours[name], 1.0)
            pen.dot(across, down, colours[name])
    pen.frame(box)
    _draw_axes(pen, chart, box)
    pen.text(x0, y0 - 6, chart.title, "lb", INK)
    for number, words in enumerate(chart.words):
        pen.text(x1 - 7, y0 + 8 + 15 * number, words, "rt", INK, paper="white")


def _draw_cells(pen: Pen, cells: np.ndarray, box: tuple[float, float, float, float], *, is_signed: bool) -> None:
    x0, y0, x1, y1 = box
    columns, rows = cells.shape
    across, down = np.linspace(x0, x1, columns + 1), np.linspace(y1, y0, rows + 1)
    for column, row in np.argwhere(np.isfinite(cells)):
        value = float(cells[column, row])
        where = (across[column], down[row + 1], across[column + 1], down[row])
        pen.fill(where, _between(SIGNED, (value + 1) / 2) if is_signed else _between(MAP, value))
        if is_signed:
            middle = (where[0] + where[2]) / 2, (where[1] + where[3]) / 2
            pen.text(*middle, f"{round(value, 2) + 0.0:.2f}", "mm", "white" if abs(value) > 0.7 else INK)


def _draw_axes(pen: Pen, chart: Chart, box: tuple[float, float, float, float]) -> None:
    x0, y0, x1, y1 = box
    stroke = 0 if chart.is_signed else 5
    for value, said in chart.x.ticks():
        at = x0 + float(chart.x.share(np.array(value))) * (x1 - x0)
        pen.line([(at, y1), (at, y1 - (stroke if said else stroke / 2))], FRAME, 1.0)
        pen.number(at, y1 + 6, said, "mt")
    for value, said in chart.y.ticks():
        at = y1 - float(chart.y.share(np.array(value))) * (y1 - y0)
        pen.line([(x0, at), (x0 + (stroke if said else stroke / 2), at)], FRAME, 1.0)
        pen.number(x0 - 6, at, said, "rm")
    pen.text(x1, y1 + 38, chart.x.label, "rb", INK)
    pen.upright(x0 - 64, y0, chart.y.label)


def _round_numbers(low: float, high: float) -> list[tuple[float, str]]:
    """At most six multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(power * factor for factor in (1, 2, 5, 10) if (high - low) / (power * factor) <= 6)
    slack = 1e-9 * (high - low)
    first, last = math.ceil((low - slack) / step), math.floor((high + slack) / step)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [(n * step, f"{n * step:.{digits}f}" if n else "0") for n in range(first, last + 1)]


def _decades(low: float, high: float) -> list[tuple[float, str]]:
    """Powers of ten, thinned to six; of few, 2 and 5 times them too; strokes alone in between."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / 6))
    told = (1, 2, 5) if math.log10(high / low) < 2 else (1,)
    is_plain = first > -3 and last < 5
    found = []
    for power in range(first, last + 1):
        for factor in range(1, 10 if every == 1 else 2):
            value = factor * 10.0**power
            if low * (1 - 1e-9) <= value <= high * (1 + 1e-9):
                said = f"{value:g}" if is_plain or power == 0 else f"10^{power}" if factor == 1 else ""
                found.append((value, said if factor in told and power % every == 0 else ""))
    return found


def _between(colours: Sequence[str], share: float) -> tuple[int, int, int]:
    """The colour at a share, 0 to 1, of the way along some."""
    at = min(max(share, 0.0), 1.0) * (len(colours) - 1)
    first = min(int(at), len(colours) - 2)
    one, other = (np.array(ImageColor.getrgb(colours[place])[:3]) for place in (first, first + 1))
    red, green, blue = np.rint(one + (at - first) * (other - one)).astype(int).tolist()
    return red, green, blue
