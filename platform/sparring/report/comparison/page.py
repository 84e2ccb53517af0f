"""A comparison as one HTML file, which opens offline; it looks, draws and is guarded as a study's page is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ...display import clean
from ..dashboard.document import DRAWING, assemble
from ..formats import finite
from .curves import Plot, curves_of
from .parts import Part, parts_of
from .reading import Comparison

FOLDER = Path(__file__).parent


class Section(NamedTuple):
    """A part of the comparison, and the plots under it."""

    part: Part
    plots: Sequence[Plot]


def make_page(comparison: Comparison) -> str:
    """The whole page, some 25 kB and the studies' lines."""
    plots = {
        group: list(curves_of(group, f"group-{number}")) for number, group in enumerate(comparison.groups)
    }  # fmt: skip
    sections = [Section(part, plots.get(part.of, [])) for part in parts_of(comparison)]
    drawn = {"plots": [plot._asdict() for several in plots.values() for plot in several]}
    title = f"{len(comparison.studies)} studies compared"
    body = _environment().get_template("comparison.html.j2").render(title=title, sections=sections)
    data = cast("dict[str, object]", finite(drawn))
    return assemble(title, body, (*DRAWING, FOLDER / "curves.js"), data)[0]


def _environment() -> Environment:
    """Templates of this folder; every text is escaped and cleaned."""
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: clean(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
