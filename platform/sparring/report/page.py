"""A report as one HTML file: it opens offline, runs only its own two scripts, and escapes whatever a study holds.

The content security policy names those scripts by their hashes and allows nothing else: no network, no ``eval``, no
inline handler. Text from the study reaches the page through ``html.escape``, figures as JSON in which ``<``, ``>`` and
``&`` are escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ..display import clean, clock, compare, last_words, show
from ..ledger.ranking import is_ranked
from .reading import Report

if TYPE_CHECKING:
    from .plots import Plot

SHOWN = 50
"""Trials in the page's table; ``plots`` bounds its lines as well."""

_DRAW = """
for (const each of JSON.parse(document.getElementById("figures").textContent)) {
  // The buttons are listed because Plotly's own list has one that sends the data to its makers' site.
  Plotly.newPlot(each.id, each.figure.data, each.figure.layout, {responsive: true, displaylogo: false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]]});
}
"""
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 2rem auto; max-width: 1080px;
  padding: 0 1rem; }
h1 { margin: 0; font-size: 1.7rem; } h2 { margin: 2.5rem 0 .3rem; font-size: 1.15rem; }
p { margin: .3rem 0; max-width: 50rem; } .dim { color: #5c6773; } .warn { color: #a33a1f; font-weight: 600; }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0; }
.card { border: 1px solid #dfe4ea; border-radius: 8px; padding: .7rem 1.1rem; min-width: 9rem; }
.card b { display: block; font-size: 1.5rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .25rem .8rem .25rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #eef1f4; }
th { color: #5c6773; font-weight: 600; } th:first-child, td:first-child { text-align: left; }
tr.changed td:last-child { color: #1a7f5a; font-weight: 600; } tr.best td { font-weight: 600; }
tr.words td:last-child { text-align: left; }
"""


def make_page(report: Report) -> str:
    """The whole page. About 5 MB, nearly all of it Plotly, whatever the study's size."""
    from plotly.offline import get_plotlyjs

    from .plots import figures_of

    plots = list(figures_of(report))
    figures = [{"id": f"plot-{name}", "figure": json.loads(figure.to_json())} for name, figure, _ in plots]
    data = json.dumps(_plain(figures), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    plotly = get_plotlyjs()
    policy = (
        f"default-src 'none'; script-src {_hash(plotly)} {_hash(_DRAW)}; style-src 'unsafe-inline'; "
        f"img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(report.spec.name)}</title><style>{_STYLE}</style></head><body>",
            *_body(report, plots),
            f'<script id="figures" type="application/json">{data}</script>',
            f"<script>{plotly}</script>",
            f"<script>{_DRAW}</script>",
            "</body></html>\n",
        ]
    )


def _body(report: Report, plots: Sequence[Plot]) -> Iterator[str]:
    spec, best, baseline = report.spec, report.best, report.baseline
    yield f"<h1>{_text(spec.name)}</h1>"
    yield f'<p class="dim">{_text(spec.model)} on {_text(spec.dataset)}, split {_text(spec.split)}</p>'
    yield '<div class="cards">'
    yield _card(f"best {report.objective.metric}", show(best and best.value))
    yield _card("published default", show(baseline and baseline.value))
    if best and baseline and (ratio := compare(best.value, baseline.value)):
        yield _card("than the default", ratio)
    if report.rivals:
        first = report.rivals[0]
        yield _card(f"best yardstick: {first.name}", show(first.figure(report.objective.metric)))
    yield _card("trials finished", str(len(report.trials)))
    yield "</div>"
    if report.verdict:
        yield f'<p class="{"warn" if report.stronger else ""}">{_text(report.verdict)}</p>'
    for note in report.notes:
        yield f'<p class="warn">{_text(note)}</p>'
    for name, figure, (title, words) in plots:
        yield f'<h2>{title}</h2><p class="dim">{_text(words[:1].upper() + words[1:])}.</p>'
        yield f'<div id="plot-{name}" style="height:{figure.layout.height}px"></div>'
    if best:
        yield "<h2>Best configuration</h2>"
        default = baseline.params if baseline else {}
        names = dict.fromkeys([*default, *best.params])
        rows = [[name, show(default.get(name)), show(best.params.get(name))] for name in names]
        marks = ["changed" if old != new else "" for _, old, new in rows]
        yield _table(["", "published default", f"trial {best.trial}"], rows, marks)
    yield "<h2>Outcomes</h2>"
    counts = [[outcome.replace("_", " "), str(count), outcome.advice] for outcome, count in report.outcomes.items()]
    yield _table(["outcome", "trials", "what it means"], counts, ["words"] * len(counts))
    yield "<h2>Trials</h2>"
    yield _trials(report)


def _trials(report: Report) -> str:
    names = [dimension.name for dimension in report.dimensions]
    others = [objective.metric for objective in report.spec.objectives[1:]]
    failed = any(row.error for row in report.trials[:SHOWN])
    rows = [
        [
            str(index) if is_ranked(row) else "",
            f"{row.trial}{' (default)' if row.trial == 0 else ''}{' (front)' if row in report.front else ''}",
            show(row.value),
            *(show(row.metrics.get(metric)) for metric in others),
            row.outcome.replace("_", " "),
            clock(row.wall_s),
            *([last_words(row.error)] if failed else []),
            *(show(row.params.get(name)) for name in names),
        ]
        for index, row in enumerate(report.trials[:SHOWN], start=1)
    ]
    header = [
        "rank",
        "trial",
        report.objective.metric,
        *others,
        "outcome",
        "time",
        *(["error"] if failed else []),
        *names,
    ]
    more = len(report.trials) - len(rows)
    rest = f'<p class="dim">and {more} more; sparring report --format csv has them all</p>' if more else ""
    return _table(header, rows, ["best" if report.best else ""]) + rest


def _card(label: str, value: str) -> str:
    return f'<div class="card"><b>{_text(value)}</b><span class="dim">{_text(label)}</span></div>'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], marks: Sequence[str] = ()) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
    marks = [*marks, *[""] * (len(rows) - len(marks))]
    body = "".join(
        f'<tr class="{mark}">{"".join(f"<td>{_text(cell)}</td>" for cell in row)}</tr>'
        for row, mark in zip(rows, marks, strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(value: str) -> str:
    return escape(clean(value))


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _plain(value: Any) -> Any:
    """JSON that has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
