"""The live view: one panel that is redrawn in place, or quiet lines where there is no terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from rich.box import ROUNDED
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..records import Objective, Snapshot, TrialRow
from ..untrusted.screen import Screen
from .words import COLOURS, SAME, clean, clock, compare, foretell, last_words, show, span

LARGE = 100
"""From this number of trials on, a log gets a line every few seconds instead of one per trial."""

BORDER = 4
"""Columns of the panel's edges and what keeps its text off them."""

NARROW = 60
"""Columns below which addresses are cut: folded, they would fill the screen."""

MOST_BARS = 4
"""Running trials drawn with their own bar; the others are only counted."""


class LiveView:
    """The search as it happens; use it as a context manager, call ``update`` about twice a second.

    title: what is searched, such as "aegan-1 · aegan on exafs". results, tensorboard, dashboard: where to look, shown
    as they stand; an empty one is left out, and ``dashboard`` may be set later. every_s: seconds between two lines of a
    large study's log.
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
        self.dashboard = dashboard
        self.every_s = every_s
        self._live: Live | None = None
        self._earlier: int | None = None
        self._logged_at = float("-inf")
        self._logged: tuple[int, float | None] = (0, None)

    def __enter__(self) -> LiveView:
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True, vertical_overflow="crop")
            self._live.start()
        else:
            self.note(" · ".join(filter(None, [self.title, self.results])))
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
            self._live = None

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
        return f"{_of(snapshot)} done  {best}{clock(snapshot.elapsed_s)}"

    def _panel(self, snapshot: Snapshot) -> RenderableType:
        width = self.console.width - BORDER
        title = Text(clean(self.title), style="bold", overflow="fold")
        fits = title.cell_len <= width - 2  # a panel would cut a longer one
        lines: list[RenderableType] = [
            *([] if fits else [title]),
            self._total(snapshot),
            *_lines(width, self._counts(snapshot)),
            *_lines(width, self._scores(snapshot)),
        ]
        if snapshot.prospect:
            lines += _lines(width, [(foretell(snapshot.prospect), "dim")])
        if snapshot.running:
            lines += ["", self._running(snapshot, len(lines))]
        if self.results or self.tensorboard or self.dashboard:
            lines += ["", self._links()]
        return Panel(
            Group(*lines),
            title=title if fits else None,
            title_align="left",
            subtitle=self._pace(snapshot),
            subtitle_align="right",
            box=ROUNDED,
            border_style="yellow" if snapshot.stopping else "blue",
            padding=(0, 1),
        )

    def _total(self, snapshot: Snapshot) -> Table:
        grid = _grid(ratio=(1, None, None))
        grid.add_row(
            ProgressBar(total=1.0, completed=_share_done(snapshot), complete_style="green"),
            Text(f"{_of(snapshot)} trials", style="bold"),
            Text(f"{clock(snapshot.elapsed_s)} elapsed, {span(snapshot.left)} left"),
        )
        return grid

    def _counts(self, snapshot: Snapshot) -> Iterable[tuple[str, str]]:
        yield f"{len(snapshot.running)} running", "bold"
        for outcome, count in snapshot.outcomes.items():
            if count:
                yield f"{count} {outcome.replace('_', ' ')}", COLOURS[outcome]
        if snapshot.paused:
            yield f"{snapshot.paused} paused", "dim"

    def _pace(self, snapshot: Snapshot) -> Text:
        if snapshot.stopping:
            return Text("stopping: checkpoints are kept", style="bold yellow")
        if not snapshot.epochs or snapshot.elapsed_s <= 0:
            return Text("starting slots" if not snapshot.running else "first epochs")
        done = snapshot.finished - (self._earlier or 0)
        return Text(
            f"{done / snapshot.elapsed_s * 60:.1f} trials/min, {snapshot.epochs / snapshot.elapsed_s:.1f} epochs/s",
            style="default",
        )

    def _scores(self, snapshot: Snapshot) -> Iterable[tuple[str, str]]:
        best, baseline = snapshot.best, snapshot.baseline
        if best:
            yield f"best {self.objective.metric} {show(best.value)} (trial {best.trial})", "bold green"
        else:
            yield "no completed trial yet", "dim"
        if baseline is None:
            yield "published default still training", "dim"
        elif baseline.value is None:
            yield f"published default {baseline.outcome}", "yellow"
        else:
            ratio = compare(best.value, baseline.value) if best else ""
            beside = f"{ratio} {'as' if ratio == SAME else 'than'} the default" if ratio else "default"
            yield f"{beside} {show(baseline.value)}", ""

    def _running(self, snapshot: Snapshot, above: int) -> Table:
        """A bar per trial, as many as leave the panel its height. above: lines before them."""
        grid = _grid(ratio=(None, 1, None, None))
        most = min(MOST_BARS, self.console.height - 11) - (above - 3)
        for trial in snapshot.running[: max(1, most)]:
            again = f" attempt {trial.attempt}" if trial.attempt > 1 else ""
            grid.add_row(
                Text(f"trial {trial.number}{again}"),
                ProgressBar(total=max(trial.epochs, 1), completed=trial.epoch, complete_style="blue"),
                Text(f"{trial.epoch}/{trial.epochs} epochs", justify="right"),
                Text(show(trial.value), justify="right"),
            )
        return grid

    def _links(self) -> Table:
        grid = _grid(ratio=(None, 1))
        if self.console.width >= NARROW:
            grid.columns[1].no_wrap, grid.columns[1].overflow = False, "fold"  # one copies them
        for label, value in (
            ("results", self.results),
            ("tensorboard", self.tensorboard),
            ("ray dashboard", self.dashboard),
        ):
            if value:
                grid.add_row(Text(label, style="dim"), Text(clean(value)))
        return grid


def _of(snapshot: Snapshot) -> str:
    """Trials that have ended, of how many if that is known."""
    return f"{snapshot.finished}" if snapshot.trials is None else f"{snapshot.finished}/{snapshot.trials}"


def _share_done(snapshot: Snapshot) -> float:
    """How much of its budget the search has spent, from 0 to 1: of seconds of training or trials, else of its time."""
    spent = []
    if snapshot.train_limit_s is not None:
        spent.append(min(snapshot.trained_s / snapshot.train_limit_s, 1.0))
    if snapshot.trials is not None:
        spent.append(snapshot.finished / max(snapshot.trials, 1))
    if spent:
        return max(spent)
    whole_s = snapshot.elapsed_s + (snapshot.left.seconds if snapshot.left else 0.0)
    return snapshot.elapsed_s / whole_s if whole_s else 0.0


def _grid(ratio: Sequence[int | None]) -> Table:
    grid = Table.grid(padding=(0, 2), expand=True)
    for share in ratio:
        grid.add_column(ratio=share, no_wrap=True, overflow="ellipsis")
    return grid


def _lines(width: int, parts: Iterable[tuple[str, str]]) -> list[Text]:
    """Parts in a row, divided by dots, as many to a line as it holds whole; one that is wider is folded, never cut."""
    lines: list[Text] = []
    for part, style in parts:
        if lines and lines[-1].cell_len + 3 + cell_len(part) <= width:
            lines[-1].append(" · ", "dim").append(part, style)
        else:
            lines.append(Text(overflow="fold").append(part, style))
    return lines
