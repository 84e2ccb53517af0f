"""``sparring export``: a study for tools that are not ours. ``app.py`` registers it."""

from __future__ import annotations

from typing import Annotated

import typer

from ..records import RESULTS
from ..untrusted.screen import Screen
from .results import Results, StudyName, find_folder

console = Screen()


def export(
    study: StudyName,
    optuna: Annotated[str, typer.Option(metavar="ADDRESS", help="Optuna's storage, such as sqlite:///study.db.")],
    name: Annotated[str | None, typer.Option(help="What it is called there.", show_default="the study's name")] = None,
    results: Results = RESULTS,
) -> None:
    """Write a study into an Optuna storage: trials, states, curves, distributions, figures as user attributes."""
    from ..referee.sampling.export import export_study

    folder = find_folder(study, results)
    count = export_study(folder, optuna, name)
    words = f"Exported {count} trials of {folder.name}; look at them with: optuna-dashboard {optuna}"
    console.print(words, soft_wrap=True, markup=False, highlight=False)
