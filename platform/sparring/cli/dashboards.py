"""``sparring dashboards up``: Prometheus, Grafana and TensorBoard on this machine, with the files of that folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..records import RESULTS
from ..untrusted.screen import Screen


def dashboards(
    action: Annotated[str, typer.Argument(metavar="up", help="Start what is installed, until Ctrl-C.")],
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
    """Prometheus, Grafana and TensorBoard, started on this machine as far as they are installed."""
    if action != "up":
        raise UsageError(
            f"dashboards: knows up, which starts Prometheus, Grafana and TensorBoard, but got {action!r}; the live "
            "page of a study is `sparring dashboard STUDY`"
        )
    import signal

    import pooch

    from ..display.dashboards import (
        RAY_SETTINGS,
        Running,
        collect_boards,
        collect_targets,
        missing_programs,
        plan_programs,
        ray_boards_of,
        ray_sessions,
    )  # fmt: skip

    console = Screen(highlight=False, soft_wrap=True)
    keep = (keep or Path(pooch.os_cache("sparring")) / "dashboards").expanduser().absolute()
    usual = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray")
    folders = [folder.absolute() for folder in temp_dir or []]
    programs = plan_programs(results.absolute(), keep)
    for program in programs:
        console.print(f"{program.name:12} {program.address}   {program.about}")
    for name, advice in missing_programs(programs).items():
        console.print(f"{name:12} not installed: {advice}", style="yellow")
    if not programs:
        sys.exit(2)
    addresses = {program.name: program.address.removesuffix("/d/sparring") for program in programs}
    told = [f"RAY_{name.upper()}_HOST={addresses[name]}" for name in ("Prometheus", "Grafana") if name in addresses]
    if "Grafana" in addresses:
        settings = " ".join([*told, *(f"{name}={value}" for name, value in RAY_SETTINGS.items())])
        console.print(f"The tab Metrics of Ray's dashboard is this board where Ray starts with {settings}")
    console.print(f"Data and logs: {keep}. Ctrl-C ends all.")

    def look() -> None:
        seen = ray_sessions()
        heads = [*seen, *folders] if seen is not None else [*folders, usual]
        collect_targets(heads, keep / "prometheus" / "targets")
        collect_boards(heads, ray_boards_of(keep))

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = 0
    with Running(programs, keep) as running:
        try:
            running.watch(look, lambda words: console.print(words, style="yellow"))
            code = 1
        except KeyboardInterrupt:
            console.print("Ending …")
    sys.exit(code)
