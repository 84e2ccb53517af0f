"""A report as one HTML file: it opens offline, runs only its own two scripts, and escapes whatever a study holds.

The content security policy names those scripts by their hashes and allows nothing else: no network, no ``eval``, no
inline handler. ``page.html.j2`` is the page and ``page.js`` draws its plots; jinja2 escapes every text of the study and
writes the figures as JSON in which ``<``, ``>`` and ``&`` are escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..display import clean, clock, last_words, name_trial, show, title
from ..ledger.ranking import is_ranked
from ..records import TrialRow
from .formats import finite
from .headline import headline
from .reading import Report

MOST_TRIALS = 50
"""Trials in the page's table; ``plots`` bounds its lines as well."""

FOLDER = Path(__file__).parent


class Row(NamedTuple):
    """A row of a table; ``mark`` is its class in the page's style."""

    cells: Sequence[str]
    mark: str = ""


class Table(NamedTuple):
    """A table of texts."""

    header: Sequence[str]
    rows: Sequence[Row]


def make_page(report: Report) -> str:
    """The whole page. About 5 MB, nearly all of it Plotly, whatever the study's size."""
    from plotly.offline import get_plotlyjs

    from .plots import figures_of

    plots = list(figures_of(report))
    figures = [{"id": f"plot-{plot.name}", "figure": json.loads(plot.figure.to_json())} for plot in plots]
    plotly, draw = get_plotlyjs(), (FOLDER / "page.js").read_text(encoding="utf-8")
    return environment().get_template("page.html.j2").render(
        report=report,
        spec=report.spec,
        policy=policy_of(plotly, draw),
        cards=headline(report),
        plots=plots,
        best=report.best and _configuration(report.best, report.baseline, report.tries),
        outcomes=_outcomes(report),
        trials=_trials(report),
        left_out=max(0, len(report.trials) - MOST_TRIALS),
        figures=finite(figures),
        plotly=plotly,
        draw=draw,
    )  # fmt: skip


def policy_of(*scripts: str) -> str:
    """The content security policy of a page that runs these scripts and nothing else."""
    hashes = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        f"img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def environment() -> Environment:
    """Templates of this folder, and of those below it by their paths; every text is escaped and cleaned."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        # Markup, which has __html__, is what a macro or a filter of jinja2's own has escaped already.
        finalize=lambda value: value if hasattr(value, "__html__") else clean(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False}
    return environment


def _configuration(best: TrialRow, baseline: TrialRow | None, tries: Mapping[int, str]) -> Table:
    """The best trial's values beside the published default's."""
    default = baseline.params if baseline else {}
    values = [
        (name, show(default.get(name)), show(best.params.get(name))) for name in dict.fromkeys([*default, *best.params])
    ]
    rows = [Row((name, old, new), "changed" if old != new else "") for name, old, new in values]
    return Table(("", "published default", name_trial(best.trial, tries)), rows)


def _outcomes(report: Report) -> Table:
    rows = [
        Row((outcome.replace("_", " "), str(count), outcome.advice), "words")
        for outcome, count in report.outcomes.items()
    ]
    return Table(("outcome", "trials", "what it means"), rows)


def _trials(report: Report) -> Table:
    names = [dimension.name for dimension in report.dimensions]
    others = [objective.metric for objective in report.spec.objectives[1:]]
    failed = any(row.error for row in report.trials[:MOST_TRIALS])
    rows = [
        Row(
            [
                str(rank) if is_ranked(row) else "",
                f"{row.trial}{_marks(report, row)}",
                show(row.value),
                *(show(row.metrics.get(metric)) for metric in others),
                row.outcome.replace("_", " "),
                clock(row.wall_s),
                *([last_words(row.error)] if failed else []),
                *(show(row.params.get(name)) for name in names),
            ],
            "best" if rank == 1 and report.best else "",
        )
        for rank, row in enumerate(report.trials[:MOST_TRIALS], start=1)
    ]
    error = ["error"] if failed else []
    return Table(["rank", "trial", report.objective.metric, *others, "outcome", "time", *error, *names], rows)


def _marks(report: Report, row: TrialRow) -> str:
    called = "default" if row.trial == 0 else title(row.trial, report.tries)
    return (called and f" ({called})") + (" (front)" if row in report.front else "")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
