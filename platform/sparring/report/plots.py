"""The plots of a report's page, as Plotly figures.

All are drawn as SVG. Plotly reads tags in labels, so every text from the study is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import NamedTuple

import plotly.graph_objects as go
import pyarrow.compute as pc

from ..display import foretell, name_trial
from ..ledger import read_epochs
from ..ledger.ranking import is_ranked
from ..records import Outcome, TrialRow
from .figures import new_figure as _figure
from .figures import scale_of as _scale
from .parallel import AXES, LINES, draw_parallel
from .prospects import draw_prospects, prospect_sentence
from .reading import Report
from .seconds import STAGES, stages, timed, timing_sentence


class Plot(NamedTuple):
    """A figure and what stands above it."""

    name: str
    figure: go.Figure
    heading: str
    sentence: str


CURVES = 8
"""Learning curves of the best trials; the published default has one besides."""

TIMED = 200
"""Trials whose seconds are drawn."""

_COLOURS = {Outcome.COMPLETED: "#1a7f5a", Outcome.PRUNED: "#c9a227"}


def figures_of(report: Report) -> Iterator[Plot]:
    """Every plot that has something to show."""
    if any(row.value is not None for row in report.trials):
        yield Plot("history", _history(report), "History", "Every trial's best value, in the order they began")
    if report.front:
        words = "Completed trials by the first objective and another; no other beats one of the front in all of them"
        yield Plot("front", _front(report), "Front", words)
    if report.importance.factors:
        sentence = report.importance.sentence
        yield Plot("importance", _importance(report), "What mattered", sentence[:1].upper() + sentence[1:])
    if report.best:
        words = (
            f"The {AXES} that mattered most, at most {LINES} trials; the greener the better, the thick line is the best"
        )
        figure = _figure(460, showlegend=False, hovermode="closest", yaxis={"visible": False, "range": [-0.22, 1.1]})
        yield Plot("parallel", draw_parallel(report, figure), "Parallel coordinates", words)
        curves = _curves(report)
        if curves.data:
            words = f"The objective by epoch: the best {CURVES} completed trials and the published default"
            yield Plot("curves", curves, "Learning curves", words)
    if report.prospect:
        words = f"{foretell(report.prospect)}. {prospect_sentence(report)}"
        yield Plot("prospects", draw_prospects(report, _figure(380)), "What more trials would bring", words)
    if rows := timed(report.trials):
        words = f"{timing_sentence(report.trials)}; at most the last {TIMED}"
        yield Plot("seconds", _seconds(rows), "Where the seconds went", words)


def _history(report: Report) -> go.Figure:
    sign, metric = report.objective.sign, report.objective.metric
    rows = sorted((row for row in report.trials if row.value is not None), key=lambda row: row.trial)
    axis = {"title": escape(metric), "type": _scale([row.value or 0.0 for row in rows])}
    figure = _figure(420, xaxis_title="trial", yaxis=axis, hovermode="closest")
    for outcome in dict.fromkeys(row.outcome for row in rows):
        ended_so = [row for row in rows if row.outcome is outcome]
        figure.add_scatter(
            x=[row.trial for row in ended_so],
            y=[row.value for row in ended_so],
            mode="markers",
            name=outcome.replace("_", " "),
            marker={"color": _COLOURS.get(outcome, "#8d99a6"), "size": 8, "opacity": 0.85},
            text=[f"epoch {row.best_epoch} of {row.epochs}" for row in ended_so],
        )
    completed = [row for row in rows if is_ranked(row)]
    best = [sign * value for value in accumulate((sign * (row.value or 0.0) for row in completed), min)]
    line = {"color": "#1a7f5a", "width": 2, "shape": "hv"}
    figure.add_scatter(x=[row.trial for row in completed], y=best, mode="lines", name="best so far", line=line)
    baseline = report.baseline.value if report.baseline else None
    marks = [("published default", baseline, "#2563a8")]
    marks += [(yardstick.name, yardstick.figure(metric), "#8d99a6") for yardstick in report.yardsticks]
    styles = ("dash", *("dot", "dashdot", "longdash", "longdashdot") * 2)
    for (name, value, colour), dash in zip(marks, styles, strict=False):
        if value is not None:
            ends = [-0.5, max(row.trial for row in rows) + 0.5]
            line = {"color": colour, "width": 1.2, "dash": dash}
            figure.add_scatter(x=ends, y=[value, value], mode="lines", name=escape(f"{name} {value:.3g}"), line=line)
    return figure


def _front(report: Report) -> go.Figure:
    """The first objective against each other one, side by side."""
    first, *others = report.spec.objectives
    completed = [row for row in report.trials if is_ranked(row)]
    figure = _figure(420, hovermode="closest")
    figure.set_subplots(1, len(others), horizontal_spacing=0.1)
    groups = {
        "completed": (completed, {"color": "#b9c2cc", "size": 7}, "markers"),
        "front": (list(report.front), {"color": "#1a7f5a", "size": 10}, "markers+lines"),
        "published default": (
            [row for row in completed if row.trial == 0],
            {"color": "#2563a8", "size": 11},
            "markers",
        ),
    }
    for column, objective in enumerate(others, start=1):
        for name, (rows, marker, mode) in groups.items():
            figure.add_scatter(
                x=[row.value for row in rows],
                y=[row.metrics[objective.metric] for row in rows],
                text=[escape(name_trial(row.trial, report.tries), quote=False) for row in rows],
                mode=mode if len(others) == 1 else "markers",  # a line of more dimensions crosses itself
                marker=marker,
                line={"color": "#1a7f5a", "width": 1.2, "dash": "dot"},
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                row=1,
                col=column,
            )
        for axis, metric, values in (
            ("xaxis", first.metric, [row.value or 0.0 for row in completed]),
            ("yaxis", objective.metric, [row.metrics[objective.metric] for row in completed]),
        ):
            figure.update_layout(
                {f"{axis}{column if column > 1 else ''}": {"title": escape(metric), "type": _scale(values)}}
            )
    return figure


def _importance(report: Report) -> go.Figure:
    factors = report.importance.factors[::-1]
    figure = _figure(90 + 24 * len(factors), xaxis_title="share of the ranks' variance")
    figure.update_layout(margin_l=170)
    figure.add_bar(
        x=[factor.share for factor in factors],
        y=[escape(factor.name) for factor in factors],
        orientation="h",
        error_x={"type": "data", "array": [factor.spread for factor in factors], "color": "#8d99a6", "thickness": 1},
        marker_color="#2563a8",
        text=[escape(factor.best) for factor in factors],
        textposition="none",
        hovertemplate="%{x:.2f}, in the best quarter: %{text}<extra>%{y}</extra>",
    )
    return figure


def _seconds(rows: Sequence[TrialRow]) -> go.Figure:
    """A bar per trial, stacked of where its seconds went. rows: timed ones."""
    last = sorted(rows, key=lambda row: row.trial)[-TIMED:]
    figure = _figure(340, xaxis_title="trial", yaxis_title="seconds", barmode="stack", bargap=0.1)
    colours = ("#c9a227", "#7a5ea8", "#1a7f5a", "#2563a8", "#a33a1f")
    for (name, said), colour, stage in zip(STAGES.items(), colours, stages(rows), strict=True):
        if stage.seconds:
            figure.add_bar(
                x=[row.trial for row in last],
                y=[getattr(row, name) for row in last],
                name=f"{said} {stage.share:.1%}",
                marker_color=colour,
                hovertemplate="trial %{x}: %{y:.2f} s<extra>" + said + "</extra>",
            )
    return figure


def _curves(report: Report) -> go.Figure:
    metric = report.objective.metric
    chosen = [row for row in report.trials if is_ranked(row)][:CURVES]
    if report.baseline and report.baseline not in chosen:
        chosen.append(report.baseline)
    points = _epochs(report, [row.trial for row in chosen])
    scale = _scale([value for curve in points.values() for value in curve.values()])
    figure = _figure(420, xaxis_title="epoch", yaxis={"title": escape(metric), "type": scale})
    for row in chosen:
        curve = points.get(row.trial, {})
        if curve:
            name = escape(name_trial(row.trial, report.tries), quote=False)
            line = (
                {"dash": "dot", "color": "#2563a8"} if row.trial == 0 else {"width": 3 if row is report.best else 1.5}
            )
            figure.add_scatter(
                x=sorted(curve), y=[curve[key] for key in sorted(curve)], name=name, mode="lines", line=line
            )
    return figure


def _epochs(report: Report, trials: Sequence[int]) -> Mapping[int, dict[int, float]]:
    """Trial -> epoch -> objective; of an epoch that several attempts trained, the last one's."""
    wanted = pc.field("trial").isin(list(trials)) & (pc.field("metric") == report.objective.metric)
    table = read_epochs(report.folder, wanted).table.sort_by("attempt")
    curves: dict[int, dict[int, float]] = {}
    for trial, epoch, value in zip(*(table[name].to_pylist() for name in ("trial", "epoch", "value")), strict=True):
        if value is not None and math.isfinite(value):
            curves.setdefault(trial, {})[epoch] = value
    return curves
