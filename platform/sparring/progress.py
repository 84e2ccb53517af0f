"""What the search shows while it runs and when it ends: a live view in a terminal, quiet lines everywhere else.

Knows no Ray and no ledger: it draws ``Snapshot`` and ``TrialRow`` values. A terminal gets one panel that is redrawn in
place (at most 14 lines, 80 columns suffice); a pipe or a log file gets a line per finished trial, or in large studies a
line every few seconds, without a single escape code.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .records import Objective, Outcome, Snapshot, TrialRow

COLOURS: Mapping[Outcome, str] = {
    Outcome.COMPLETED: "green",
    Outcome.PRUNED: "yellow",
    Outcome.DIVERGED: "magenta",
    Outcome.COLLAPSED: "magenta",
    Outcome.INFEASIBLE: "magenta",
    Outcome.OUT_OF_MEMORY: "red",
    Outcome.TIMED_OUT: "red",
    Outcome.CRASHED: "bold red",
    Outcome.INTERRUPTED: "cyan",
}

LARGE = 100
"""From so many trials on, a log gets a line every few seconds instead of one per trial."""

SHOWN = 4
"""Running trials drawn with their own bar; the others are only counted."""


def clean(text: str) -> str:
    """One line without control characters, so that an exception's text cannot steer the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()


def show(value: Any) -> str:
    """A figure or hyperparameter in four significant digits; a missing one as a dash."""
    if value is None or value == "":
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value))


def compare(best: float | None, baseline: float | None, goal: str) -> str:
    """How many times better than the published default, in words; empty where a ratio says nothing."""
    if best is None or baseline is None or best <= 0 or baseline <= 0:
        return ""
    ratio, word = (baseline / best, "lower") if goal == "minimize" else (best / baseline, "higher")
    return f"{ratio:.3g} times {word}" if ratio != 1 else ""


def clock(seconds: float | None) -> str:
    """Seconds as m:ss or h:mm:ss."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


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
        self.console = console or Console()
        self.title, self.objective = title, objective
        self.results, self.tensorboard, self.dashboard = results, tensorboard, dashboard
        self.every_s = every_s
        self._live: Live | None = None
        self._earlier: int | None = None
        self._said_at = float("-inf")
        self._said: tuple[int, float | None] = (0, None)

    def __enter__(self) -> LiveView:
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True, vertical_overflow="crop")
            self._live.start()
        else:
            self.note(" · ".join(filter(None, [self.title, self.results])))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
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
        if snapshot.trials < LARGE:
            for row in finished:
                self.note(self._trial_line(row, snapshot))
            return
        best = snapshot.best.value if snapshot.best else None
        last = snapshot.finished == snapshot.trials
        if (snapshot.finished, best) == self._said:
            return
        if best != self._said[1] or last or time.monotonic() - self._said_at >= self.every_s:
            self._said, self._said_at = (snapshot.finished, best), time.monotonic()
            counts = ", ".join(f"{count} {outcome}" for outcome, count in snapshot.outcomes.items() if count)
            self.note(f"{self._standing(snapshot)}  ({counts})  {clock(snapshot.left_s)} left")

    def _trial_line(self, row: TrialRow, snapshot: Snapshot) -> str:
        figure = ""
        if row.value is not None:
            figure = f"{self.objective.metric} {show(row.value)} (epoch {row.best_epoch})  "
        cause = f"{clean(row.error)[:120]}  " if row.error else ""
        return f"trial {row.trial} {row.outcome}  {figure}{cause}{self._standing(snapshot)}"

    def _standing(self, snapshot: Snapshot) -> str:
        best = f"best {show(snapshot.best.value)} (trial {snapshot.best.trial})  " if snapshot.best else ""
        return f"{snapshot.finished}/{snapshot.trials} done  {best}{clock(snapshot.elapsed_s)}"

    def _panel(self, snapshot: Snapshot) -> RenderableType:
        lines: list[RenderableType] = [
            self._total(snapshot),
            _line(*self._counts(snapshot)),
            _line(*self._scores(snapshot)),
        ]
        if snapshot.running:
            lines += ["", self._running(snapshot)]
        if self.results or self.tensorboard or self.dashboard:
            lines += ["", self._links()]
        return Panel(
            Group(*lines),
            title=Text(clean(self.title), style="bold"),
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
            ProgressBar(total=max(snapshot.trials, 1), completed=snapshot.finished, complete_style="green"),
            Text(f"{snapshot.finished}/{snapshot.trials} trials", style="bold"),
            Text(f"{clock(snapshot.elapsed_s)} elapsed, {clock(snapshot.left_s)} left"),
        )
        return grid

    def _counts(self, snapshot: Snapshot) -> Iterable[tuple[str, str]]:
        yield f"{len(snapshot.running)} running", "bold"
        for outcome, count in snapshot.outcomes.items():
            if count:
                yield f"{count} {outcome.replace('_', ' ')}", COLOURS[outcome]

    def _pace(self, snapshot: Snapshot) -> Text:
        if snapshot.stopping:
            return Text("stopping: checkpoints are kept", style="bold yellow")
        if snapshot.elapsed_s <= 0:
            return Text("starting")
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
            ratio = compare(best.value, baseline.value, self.objective.goal) if best else ""
            yield f"{ratio} than the default {show(baseline.value)}" if ratio else f"default {show(baseline.value)}", ""

    def _running(self, snapshot: Snapshot) -> Table:
        grid = _grid(ratio=(None, 1, None, None))
        for trial in snapshot.running[: max(1, min(SHOWN, self.console.height - 11))]:
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
        for label, value in (
            ("results", self.results),
            ("tensorboard", self.tensorboard),
            ("ray dashboard", self.dashboard),
        ):
            if value:
                grid.add_row(Text(label, style="dim"), Text(clean(value)))
        return grid


def print_summary(
    console: Console,
    *,
    study: str,
    objective: Objective,
    best: TrialRow | None,
    baseline: TrialRow | None,
    outcomes: Mapping[Outcome, int],
    folder: Path,
    dashboard: str = "",
) -> None:
    """What the search found and where it lies: the best configuration beside the published default, and what next.

    study: what the next commands take, the study's name and, where it is not the default, ``--results DIR``.
    """
    counts = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in outcomes.items() if count)
    console.print()
    console.print(_line((clean(study), "bold"), (counts or "no trial finished", "")), soft_wrap=True)
    if best is None:
        for outcome, count in outcomes.items():
            console.print(Text(f"  {count} {outcome.replace('_', ' ')}: {outcome.advice}"), soft_wrap=True)
    else:
        console.print(_comparison(objective, best, baseline))
        console.print()
        if baseline and best.trial == baseline.trial:
            console.print("No trial beat the published default; more trials or a wider space may.\n", soft_wrap=True)
    ascending = "" if objective.goal == "minimize" else ", ascending=False"
    lines = [
        ("Parquet", f"{folder}/trials, {folder}/epochs"),
        ("pandas", f'pandas.read_parquet({str(folder / "trials")!r}).sort_values("value"{ascending})'),
        ("TensorBoard", f"tensorboard --logdir {shlex.quote(str(folder / 'tensorboard'))}"),
        ("Ray dashboard", f"{dashboard} (while Ray runs)" if dashboard else ""),
        ("Next", f"sparring report {study}"),
        ("", f"sparring best {study} -o best.toml" if best else ""),
    ]
    for label, value in lines:
        if value:
            console.print(Text.assemble((f"{label:<14}", "bold cyan"), clean(value)), soft_wrap=True)


def _comparison(objective: Objective, best: TrialRow, baseline: TrialRow | None) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("")
    table.add_column("published default", justify="right")
    table.add_column(f"best: trial {best.trial}", justify="right")
    table.add_column("")
    default = baseline.params if baseline else {}
    for name in dict.fromkeys([*default, *best.params]):
        old, new = default.get(name), best.params.get(name)
        changed = show(old) != show(new)
        table.add_row(
            Text(clean(name), style="" if changed else "dim"),
            Text(show(old), style="" if changed else "dim"),
            Text(show(new), style="bold green" if changed else "dim"),
        )
    table.add_section()
    figures: dict[str, float | None] = {objective.metric: best.value}
    figures |= {name: value for name, value in best.metrics.items() if name.startswith("val/")}
    known: dict[str, float | None] = {}
    if baseline:
        known = {**baseline.metrics, objective.metric: baseline.value}
    for name, value in figures.items():
        chosen = "bold" if name == objective.metric else ""
        ratio = compare(value, known.get(name), objective.goal)
        table.add_row(Text(clean(name), style=chosen), show(known.get(name)), Text(show(value), style=chosen), ratio)
    return table


def _grid(ratio: Sequence[int | None]) -> Table:
    grid = Table.grid(padding=(0, 2), expand=True)
    for share in ratio:
        grid.add_column(ratio=share, no_wrap=True, overflow="ellipsis")
    return grid


def _line(*parts: tuple[str, str]) -> Text:
    """Parts in a row, divided by dots, cut with an ellipsis where the terminal ends."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for part, style in parts:
        if part:
            line.append(" · " if line else "", "dim").append(part, style)
    return line
