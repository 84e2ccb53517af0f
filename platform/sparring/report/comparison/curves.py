"""The plots of a comparison: best so far against trials and against seconds, with a band over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...display import clean
from .parts import labels_of
from .progress import Axis, Numbers, band_of
from .reading import Compared, seeds_of

COLOURS = 7
"""Colours of the page's script, after which lines are dashed."""

DASHES = 4
"""Ways in which it draws a line."""

TITLES: dict[Axis, str] = {
    "trials": "trials, in the order they began",
    "seconds": "seconds of training, of all slots together",
}


class Plot(NamedTuple):
    """What the page's script draws: bands below lines, of steps."""

    name: str
    heading: str
    sentence: str
    axes: tuple[str, str]
    bands: list[dict[str, Any]]
    """``places``, ``low``, ``high``, and ``colour``, a number below ``COLOURS``."""
    lines: list[dict[str, Any]]
    """``name``, ``places``, ``values``, ``colour``, ``dash``, ``weight``: bold, plain or faint."""


def curves_of(group: Sequence[Compared], name: str) -> Iterator[Plot]:
    """A plot against trials and one against seconds, of studies whose figures compare. name: of their elements."""
    if not any(study.best for study in group):
        return
    words = "The best completed trial so far"
    if seeds_of(group):
        words += "; thick the median, and shaded the range, of studies that differ in their seed alone"
    metric = clean(group[0].spec.objective.metric)
    for axis, title in TITLES.items():
        heading = f"{labels_of(group)}: best so far against {axis}"
        bands, lines = _draw(group, axis)
        yield Plot(f"{name}-{axis}", heading, words, (title, metric), bands, lines)


def _draw(group: Sequence[Compared], axis: Axis) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    settings, bands, lines = seeds_of(group), [], []
    for number, several in enumerate(settings):
        band, colour = band_of([study.lines[axis] for study in several]), number % COLOURS
        places = band.places.tolist()
        bands.append({"places": places, "low": band.low.tolist(), "high": band.high.tolist(), "colour": colour})
        lines.append(_line(f"{labels_of(several)} median", band.places, band.median, colour, 0, "bold"))
    alone = [study for study in group if not any(study in several for several in settings)]
    for study in group:
        is_alone = study in alone
        place = len(settings) + alone.index(study) if is_alone else [study in each for each in settings].index(True)
        shown = study.lines[axis]
        known = np.isfinite(shown.best)
        name, dash = f"{study.label} {clean(study.name)}", place // COLOURS % DASHES
        weight = "plain" if is_alone else "faint"
        lines.append(_line(name, shown.places[known], shown.best[known], place % COLOURS, dash, weight))
    return bands, lines


def _line(name: str, places: Numbers, values: Numbers, colour: int, dash: int, weight: str) -> dict[str, Any]:
    return {
        "name": name, "places": places.tolist(), "values": values.tolist(), "colour": colour, "dash": dash,
        "weight": weight,
    }  # fmt: skip
