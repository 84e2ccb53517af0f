"""The commands that look at studies: which there are, and one trial. ``app.py`` registers them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from ..records import RESULTS
from ..untrusted.screen import Screen
from .results import Results, StudyName, find_folder

console = Screen()


def studies(results: Results = RESULTS) -> None:
    """The studies there are: whether each runs, has ended or was stopped, its best, a forecast, its age."""
    from ..display import print_listing
    from ..report.overview import COLUMNS, list_studies

    rows = list_studies(results)
    if not rows:
        console.print(f"No study in {results}; begin one with: sparring search aegan", soft_wrap=True)
        return
    print_listing(console, COLUMNS, rows)


def show(
    study: StudyName,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="A trial that has begun.", show_default="the best")
    ] = None,
    results: Results = RESULTS,
) -> None:
    """One trial: how it ended, its curve, its values beside the published default's."""
    from ..display import comparison_table, print_listing
    from ..report.overview import facts, read_trial

    shown = read_trial(find_folder(study, results), trial)
    print_listing(console, (shown.called, shown.spec.name), facts(shown))
    console.print()
    console.print(
        comparison_table(shown.spec.objectives, shown.row, shown.baseline, heading=f"trial {shown.row.trial}")
    )
    if shown.row.value is not None:
        number = shown.row.trial
        words = f"sparring best {study} --trial {number} -o trial-{number}.toml"
        console.print(Text.assemble(("\nNext  ", "bold cyan"), words), soft_wrap=True)
