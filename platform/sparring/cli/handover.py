"""The commands of models in production: promote, rollback, production. ``app.py`` registers them.

Heavy imports stay inside the commands, as there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..records import RESULTS
from ..untrusted.screen import Screen
from .own_model import UNNAMED, Own
from .results import Results, StudyName, find_folder
from .screen import Quiet, screen_of

if TYPE_CHECKING:
    from ..production.registry import Registry

console = Screen()

PRODUCTION = "production"
Address = Annotated[
    str, typer.Option("--at", metavar="ADDRESS", help="A folder, or what pyarrow opens, such as s3://bucket/models.")
]

Server = Annotated[
    str | None,
    typer.Option(metavar="URI", help="Tell an MLflow server too: a model version, its champion.", show_default="none"),
]


def promote(
    study: StudyName,
    results: Results = RESULTS,
    trial: Annotated[int | None, typer.Option(metavar="N", help="Another trial.", show_default="the best")] = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Train its setting anew, on training and validation rows.")
    ] = False,
    to: Annotated[
        str, typer.Option(metavar="ADDRESS", help="A folder, or what pyarrow opens, such as s3://bucket/models.")
    ] = PRODUCTION,
    name: Annotated[
        str | None, typer.Option(help="What production calls it.", show_default="the system's name")
    ] = None,
    force: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Overrule failed comparisons (4, 5, 6); the reason stays in the history.",
            show_default="none",
        ),
    ] = None,
    rows: Annotated[int, typer.Option(metavar="N", min=3, help="Rows on which answers must be the training's.")] = 1000,
    max_latency: Annotated[
        float, typer.Option(metavar="MS", min=0, help="Longest that 99 % of one-row requests may take.")
    ] = 250.0,
    max_memory: Annotated[float, typer.Option(metavar="MB", min=0, help="Most memory of the process.")] = 4000.0,
    yardsticks: Annotated[
        bool, typer.Option(help="Compare with methods without a search; measured once per study.")
    ] = True,
    quiet: Quiet = False,
    model: Own = UNNAMED,
    sign: Annotated[
        Path | None,
        typer.Option(metavar="KEY.pem", help="Sign the version with this key (extra sign).", show_default="none"),
    ] = None,
    mlflow: Server = None,
) -> None:
    """Put a study's model into production: a bundle with checksums, eleven checks, and the switch."""
    from ..production.handover.fresh_process import FreshProcess

    with FreshProcess() as process:  # first: it imports torch while this process does
        from ..production.handover.evidence import Limits
        from ..production.handover.promotion import PromotionRequest
        from ..production.handover.promotion import promote as run

        folder, screen = find_folder(study, results), screen_of(quiet, console)
        request = PromotionRequest(
            folder=folder,
            trial=trial,
            is_refit=refit,
            address=to,
            name=name,
            reason=force,
            limits=Limits(rows=rows, latency_ms=max_latency, memory_mb=max_memory),
            rivals=_rivals(folder, screen) if yardsticks else {},
            sign=sign,
            mlflow=mlflow,
        )
        run(request, screen, process)


def rollback(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Its name in production.")],
    to: Annotated[
        int | None, typer.Option("--to", metavar="V", help="A version.", show_default="the one before")
    ] = None,
    at: Address = PRODUCTION,
    reason: Annotated[str, typer.Option(help="Why; it stays in the history.", show_default="none")] = "",
    mlflow: Server = None,
) -> None:
    """Make an earlier version current again: a new entry in the history, never an erasure."""
    from ..production.registry import Registry
    from ..production.registry.mlflow import MLflow

    server = MLflow(mlflow) if mlflow else None
    if server is not None:
        server.check()
    registry = Registry(address=at, flag="--at")
    entry = registry.roll_back(model, to, reason)
    console.print(f"{model} is rolled back from version {entry.replaced} to {entry.version}.", soft_wrap=True)
    if server is not None:
        console.print(server.tell(registry, model), soft_wrap=True, markup=False)


def production(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Its versions and history.", show_default="all")
    ] = None,
    diff: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="A B", help="What differs between two versions.", show_default="none"),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="Write its current version as programs: torch, onnx (extra onnx) or aoti, each compared with it.",
            show_default="none",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Where the programs go.", show_default="exported")
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY.pub",
            help="Is its current version signed with the private part of this key (extra sign)?",
            show_default="none",
        ),
    ] = None,
    mlflow: Server = None,
    at: Address = PRODUCTION,
    own: Own = UNNAMED,
) -> None:
    """What is in production, since when, from which study; a model's history; what differs between two versions."""
    from ..production.registry import Registry
    from ..production.registry.listing import print_differences, print_history, print_models

    registry = Registry(address=at, flag="--at")
    from ..errors import UsageError

    if model is None and (verify is not None or mlflow is not None):
        flag = "--verify" if verify is not None else "--mlflow"
        raise UsageError(f"{flag}: is about one model; name it: sparring production MODEL {flag} …")
    if model is not None and verify is not None:
        _verify(registry, model, verify)
        return
    if model is not None and mlflow is not None:
        from ..production.registry.mlflow import MLflow

        console.print(MLflow(mlflow).tell(registry, _known(registry, model)), soft_wrap=True, markup=False)
        return
    if export is not None:
        if model is None:
            raise UsageError("--export: writes one model; name it: sparring production MODEL --export torch")
        _export(registry, model, export, out or Path("exported"))
        return
    if out is not None:
        raise UsageError("-o: says where --export writes; give that too")
    if diff is not None and model is None:
        raise UsageError("--diff: compares two versions of one model; name it: sparring production MODEL --diff 1 2")
    if model is None:
        print_models(registry, console)
    elif diff is None:
        print_history(registry, model, console)
    else:
        print_differences(registry, model, *diff, console=console)


def _export(registry: Registry, model: str, kind: str, folder: Path) -> None:
    from ..production.handover.bundle import open_bundle
    from ..production.handover.exporting import export

    files = registry.read(model)
    opened = open_bundle(files, f"{registry.shown}/{model}")
    console.print(
        f"{model} version {opened.version} as {kind}, compared on 1,000 inputs at batch sizes 1, 2, 64, 1,000"
    )
    for each in export(opened, files, kind, folder):
        paths = f"{' and '.join(each.inputs)} → {', '.join(each.outputs)}"
        console.print(f"{each.path}: {paths}, within {each.worst:.1g} of the largest value", soft_wrap=True)


def _known(registry: Registry, model: str) -> str:
    """The model's name; raises UnknownName if there is none."""
    if not registry.history(model):
        registry.read(model)  # says which there are
    return model


def _verify(registry: Registry, model: str, key: Path) -> None:
    from ..errors import DataError
    from ..production.registry.signing import check_signature

    version = registry.history(_known(registry, model))[-1].version
    where = f"{registry.shown}/{model}/{version}"
    signature = registry.signature(model, version)
    if signature is None:
        raise DataError(f"{where}: has no signature; promote with --sign KEY.pem")
    check_signature(registry.read(model, version), signature, key, where)
    console.print(f"{where}: every file is signed with the key of {key}.", soft_wrap=True, markup=False)


def _rivals(folder: Path, console: Console) -> dict[str, float]:
    """Figures of methods without a search, by name, in the objective that leads."""
    from ..display import progress_of, saying
    from ..report.reading import read_report

    with saying(progress_of(console)) as say:
        report = read_report(folder, say=say)
    figures = {rival.name: rival.figure(report.objective.metric) for rival in report.rivals}
    return {name: value for name, value in figures.items() if value is not None}
