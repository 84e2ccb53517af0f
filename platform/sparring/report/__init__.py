"""What a study found: the trials ranked, what mattered, and what plain methods reach on the same data.

Everything comes from the study's folder, during the search and after. ``reading`` makes the value, ``formats``
shows it, ``dashboard`` is its page, live or as one file, ``importance``, ``checks`` and
``sparring.report.yardsticks`` do the statistics.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ..display import saying
from ..errors import UsageError, names_hint
from .checks import examine
from .formats import FORMATS, render
from .page_file import check_folder, check_page, write_page
from .reading import Report, read_report
from .tables import check_lines

__all__ = ["FORMATS", "Report", "read_report", "render", "write_report"]


def write_report(
    folder: Path,
    *,
    format: str = "table",
    output: Path | None = None,
    page: Path | None = None,
    yardsticks: bool = True,
    checks: bool = False,
    console: Console,
    progress: Console | None = None,
) -> None:
    """``sparring report``: to the console or stdout, or into ``output``; ``page`` also writes one HTML file.

    checks: only the health checks, all twelve, instead of the tables. progress: hears what is being done; None is
    standard error.

    Raises UsageError for an unknown format or a file that cannot be written, NothingToReport if no trial has finished.
    A study in which every trial failed has something to report: why.
    """
    if format not in FORMATS:
        raise UsageError(f"--format: no format {format!r}; {names_hint(format, FORMATS)}")
    check_page(page)
    check_folder("--output", output)
    if checks and (format != "table" or output is not None):
        raise UsageError("--checks: it shows the checks alone on the screen; --format json holds them too")
    with saying(progress) as say:
        report = read_report(folder, yardsticks=yardsticks, say=say)
    if page is not None:  # before the table, which a closed pipe may cut short
        from .dashboard.frozen import make_page

        write_page(page, make_page(report))
    if checks:
        for part in check_lines(examine(report)):
            console.print(part, markup=False, highlight=False)
    else:
        render(report, format=format, output=output, console=console)
    if page is not None and (output is not None or format == "table"):
        console.print(f"page: {page}", soft_wrap=True, markup=False, highlight=False)
