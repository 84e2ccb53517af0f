"""The race as it happens: which trials are trained again on fresh seeds, what each has reached, what that allows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.text import Text

from ..records import REFIT, Objective, Retraining
from ..untrusted.screen import Screen
from .panel import grid
from .words import clean, clock, show

MOST_TRIALS = 8
"""Trials with a line of their own; the others are counted."""


class RaceView:
    """A line per re-training as it ends, and on a terminal one panel beneath them; a context manager.

    title: what was searched. searched: the figures by which the search chose, by trial.
    """

    def __init__(
        self, console: Console | None = None, *, title: str, objective: Objective, searched: Mapping[int, float]
    ) -> None:
        self.console = console or Screen()
        self.title, self.objective, self.searched = title, objective, searched
        self.claim = ""
        """What may be said so far."""
        self._rows: list[Retraining] = []
        self._asked: list[int] = []
        self._began = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> RaceView:
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True, vertical_overflow="crop")
            self._live.start()
        return self

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def begin(self, trials: Sequence[int], *, for_weights: bool = False) -> None:
        """These are trained now, one number per re-training. for_weights: the winner, from its own seed."""
        self._asked += trials
        named = ", ".join(str(trial) for trial in dict.fromkeys(trials))
        words = f"Training again on fresh seeds: {len(trials)} trainings of trials {named} …"
        if for_weights:
            words = f"Training trial {named} again from its own seed: fresh seeds name it, its weights are not kept …"
        self.console.print(Text(words, style="dim"), soft_wrap=True)
        self.refresh()

    def tell(self, row: Retraining) -> None:
        """One has ended."""
        self._rows.append(row)
        figure = self._figure(row)
        words = f"  trial {row.trial}, seed {row.seed}: {figure if row.value is None else f'{self._name} {figure}'}"
        self.console.print(Text(words), soft_wrap=True)
        self.refresh()

    def refresh(self) -> None:
        """Draws the panel again, where there is one."""
        if self._live:
            self._live.update(self.panel(time.monotonic() - self._began), refresh=True)

    def panel(self, elapsed_s: float) -> Panel:
        """As it stands after so many seconds."""
        total = grid(ratio=(1, None, None))
        total.add_row(
            ProgressBar(total=max(len(self._asked), 1), completed=len(self._rows), complete_style="green"),
            Text(f"{len(self._rows)}/{len(self._asked)} trained again", style="bold"),
            Text(f"{clock(elapsed_s)} elapsed"),
        )
        lines: list[RenderableType] = [total]
        trials = list(dict.fromkeys(self._asked))
        for trial in trials[:MOST_TRIALS]:
            fresh = [self._figure(row) for row in self._rows if row.trial == trial and row.role != REFIT]
            found = f"trial {trial}: {self._name} {show(self.searched.get(trial))} found"
            again = f"again {', '.join(fresh)}" if fresh else "none yet"
            lines.append(Text(f"{found}, {again}", overflow="fold"))
        if len(trials) > MOST_TRIALS:
            lines.append(Text(f"and {len(trials) - MOST_TRIALS} more", style="dim"))
        if self.claim:
            lines.append(Text(clean(self.claim), overflow="fold"))
        return Panel(
            Group(*lines), title=Text(f"{clean(self.title)} · the race", style="bold"), title_align="left",
            box=ROUNDED, border_style="blue", padding=(0, 1),
        )  # fmt: skip

    @property
    def _name(self) -> str:
        return clean(self.objective.metric)

    @staticmethod
    def _figure(row: Retraining) -> str:
        return row.outcome.replace("_", " ") if row.value is None else show(row.value)
