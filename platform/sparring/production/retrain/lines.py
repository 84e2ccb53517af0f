"""How far a training is, in a line every ten seconds: for a pipe or a log, where no bar can be drawn."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from ...display import clock

PAUSE_S = 10.0
"""Seconds between two lines."""


class Lines:
    """Tells of a training. console: standard error's, so that a pipe gets the results alone."""

    def __init__(self, title: str, epochs: int, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._title, self._epochs, self._now = title, epochs, now
        self._console = console
        self._begun = self._told = now()
        self._first: int | None = None

    def tell(self, epoch: int, figure: str) -> None:
        """Hears of every epoch; says a line if the last one is long ago. figure: with the metric's name."""
        now = self._now()
        if self._first is None:
            self._first = epoch - 1  # what a training goes on from was not trained in these seconds
        if now - self._told < PAUSE_S or epoch >= self._epochs:
            return
        self._told = now
        trained = epoch - self._first
        left = clock((now - self._begun) / trained * (self._epochs - epoch)) if trained else "-"
        words = f"{self._title}: epoch {epoch} of {self._epochs}, {figure}, about {left} left"
        self._console.print(Text(words), soft_wrap=True)
