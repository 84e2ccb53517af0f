"""Studies side by side: what differs, what each reached and how fast, what the winners are.

reading.py    the studies as one value, and which of them compare
settings.py   what each was told and made with
progress.py   best so far, against trials and seconds
parts.py      all that as headings, sentences and tables of texts
tables.py     these in a terminal; page.py: in one HTML file, with curves.py's plots
board.py      the studies in one TensorBoard, with columns.py's columns over different spaces
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.text import Text

from ..page_file import check_page, write_page
from .pictures import Draw
from .reading import read_comparison
from .tables import tables


def write_comparison(
    folders: Sequence[Path],
    *,
    page: Path | None = None,
    tensorboard: Path | None = None,
    console: Console,
    draw: Draw = lambda folder: (),
) -> None:
    """``sparring compare``: to the console; ``page`` also writes an HTML file, ``tensorboard`` a folder of event files.

    draw: the pictures of a study's trials, for TensorBoard.
    Raises as ``read_comparison``, and UsageError for a page or a folder that cannot be written.
    """
    check_page(page)
    if tensorboard is not None:
        from .board import check_board, write_board

        check_board(tensorboard)
    comparison = read_comparison(folders)
    if page is not None:  # before the tables, which a closed pipe may cut short
        from .page import make_page

        write_page(page, make_page(comparison))
    written = None if tensorboard is None else write_board(comparison, tensorboard, draw)
    for part in tables(comparison, console.width):
        console.print(part, soft_wrap=isinstance(part, str | Text), markup=False, highlight=False)
    if page is not None:
        console.print(f"page: {page}", soft_wrap=True, markup=False, highlight=False)
    if written is not None:
        left_out = f"; {written.left_out} others are left out, for which there is no room" if written.left_out else ""
        words = f"TensorBoard of {written.runs} trials{left_out}: tensorboard --logdir {quote(str(tensorboard))}"
        console.print(words, soft_wrap=True, markup=False, highlight=False)
