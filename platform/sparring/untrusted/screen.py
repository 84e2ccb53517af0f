"""The console that all commands print to: texts are shown as they are, and none of them steers the terminal.

Names, paths, notes and errors come from files that others may have written. ``[/x]`` in one is no markup, and an escape
code in one is left out; rich's own codes are made from styles, never from a text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
"""Control characters but tab and line feed, and those that turn the order of what follows."""


class Screen(Console):
    """rich's console without markup and without control characters in a text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=STEERING.sub("", segment.text))


def print_plain(text: str) -> None:
    """To standard output: byte for byte into a pipe, without control characters onto a terminal."""
    print(STEERING.sub("", text) if sys.stdout.isatty() else text, end="")
