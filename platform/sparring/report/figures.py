"""What every plot has in common: its look, and whether an axis is logarithmic."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go


def new_figure(height: int, **layout: object) -> go.Figure:
    """An empty one. height: pixels; layout: Plotly's own words."""
    look = {"template": "plotly_white", "height": height, "margin": {"l": 60, "r": 20, "t": 40, "b": 50}}
    return go.Figure(layout={**look, "font": {"family": "system-ui, sans-serif", "size": 13}, **layout})


def scale_of(values: Sequence[float]) -> str:
    """A logarithmic axis where the values span more than a decade."""
    return "log" if values and min(values) > 0 and max(values) > 10 * min(values) else "linear"
