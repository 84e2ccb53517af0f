"""``sparring compare``: studies side by side. ``app.py`` registers it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..records import RESULTS
from ..untrusted.screen import Screen
from .results import Results, find_folder
from .screen import Unsaid

if TYPE_CHECKING:
    from ..report.comparison.pictures import Picture

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
    pictures: Annotated[
        bool, typer.Option(help="Draw validation samples there too: about 15 s of a core for each study.")
    ] = True,
    quiet: Unsaid = False,
) -> None:
    """Studies side by side: what differs, what each reached and how fast, what their winners are."""
    from ..report.comparison import write_comparison

    folders = [find_folder(study, results) for study in studies]
    progress = Screen(stderr=True, quiet=quiet)

    def draw(folder: Path) -> Iterator[Picture]:
        return _draw(folder, progress) if pictures else iter(())

    write_comparison(folders, page=page, tensorboard=tensorboard, console=console, draw=draw)


def _draw(folder: Path, progress: Screen) -> Iterator[Picture]:
    """Pictures of a study's kept trials, for TensorBoard. progress: hears what is being done."""
    from ..display import saying
    from ..production.inference.kept_pictures import draw_kept

    with saying(progress) as say:
        say(f"drawing what {folder.name} makes of validation samples …")
        yield from draw_kept(folder, lambda words: progress.print(words, style="yellow", soft_wrap=True, markup=False))
