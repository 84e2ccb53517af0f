"""The commands that look at studies, and the one that cleans up after them. ``app.py`` registers them."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
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


def note(
    study: StudyName,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What to remember.", show_default="shows them")
    ] = None,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="Of a trial that has begun.", show_default="the study")
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Remember something about a study or one of its trials; show and the dashboard have it."""
    from ..display import clean, print_listing
    from ..ledger.notes import NOTES, add_note, notes_of, read_notes
    from ..report.overview import read_trial

    folder = find_folder(study, results)
    if trial is not None:
        read_trial(folder, trial)
    if text is not None:
        add_note(folder, text, trial)
        console.print(f"Noted in {folder / NOTES}", soft_wrap=True, markup=False, highlight=False)
        return
    notes = read_notes(folder)
    shown = notes if trial is None else notes_of(notes, trial)
    if not shown:
        console.print(f'No notes; write one with: sparring note {quote(study)} "…"', soft_wrap=True, markup=False)
        return
    rows = [
        (
            "study" if each.trial is None else f"trial {each.trial}",
            f"{each.written:%Y-%m-%d %H:%M}" if each.written else "-",
            clean(each.text),
        )
        for each in shown
    ]
    print_listing(console, ("of", "written", "note"), rows)


def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    results: Results = RESULTS,
) -> None:
    """Remove what ended searches left: Ray's sessions that they had started, half-written files of studies.

    A session of a search that runs, and any that no search has started, stays; so do all rows, checkpoints and weights.
    """
    from ..cluster.daemons.leftovers import dead_sessions, half_written, remove, tidy
    from ..ledger import STUDY_FILE, is_locked

    said = False
    for session in dead_sessions():
        beside = f", and process {', '.join(map(str, session.processes))}" if session.processes else ""
        _say(f"{session.folder}, {_megabytes(session.folder):.1f} MB{beside}", dry_run)
        said = True
        if not dry_run:
            remove(session)
    for study in sorted(path.parent for path in results.glob(f"*/{STUDY_FILE}")):
        for path in half_written(study) if dry_run and not is_locked(study) else () if dry_run else tidy(study):
            _say(str(path), dry_run)
            said = True
    if not said:
        console.print("Nothing is left behind.")


def _say(what: str, is_asked: bool) -> None:
    console.print(Text(f"{'Would remove' if is_asked else 'Removed'} {what}"), soft_wrap=True, highlight=False)


def _megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
