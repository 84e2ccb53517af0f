"""A comparison in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from .parts import Part, parts_of
from .reading import Comparison

_STYLES = {"best": "bold green", "seeds": "cyan"}


WHOLE = 0.6
"""Share of the terminal's width up to which a column of names or of letters is not folded."""


def tables(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """The parts one after the other; strings are to be wrapped by the terminal, not here. width: columns there."""
    for part in parts_of(comparison):
        if part.heading:
            yield ""
            yield Text(part.heading, style="bold")
        yield from (Text(sentence, style="bold red") if part.warns else sentence for sentence in part.sentences)
        if part.rows:
            yield _table(part, width)


def _table(part: Part, width: int) -> Table:
    """Names and values are folded where the terminal is narrow, never cut."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=any(part.header), padding=(0, 1, 0, 0))
    for number, name in enumerate(part.header):
        is_left = part.words or not name
        longest = max(len(row.cells[number]) for row in part.rows)
        is_whole = number < 2 and longest <= WHOLE * width
        table.add_column(Text(name), justify="left" if is_left else "right", no_wrap=is_whole, overflow="fold")
    for row in part.rows:
        table.add_row(*map(Text, row.cells), style=_STYLES.get(row.mark, ""))
    return table
