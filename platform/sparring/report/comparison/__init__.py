"""Studies side by side: what differs, what each reached and how fast, what the winners are.

reading.py    the studies as one value, and which of them compare
settings.py   what each was told and made with
progress.py   best so far, against trials and seconds
parts.py      all that as headings, sentences and tables of texts
tables.py     these in a terminal; page.py: in one HTML file, with curves.py's plots
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..page_file import check_page, write_page
from .reading import read_comparison
from .tables import tables


def write_comparison(folders: Sequence[Path], *, page: Path | None = None, console: Console) -> None:
    """``sparring compare``: to the console; ``page`` also writes one HTML file.

    Raises as ``read_comparison``, and UsageError for a page that cannot be written.
    """
    check_page(page)
    comparison = read_comparison(folders)
    if page is not None:  # before the tables, which a closed pipe may cut short
        from .page import make_page

        write_page(page, make_page(comparison))
    for part in tables(comparison, console.width):
        console.print(part, soft_wrap=isinstance(part, str | Text), markup=False, highlight=False)
    if page is not None:
        console.print(f"page: {page}", soft_wrap=True, markup=False, highlight=False)
