"""What more trials would bring, in the report: the sentence that says what the figures mean, and their plot."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from ..ledger.prospects import (
    INTERVAL,
    LEAST_COMPLETED,
    LEAST_DRAWN,
    Best,
    drawn_values,
    expected_bests,
    prospect,
)
from ..ledger.ranking import is_ranked
from .reading import Report

INDEPENDENT = ("random", "qmc")
"""Samplers that learn nothing from the trials."""

SOLID, DASHED, SHADE = "#1a7f5a", "#c9a227", {"#1a7f5a": "rgba(26,127,90,0.15)", "#c9a227": "rgba(201,162,39,0.2)"}


def prospect_sentence(report: Report) -> str:
    """How the expected best was found, and how far to trust it; or that too few trials have ended. Empty where there
    is nothing to foretell."""
    if not report.is_endless:
        return ""
    count = len(drawn_values(report.drawn, report.objective, report.known))
    if report.prospect is None:
        completed = sum(row.trial >= report.known and is_ranked(row) for row in report.drawn)
        return (
            f"what more trials would bring can be said after {LEAST_DRAWN} drawn trials, {LEAST_COMPLETED} of them "
            f"completed; so far it is {count}, {completed} of them completed"
        )
    start = (
        f"Expected best of n, with its interval of {INTERVAL:.0%}, from the {count} drawn trials that ended: a stopped "
        f"one counts with what it had reached, and the tail of the best is extended beyond them"
    )
    if report.spec.sampler in INDEPENDENT:
        return start
    return f"{start}. They are no independent sample, for {report.spec.sampler} learns from them: read it as a guide"


def draw_prospects(report: Report, figure: go.Figure) -> go.Figure:
    """The expected best of 1 to N trials, and of up to as many more, each with its band."""
    objective, best = report.objective, report.best
    values = drawn_values(report.drawn, objective, report.known)
    reached = expected_bests(values, objective)
    figure.update_layout(xaxis_title="drawn trials", yaxis_title=escape(objective.metric), hovermode="x")
    _add_band(figure, reached, "expected best of so many", SOLID)
    foretold = [Best(len(values), *(best.value,) * 3)] if best is not None and best.value is not None else []
    for more in sorted({round(len(values) * share / 8) for share in range(1, 9)}):
        each = prospect(report.drawn, objective, known=report.known, best=best, trials=more)
        if each is not None:
            foretold.append(Best(len(values) + more, each.expected, each.low, each.high))
    _add_band(figure, foretold, "best so far, and with so many more", DASHED)
    ends = [best.expected for best in [*reached, *foretold]]
    if ends and min(ends) > 0 and max(ends) > 10 * min(ends):
        figure.update_yaxes(type="log")
    return figure


def _add_band(figure: go.Figure, line: Sequence[Best], name: str, colour: str) -> None:
    x = [each.trials for each in line]
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=[each.high for each in line], **edge)
    figure.add_scatter(x=x, y=[each.low for each in line], fill="tonexty", fillcolor=SHADE[colour], **edge)
    dash = "solid" if colour == SOLID else "dash"
    expected = [each.expected for each in line]
    figure.add_scatter(x=x, y=expected, mode="lines", name=name, line={"color": colour, "width": 2, "dash": dash})
