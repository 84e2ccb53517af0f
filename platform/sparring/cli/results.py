"""The commands that read what a study found: report, and pin the best. ``app.py`` registers them.

Heavy imports stay inside the commands, as there.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.text import Text

from ..errors import UnknownName, UsageError, names_hint
from ..records import RESULTS
from ..untrusted.screen import Screen, print_plain
from .own_model import UNNAMED, Own
from .screen import Unsaid

console = Screen()

Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder that holds the studies.")]
StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A study's name under --results, or its folder.")]


def report(
    study: StudyName,
    results: Results = RESULTS,
    format: Annotated[str, typer.Option(help="table, json, csv or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file instead of the screen.")] = None,
    page: Annotated[Path | None, typer.Option(help="Also write one HTML page of plots.")] = None,
    yardsticks: Annotated[
        bool, typer.Option(help="Measure what methods without a search reach on the same split.")
    ] = True,
    checks: Annotated[bool, typer.Option("--checks", help="Only the twelve health checks, those passed too.")] = False,
    quiet: Unsaid = False,
    model: Own = UNNAMED,
) -> None:
    """The trials ranked, what mattered, and what simple models reach on the same data."""
    from ..report import write_report

    write_report(
        find_folder(study, results),
        format=format,
        output=output,
        page=page,
        yardsticks=yardsticks,
        checks=checks,
        console=console,
        progress=Screen(stderr=True, quiet=quiet),
    )


def best(
    study: StudyName,
    results: Results = RESULTS,
    trial: Annotated[
        int | None,
        typer.Option(help="Another completed trial, such as one of the front.", show_default="the best"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write it.", show_default="the screen")
    ] = None,
    model: Own = UNNAMED,
) -> None:
    """Pin the best configuration: the search space with every range collapsed to a value."""
    from ..display import name_trial
    from ..space import write_toml
    from ..study.pinning import pin_trial

    pinned = pin_trial(find_folder(study, results), trial)
    text = write_toml(pinned.raw)
    if output is None:
        print_plain(text)
    else:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"-o: {output} cannot be written: {error.strerror}; write somewhere else") from error
        name, own = name_trial(pinned.row.trial, pinned.names), f" --model {model}" if model else ""
        console.print(
            Text(f"Pinned in {output}: {name}; train it with: sparring train {quote(str(output))}{own}"),
            soft_wrap=True,
        )
    if pinned.claim:
        named = ", ".join(map(str, pinned.tied))
        tied = f" Of these trial {pinned.row.trial} trains the fastest; the others, for --trial: {named}."
        said = Text(pinned.claim + (tied if named else ""))
        Screen(stderr=True).print(said, style="yellow", soft_wrap=True)
    if trial is None and pinned.others_on_front:
        numbers = ", ".join(map(str, pinned.others_on_front))
        words = f"It is the best by {pinned.spec.objective.metric}; as good in their way, for --trial: {numbers}"
        Screen(stderr=True).print(words, style="yellow", soft_wrap=True)


def find_folder(study: str, results: Path) -> Path:
    """The study's folder, whole path; raises UnknownName with the studies that there are."""
    from ..ledger import STUDY_FILE
    from ..production.loading.place import find_study

    folder = find_study(Path(study), results)
    if folder is None:
        known = sorted(path.parent.name for path in results.glob(f"*/{STUDY_FILE}"))
        raise UnknownName(
            f"no study {study!r} under {results}; {names_hint(study, known)}; name another folder with --results"
        )
    return folder.absolute()
