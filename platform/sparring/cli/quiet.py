"""``-q``: the flag, and the console that goes with it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from ..untrusted.screen import Screen

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
"""Of a command whose result is files."""
Unsaid = Annotated[bool, typer.Option("-q", "--quiet", help="Print the result alone, not what is being done.")]
"""Of a command whose result is what it prints."""


def screen_of(quiet: bool, console: Console) -> Console:
    """The command's own console, or one that shows nothing."""
    return Screen(quiet=True) if quiet else console
