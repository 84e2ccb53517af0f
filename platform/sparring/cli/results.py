"""The commands that read what a study found: report, and pin the best. ``app.py`` registers them.

Heavy imports stay inside the commands, as there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..errors import NothingToReport, UnknownName

if TYPE_CHECKING:
    from ..records import Value

console = Console()

Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder that holds the studies.")]
StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A study's name under --results, or its folder.")]


def report(
    study: StudyName,
    results: Results = Path("results"),
    format: Annotated[str, typer.Option(help="table, json, csv or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file instead of the screen.")] = None,
    page: Annotated[Path | None, typer.Option(help="Also write one HTML page of plots.")] = None,
    yardsticks: Annotated[
        bool, typer.Option(help="Measure what methods without a search reach on the same split.")
    ] = True,
) -> None:
    """The trials ranked, what mattered, and what simple models reach on the same data."""
    from ..report import write_report

    write_report(_find(study, results), format=format, output=output, page=page, yardsticks=yardsticks, console=console)


def best(
    study: StudyName,
    results: Results = Path("results"),
    trial: Annotated[
        int | None,
        typer.Option(help="Another completed trial, such as one of the front.", show_default="the best"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write it.", show_default="the screen")
    ] = None,
) -> None:
    """Pin the best configuration: the search space with every range collapsed to a value."""
    from ..ledger import read_study, spec_from_json, trial_rows
    from ..ledger.ranking import best_row, front, is_ranked
    from ..models import find_config
    from ..space import Space, pin, write_toml

    folder = _find(study, results)
    spec = spec_from_json(read_study(folder)["spec"])
    rows = [row for row in trial_rows(folder) if is_ranked(row)]
    if not rows:
        raise NothingToReport(f"study {spec.name}: no trial has completed yet; search on with the same command")
    row = best_row(rows if trial is None else [row for row in rows if row.trial == trial], spec.objective)
    if row is None:
        numbers = ", ".join(str(each.trial) for each in sorted(rows, key=lambda row: row.trial))
        raise UnknownName(f"--trial: no completed trial {trial} in study {spec.name}; there are: {numbers}")
    raw = dict(spec.space) | {"split": spec.split}
    if spec.data_path:
        raw["data_path"] = spec.data_path
    space = Space(raw, find_config(spec.model), f"{spec.name}/study.json")
    found: dict[str, Value | None] = {
        "study": spec.name,
        "trial": row.trial,
        "metric": spec.objective.metric,
        "value": row.value,
        "epoch": row.best_epoch,
        "workers": spec.workers_per_trial,
        "precision": spec.precision,
    }
    text = write_toml(pin(space, row.params, seed=row.seed, found=found))
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        console.print(f"Trial {row.trial} pinned in {output}; train it with: sparring train {output}", soft_wrap=True)
    others = [each.trial for each in front(rows, spec.objectives) if each.trial != row.trial]
    if trial is None and len(spec.objectives) > 1 and others:
        named = ", ".join(map(str, others))
        words = f"It is the best by {spec.objective.metric}; as good in their way, for --trial: {named}"
        Console(stderr=True).print(words, style="yellow", soft_wrap=True)


def _find(study: str, results: Path) -> Path:
    folder = Path(study) if Path(study, "study.json").is_file() else results / study
    if not (folder / "study.json").is_file():
        known = sorted(path.parent.name for path in results.glob("*/study.json"))
        raise UnknownName(
            f"no study {study!r} under {results}; there are: {', '.join(known) or 'none'}; "
            "name another folder with --results"
        )
    return folder.absolute()
