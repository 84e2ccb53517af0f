"""The live view in a notebook: one table in the cell's output that is rewritten in place.

IPython is there wherever a notebook is; nothing here imports it anywhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from html import escape
from types import TracebackType
from typing import Any

from rich.console import Console

from ..records import Snapshot, TrialRow
from .live import LiveView
from .panel import counts, health, outlook, scores
from .words import clean, last_words, show, span

MOST_ROWS = 12
"""Ended trials in the table, the best first."""


def is_notebook() -> bool:
    """Does a notebook run this program, whose cells show HTML?"""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def open_view(console: Console, **options: Any) -> LiveView:
    """The live view for whoever looks: a notebook's table, a terminal's panel, or lines. options: LiveView's."""
    return (NotebookView if is_notebook() and not console.quiet else LiveView)(console, **options)


class NotebookView(LiveView):
    """A LiveView whose panel is a table of a notebook's cell. It stays when the search has ended."""

    _shown: Any = None
    _written = ""

    def __enter__(self) -> NotebookView:
        self._ended: dict[int, TrialRow] = {}
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing: the last table is the record."""

    def update(self, snapshot: Snapshot, finished: Sequence[TrialRow] = ()) -> None:
        for row in (snapshot.baseline, snapshot.best, *finished):
            if row is not None:
                self._ended[row.trial] = row
        page, words = "".join(self._page(snapshot)), self._standing(snapshot)
        if page == self._written:
            return
        self._written, content = page, {"text/html": page, "text/plain": words}
        if self._shown is None:
            self._shown = sys.modules["IPython.display"].display(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)

    def _page(self, snapshot: Snapshot) -> Iterator[str]:
        state = "stopping" if snapshot.stopping else "" if snapshot.running else "no trial in training"
        left = f"{span(snapshot.left)} left" if snapshot.running else ""
        yield f"<p><b>{_text(self.title)}</b><br>"
        yield _dots(self._standing(snapshot), left, state)
        for parts in (
            counts(snapshot),
            scores(snapshot, self.findings, self.objective),
            outlook(snapshot, self.findings),
            health(snapshot),
        ):
            if line := _dots(*(words for words, _ in parts)):
                yield f"<br>{line}"
        yield "</p><table><thead><tr>"
        names = list(dict.fromkeys(name for row in self._rows(snapshot) for name in row.params))
        for heading in ("trial", "state", "epochs", self.objective.metric, *names):
            yield f'<th style="text-align:left">{_text(heading)}</th>'
        yield "</tr></thead><tbody>"
        for trial in snapshot.running:
            share = f"<progress max='{trial.epochs}' value='{trial.epoch}'></progress> {trial.epoch}/{trial.epochs}"
            yield _row(str(trial.number), "in training", share, show(trial.value), *("" for _ in names))
        for row in self._rows(snapshot):
            is_best = snapshot.best is not None and row.trial == snapshot.best.trial
            number = f"{row.trial}{', default' if row.trial == 0 else ''}{', best' if is_best else ''}"
            how = row.outcome.replace("_", " ") + (f": {last_words(row.error)}" if row.error else "")
            values = (show(row.params.get(name)) for name in names)
            yield _row(number, _text(how), str(row.epochs), show(row.value), *map(_text, values), is_bold=is_best)
        yield "</tbody></table>"
        if (hidden := snapshot.finished - len(self._rows(snapshot))) > 0:
            yield f"<p>{hidden} more, in the study's <code>.trials</code></p>"

    def _rows(self, snapshot: Snapshot) -> list[TrialRow]:
        sign = self.objective.sign
        ranked = sorted(self._ended.values(), key=lambda row: (row.value is None, sign * (row.value or 0.0), row.trial))
        return ranked[:MOST_ROWS]


def _row(*cells: str, is_bold: bool = False) -> str:
    begin = f'<td style="text-align:left{";font-weight:bold" if is_bold else ""}">'
    return f"<tr>{''.join(f'{begin}{cell}</td>' for cell in cells)}</tr>"


def _dots(*parts: str) -> str:
    return " · ".join(_text(part) for part in parts if part)


def _text(words: str) -> str:
    return escape(clean(words))
