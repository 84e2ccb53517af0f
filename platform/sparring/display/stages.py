"""For those who wait: what a command is doing now. On standard error, so that a pipe gets the result alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from ..untrusted.screen import Screen
from .words import clean

Say = Callable[[str], None]
"""Hears what is done next, for those who wait."""


def unsaid(_words: str) -> None:
    """For nobody who waits."""


def progress_of(console: Console) -> Screen:
    """Where a command says what it does while ``console`` gets the result: standard error; quiet where that is."""
    return Screen(stderr=True, quiet=console.quiet)


@contextmanager
def saying(console: Console | None = None) -> Iterator[Say]:
    """Gives a function that says what is done now: on a terminal in place, gone at the end; elsewhere a line each."""
    console = console or Screen(stderr=True)
    if not console.is_terminal:
        yield lambda words: console.print(Text(clean(words)), soft_wrap=True)
        return
    with console.status("") as status:
        yield lambda words: status.update(Text(clean(words)))
