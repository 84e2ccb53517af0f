"""A comparison as one HTML file, which opens offline; it is made, escaped and guarded as a report's page is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from ..formats import finite
from ..page import FOLDER, environment, policy_of
from ..plots import Plot
from .curves import curves_of
from .parts import Part, parts_of
from .reading import Comparison


class Section(NamedTuple):
    """A part of the comparison, and the plots under it."""

    part: Part
    plots: Sequence[Plot]


def make_page(comparison: Comparison) -> str:
    """The whole page. About 5 MB, nearly all of it Plotly."""
    from plotly.offline import get_plotlyjs

    plots = {
        group: list(curves_of(group, f"group-{number}")) for number, group in enumerate(comparison.groups)
    }  # fmt: skip
    sections = [Section(part, plots.get(part.of, [])) for part in parts_of(comparison)]
    drawn = [plot for several in plots.values() for plot in several]
    figures = [{"id": f"plot-{plot.name}", "figure": json.loads(plot.figure.to_json())} for plot in drawn]
    plotly, draw = get_plotlyjs(), (FOLDER / "page.js").read_text(encoding="utf-8")
    return environment().get_template("comparison/comparison.html.j2").render(
        title=f"{len(comparison.studies)} studies compared",
        policy=policy_of(plotly, draw),
        sections=sections,
        figures=finite(figures),
        plotly=plotly,
        draw=draw,
    )  # fmt: skip
