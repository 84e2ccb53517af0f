"""Curves and histograms as one PNG: a sheet of small panels, drawn by Pillow alone, so that no screen is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

WIDTH, HEIGHT = 300, 200
"""Pixels of a panel."""
LEFT, TOP, RIGHT, BOTTOM = 52, 24, 10, 22
"""Pixels around a panel's frame, for its numbers and its title."""
SCALE = 2
"""Everything is drawn this much larger and shrunk, which smooths the lines."""
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
COLOURS = ("#1c2430", "#d1495b", "#1a7f5a", "#30638e")
BINS = 40


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One frame with its curves; all finite."""

    title: str
    x: np.ndarray
    """(points,), ascending."""
    lines: Mapping[str, np.ndarray]
    """By name, (points,); the first is black, the second red."""
    bands: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By a line's name, (points,): half the width of the pale band about it."""


def histogram(title: str, samples: Mapping[str, np.ndarray]) -> Panel:
    """How each sample's values are spread, as shares that add up to 1, over bins that all of them share."""
    values = np.concatenate([each.ravel() for each in samples.values()]).astype(np.float64)
    edges = np.histogram_bin_edges(values, BINS)
    lines = {}
    for name, each in samples.items():
        counts, _ = np.histogram(each, edges)
        lines[name] = np.concatenate([[0.0], np.repeat(counts / max(1, each.size), 2), [0.0]])
    return Panel(title=title, x=np.repeat(edges, 2), lines=lines)


def draw(panels: Sequence[Panel], columns: int = 3) -> Image.Image:
    """The panels in rows from the top left; a line of names above them."""
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    canvas = Image.new("RGB", (SCALE * columns * WIDTH, SCALE * (rows * HEIGHT + TOP)), "white")
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(SCALE * 11)
    place = SCALE * LEFT
    for name, colour in zip(panels[0].lines, COLOURS, strict=False):
        name = f"{name} ± std" if name in panels[0].bands else name
        pen.text((place, SCALE * 6), name, fill=colour, font=font)
        place += int(pen.textlength(name, font=font)) + SCALE * 16
    for number, panel in enumerate(panels):
        _draw_panel(pen, font, panel, number % columns * WIDTH, TOP + number // columns * HEIGHT)
    return canvas.resize((columns * WIDTH, rows * HEIGHT + TOP), Image.Resampling.LANCZOS)


def _draw_panel(pen: ImageDraw.ImageDraw, font: Font, panel: Panel, left: int, top: int) -> None:
    edges = [panel.lines[name] + side * half for name, half in panel.bands.items() for side in (-1, 1)]
    values = np.concatenate([*panel.lines.values(), *edges])
    low, high = float(values.min()), float(values.max())
    if high == low:
        low, high = low - 0.5, high + 0.5
    frame = (left + LEFT, top + TOP, left + WIDTH - RIGHT, top + HEIGHT - BOTTOM)
    x0, y0, x1, y1 = (SCALE * edge for edge in frame)
    pen.rectangle((x0, y0, x1, y1), outline="#c3cad2", width=SCALE)
    span = float(panel.x[-1] - panel.x[0]) or 1.0
    across = x0 + (panel.x - panel.x[0]) / span * (x1 - x0)

    def points(line: np.ndarray) -> list[tuple[float, float]]:
        down = y1 - (line - low) / (high - low) * (y1 - y0)
        return [(float(x), float(y)) for x, y in zip(across, down, strict=True)]

    coloured = list(zip(panel.lines.items(), COLOURS, strict=False))
    for (name, line), colour in coloured:
        if name in panel.bands:
            half = panel.bands[name]
            pen.polygon([*points(line - half), *reversed(points(line + half))], fill=_pale(colour))
    for (_, line), colour in coloured:
        pen.line(points(line), fill=colour, width=SCALE)
    said: dict[str, Any] = {"fill": "#5c6773", "font": font}
    pen.text((x0, y0 - SCALE * 4), panel.title[:40], anchor="ls", **said)
    pen.text((x0 - SCALE * 4, y0), f"{high:.3g}", anchor="rt", **said)
    pen.text((x0 - SCALE * 4, y1), f"{low:.3g}", anchor="rb", **said)
    pen.text((x0, y1 + SCALE * 4), f"{panel.x[0]:.4g}", anchor="lt", **said)
    pen.text((x1, y1 + SCALE * 4), f"{panel.x[-1]:.4g}", anchor="rt", **said)


def _pale(colour: str) -> tuple[int, int, int]:
    """A quarter of the colour on white."""
    red, green, blue = (255 - (255 - part) // 4 for part in ImageColor.getrgb(colour)[:3])
    return red, green, blue
