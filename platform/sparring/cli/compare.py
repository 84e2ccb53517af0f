"""``sparring compare``: studies side by side. ``app.py`` registers it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..records import RESULTS
from ..untrusted.screen import Screen
from .results import Results, find_folder

console = Screen()


def compare(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY…", help="Two studies or more: names under --results, or folders.")
    ],
    results: Results = RESULTS,
    page: Annotated[Path | None, typer.Option(help="Also write one HTML page with the curves.")] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write one TensorBoard over all of them.")
    ] = None,
) -> None:
    """Studies side by side: what differs, what each reached and how fast, what their winners are."""
    from ..report.comparison import write_comparison

    write_comparison(
        [find_folder(study, results) for study in studies], page=page, tensorboard=tensorboard, console=console
    )
