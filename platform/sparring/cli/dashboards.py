"""``sparring dashboards up``: Prometheus, Grafana and TensorBoard on this machine, with the files of that folder."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..records import RESULTS
from ..untrusted.screen import Screen


class Action(StrEnum):
    """What may be done."""

    UP = "up"


def dashboards(
    action: Annotated[Action, typer.Argument(help="up: start what is installed, until Ctrl-C.")],
    results: Annotated[Path, typer.Option(metavar="DIR", help="Studies that TensorBoard shows.")] = RESULTS,
    temp_dir: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Ray's --temp-dir, if its head runs where it cannot be seen; may be repeated."
        ),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where they keep data and logs.  [default: the user's cache]")
    ] = None,
) -> None:
    """Start Prometheus, Grafana and TensorBoard on this machine, as far as they are installed."""
    del action
    import signal

    import pooch

    from ..display.dashboards import Running, collect_targets, missing_programs, plan_programs, ray_sessions

    console = Screen(highlight=False, soft_wrap=True)
    keep = (keep or Path(pooch.os_cache("sparring")) / "dashboards").expanduser().absolute()
    usual = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray")
    folders = [folder.absolute() for folder in temp_dir or []]
    ray_boards = Path((folders or [usual])[0], "session_latest", "metrics", "grafana", "dashboards")
    programs = plan_programs(results.absolute(), keep, ray_boards)
    for program in programs:
        console.print(f"{program.name:12} {program.address}   {program.about}")
    for name, advice in missing_programs(programs).items():
        console.print(f"{name:12} not installed: {advice}", style="yellow")
    if not programs:
        sys.exit(2)
    addresses = {program.name: program.address.removesuffix("/d/sparring") for program in programs}
    told = [f"RAY_{name.upper()}_HOST={addresses[name]}" for name in ("Prometheus", "Grafana") if name in addresses]
    if told:
        console.print(f"Searches that start with {' '.join(told)} have their figures in Ray's own dashboard too.")
    console.print(f"Data and logs: {keep}. Ctrl-C ends all.")

    def look() -> None:
        seen = ray_sessions()
        collect_targets([*seen, *folders] if seen is not None else [*folders, usual], keep / "prometheus" / "targets")

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = 0
    with Running(programs, keep) as running:
        try:
            running.watch(look, lambda words: console.print(words, style="yellow"))
            code = 1
        except KeyboardInterrupt:
            console.print("Ending …")
    sys.exit(code)
