"""The live view: one panel that is redrawn in place, or quiet lines where there is no terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from ..records import Objective, Snapshot, TrialRow
from ..untrusted.screen import Screen
from .echo import no_echo_of_control
from .panel import Findings, draw_panel, trials_of
from .words import clean, clock, foretell, last_words, show, span

LARGE = 100
"""From this number of trials on, a log gets a line every few seconds instead of one per trial."""

CLAIM_S = 60.0
"""Seconds between two lines of a log that say what may be claimed so far."""


class LiveView:
    """The search as it happens; use it as a context manager, call ``update`` about twice a second.

    title: what is searched, such as "aegan-1 · aegan on exafs". results, tensorboard, dashboard: where to look, shown
    as they stand; an empty one is left out. every_s: seconds between two lines of a large study's log. ``findings`` may
    be changed while it shows.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        title: str,
        objective: Objective,
        results: str = "",
        tensorboard: str = "",
        dashboard: str = "",
        every_s: float = 10.0,
    ) -> None:
        self.console = console or Screen()
        self.title, self.objective = title, objective
        here = f"{Path.cwd()}{os.sep}"  # long absolute paths would be cut off at the panel's edge
        self.results, self.tensorboard = results.replace(here, ""), tensorboard.replace(here, "")
        links = {"results": self.results, "tensorboard": self.tensorboard, "ray dashboard": dashboard}
        self.findings = Findings(links=links)
        self.every_s = every_s
        self._live: Live | None = None
        self._echo = ExitStack()
        self._earlier: int | None = None
        self._logged_at = float("-inf")
        self._claimed, self._claimed_at = "", 0.0
        self._logged: tuple[int, float | None] = (0, None)

    def __enter__(self) -> LiveView:
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True, vertical_overflow="crop")
            self._live.start()
            self._echo.enter_context(no_echo_of_control())
        else:
            self.note(" · ".join(filter(None, [self.title, self.results])))
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
            self._live = None
        self._echo.close()

    def update(self, snapshot: Snapshot, finished: Sequence[TrialRow] = ()) -> None:
        """Shows the search as it is now. finished: the trials that ended since the last call, for the line mode."""
        if self._earlier is None:
            # A resumed study arrives with finished trials; they say nothing about this session's speed.
            self._earlier = snapshot.finished - len(finished)
        if self._live:
            self._live.update(self._panel(snapshot), refresh=True)
        else:
            self._log(snapshot, finished)

    def note(self, line: str) -> None:
        """Says one line above the panel, or in the log."""
        self.console.print(Text(clean(line)), soft_wrap=True)

    def _log(self, snapshot: Snapshot, finished: Sequence[TrialRow]) -> None:
        self._log_rows(snapshot, finished)
        # What a terminal sees all the time, now and then; the first minute has little to say.
        claim, now = self.findings.claim, snapshot.elapsed_s
        if claim and claim != self._claimed and now - self._claimed_at >= CLAIM_S:
            self._claimed, self._claimed_at = claim, now
            self.note("  ".join([claim, *([foretell(snapshot.prospect)] if snapshot.prospect else [])]))

    def _log_rows(self, snapshot: Snapshot, finished: Sequence[TrialRow]) -> None:
        if (snapshot.trials or 0) < LARGE:
            for row in finished:
                self.note(self._trial_line(row, snapshot))
            return
        best = snapshot.best.value if snapshot.best else None
        last = snapshot.finished == snapshot.trials
        if (snapshot.finished, best) == self._logged:
            return
        if best != self._logged[1] or last or time.monotonic() - self._logged_at >= self.every_s:
            self._logged, self._logged_at = (snapshot.finished, best), time.monotonic()
            counts = ", ".join(f"{count} {outcome}" for outcome, count in snapshot.outcomes.items() if count)
            self.note(f"{self._standing(snapshot)}  ({counts})  {span(snapshot.left)} left")

    def _trial_line(self, row: TrialRow, snapshot: Snapshot) -> str:
        figure = ""
        if row.value is not None:
            figure = f"{self.objective.metric} {show(row.value)} (epoch {row.best_epoch})  "
        cause = f"{last_words(row.error)}  " if row.error else ""
        return f"trial {row.trial} {row.outcome}  {figure}{cause}{self._standing(snapshot)}"

    def _standing(self, snapshot: Snapshot) -> str:
        best = f"best {show(snapshot.best.value)} (trial {snapshot.best.trial})  " if snapshot.best else ""
        return f"{trials_of(snapshot)} done  {best}{clock(snapshot.elapsed_s)}"

    def _panel(self, snapshot: Snapshot) -> Panel:
        return draw_panel(
            snapshot, self.findings, title=self.title, objective=self.objective, earlier=self._earlier or 0,
            width=self.console.width, height=self.console.height,
        )  # fmt: skip
