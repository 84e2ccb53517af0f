"""The command that shows studies in a browser while they run. ``app.py`` registers it.

Heavy imports stay inside, as there.
"""

from __future__ import annotations

import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..records import RESULTS
from ..untrusted.screen import Screen
from .results import Results, find_folder

console = Screen()


def dashboard(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY|FOLDER|ADDRESS",
            help="A study, a folder of studies, or a mirror's address.",
            show_default="--results",
        ),
    ] = None,
    results: Results = RESULTS,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1.", show_default="any")
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser", help="Open it in the browser.")] = False,
) -> None:
    """Studies as a live page of their own: read-only, on loopback, for whoever has the printed address."""
    from ..ledger.mirror.following import is_address

    with ExitStack() as stack:
        if study and is_address(study):
            from ..report.dashboard.mirrored import followed

            folder = stack.enter_context(followed(study, _warn))
        else:
            folder = _folder_of(study, results)
        _serve(folder, port, browser)


def _folder_of(study: str | None, results: Path) -> Path:
    if study == "up" and not (results / study).exists():
        raise UsageError(
            "dashboard: shows studies, and there is none called up; Prometheus, Grafana and TensorBoard are started by "
            "`sparring dashboards up`"
        )
    folder = Path(study) if study and _holds_studies(Path(study)) else find_folder(study, results) if study else results
    if not folder.is_dir():
        raise UsageError(f"--results: {folder} is no folder; search first, or name the folder of the studies")
    return folder


def _serve(folder: Path, port: int, browser: bool) -> None:
    from ..report.dashboard import make_server

    server, address = make_server(folder.absolute(), port)
    console.print(f"dashboard: {address}", soft_wrap=True, highlight=False)
    console.print("It reads only, and ends with Ctrl-C. From elsewhere: ssh -L PORT:127.0.0.1:PORT.", style="dim")
    if browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        console.print("dashboard: ended")
    finally:
        server.server_close()


def _warn(words: str) -> None:
    Screen(stderr=True).print(words, style="yellow", soft_wrap=True, markup=False, highlight=False)


def _holds_studies(folder: Path) -> bool:
    from ..ledger import STUDY_FILE

    return folder.is_dir() and not (folder / STUDY_FILE).exists() and any(folder.glob(f"*/{STUDY_FILE}"))
