"""``sparring search``: the flags, handed to a study that is checked before Ray starts."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ..errors import UsageError
from ..records import PRUNERS, RESULTS, SAMPLERS
from ..untrusted.screen import Screen
from .own_model import allow_named
from .results import Results, find_folder
from .screen import Quiet, screen_of

console = Screen()

YARDSTICKS = "sparring.report.aside"
"""What measures them in a process of its own: its imports would cost this one seconds."""

CLUSTER = "Workers and clusters"
"""The panel of --help for flags that a search on one machine's CPUs does without."""


def search(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            callback=allow_named,
            help="What to search: a name of `sparring models`, or my_module:MyModel, your own, from the working "
            "directory.",
        ),
    ],
    trials: Annotated[
        int | None,
        typer.Option(help="Trials in all, the published default among them.", show_default="what the time allows"),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Stop after so long: 90s, 30m, 2h, or seconds. Unfinished trials resume with the same command.",
            show_default="135s of training per slot; none with another budget or a grid",
        ),
    ] = None,
    cpu_hours: Annotated[
        float | None,
        typer.Option(
            metavar="HOURS",
            help="Processor time of training over the whole study, all slots together.",
            show_default="no limit",
        ),
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(help="Trials at a time.", show_default="as many as fit; at most 8 on one machine"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the sampler and of every trial.", show_default="the --config's, or 0")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The study's name; the same name resumes.", show_default="MODEL-DATASET")
    ] = None,
    results: Results = RESULTS,
    space: Annotated[
        str | None, typer.Option(help="Search space: a .toml, or a shipped one's name.", show_default="MODEL")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A name of `sparring datasets`, or the path of a card's .toml.")
    ] = None,
    data_path: Annotated[Path | None, typer.Option(help="Where your own data lie (folder or file).")] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="SHARES",
            help="75/15/10 keeps test rows for the study's end; 80/20 keeps none but published ones.",
            show_default="the space's",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="A published configuration: the baseline, trial 0.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Fix a field, or search it in another range: 'lr_gen={loguniform=[1e-4, 1e-2]}'; repeatable.",
        ),
    ] = None,
    quiet: Quiet = False,
    try_: Annotated[
        list[Path] | None,
        typer.Option(
            "--try",
            metavar="FILE.toml",
            help="A point to try first, pinned by `sparring best`, or a file of several; repeatable.",
        ),
    ] = None,
    from_: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="STUDY",
            help="An earlier study whose trials teach the sampler of this one and count in nothing else; repeatable.",
        ),
    ] = None,
    fork: Annotated[
        str | None,
        typer.Option(
            metavar="NEW",
            help="Begin study NEW from that of --name: its space, data and seed unless said otherwise, and --from it.",
        ),
    ] = None,
    sampler: Annotated[
        str, typer.Option(help=f"{', '.join(SAMPLERS[:-1])} or {SAMPLERS[-1]} (every point once).")
    ] = SAMPLERS[0],
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC",
            help="A validation figure to search by, instead of the space's; repeatable, the first leads.",
            show_default="the space's",
        ),
    ] = None,
    pruner: Annotated[
        str | None,
        typer.Option(
            help=f"Who pauses early: {', '.join(PRUNERS[:-1])} or {PRUNERS[-1]}. `--pruner median`, say, pauses "
            "whoever is worse than the median; docs/reference.md says what each does.",
            show_default="halving",
        ),
    ] = None,
    race: Annotated[
        str | None,
        typer.Option(
            metavar="auto|off|N",
            help="Train the best again on fresh seeds after the search: N trainings, or what the noise is worth.",
            show_default="auto",
        ),
    ] = None,
    yardsticks: Annotated[
        bool,
        typer.Option(help="Measure at the end what methods without a search reach, where that takes hardly longer."),
    ] = True,
    checkpoint_s: Annotated[
        float, typer.Option("--checkpoint-seconds", min=0.0, help="A trial is checkpointed at most this often.")
    ] = 10.0,
    mirror: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A second copy as it grows, and back from it: s3://… or a folder."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            envvar="RAY_ADDRESS",
            help="A running Ray cluster (auto, or HOST:PORT).",
            show_default="start a local one",
            rich_help_panel=CLUSTER,
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers-per-trial", help="Processes that share each batch.", rich_help_panel=CLUSTER)
    ] = 1,
    cpus: Annotated[
        int, typer.Option("--cpus-per-worker", help="CPUs, and threads, of each.", rich_help_panel=CLUSTER)
    ] = 1,
    gpus: Annotated[
        float,
        typer.Option(
            "--gpus-per-worker", help="GPUs of each; 0.25 lets four slots share one.", rich_help_panel=CLUSTER
        ),
    ] = 0.0,
    gpu_hours: Annotated[
        float | None,
        typer.Option(
            metavar="HOURS",
            help="GPU time of training over the whole study, all slots together.",
            show_default="no limit",
            rich_help_panel=CLUSTER,
        ),
    ] = None,
    sync_batchnorm: Annotated[
        bool,
        typer.Option("--sync-batchnorm", help="Batch norm over all workers' samples.", rich_help_panel=CLUSTER),
    ] = False,
    precision: Annotated[
        str, typer.Option(help="fp32, tf32 or bf16 products; weights stay fp32.", rich_help_panel=CLUSTER)
    ] = "fp32",
    compile_: Annotated[
        bool,
        typer.Option("--compile", help="Compile phases; CUDA graphs on a GPU.", rich_help_panel=CLUSTER),
    ] = False,
    start_limit: Annotated[
        str, typer.Option(metavar="DURATION", help="Longest wait for a slot's place.", rich_help_panel=CLUSTER)
    ] = "2m",
    collective_limit: Annotated[
        str, typer.Option(metavar="DURATION", help="Longest wait for another worker.", rich_help_panel=CLUSTER)
    ] = "5m",
    silence_limit: Annotated[
        str, typer.Option(metavar="DURATION", help="Longest epoch before a try is over.", rich_help_panel=CLUSTER)
    ] = "30m",
) -> Path:
    """Search a model's hyperparameters; the same command again resumes."""
    from ..display import progress_of
    from ..study import Limits, prepare
    from ..study.budget import choose_budget
    from ..study.feasibility import AS_MANY_AS_FIT

    budget = choose_budget(trials, _seconds(time, "--time") if time else None, sampler, cpu_hours, gpu_hours)
    limits = Limits(
        **vars(budget), slots=AS_MANY_AS_FIT if slots is None else slots, seed=seed, sampler=sampler,
        pruner=pruner, race=race, checkpoint_s=checkpoint_s, workers_per_trial=workers, cpus_per_worker=cpus,
        gpus_per_worker=gpus, sync_batchnorm=sync_batchnorm, precision=precision, compile=compile_,
        start_limit_s=_seconds(start_limit, "--start-limit"),
        collective_limit_s=_seconds(collective_limit, "--collective-limit"),
        silence_limit_s=_seconds(silence_limit, "--silence-limit"),
    )  # fmt: skip
    study = prepare(
        model, space=space, dataset=dataset, data_path=data_path, split=split, config=config, settings=set_ or [],
        tries=try_ or [], objectives=objective or [], results=results, name=name, fork=fork, address=address,
        earlier=[find_folder(each, results) for each in from_ or []], limits=limits,
    )  # fmt: skip
    screen = screen_of(quiet, console)
    told = progress_of(screen)
    for note in study.notes:
        told.print(Text(note), style="yellow", soft_wrap=True)
    from ..cluster.session import conduct
    from ..ledger.mirror import Mirror

    copies = Mirror(study.folder, mirror) if mirror is not None else None
    if copies is not None:
        copies.check(study.identity())
    try:
        code = conduct(study, address, screen, copies, aside=YARDSTICKS if yardsticks else "")
    except KeyboardInterrupt as signal:  # while Ray starts or stops; in between, the search itself answers the signal
        told.print("Interrupted; the same command again continues.", style="yellow")
        code = 128 + (signal.args[0] if signal.args else 2)
    if code:
        sys.exit(code)
    return study.folder  # for a program that asks by these flags; the command line has no use for it


def _seconds(text: str, flag: str) -> float:
    written = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", text.strip())
    if written is None:
        raise UsageError(
            f"{flag}: wants a duration such as 90s, 30m or 2h, or seconds without a unit, but got {text!r}"
        )
    return float(written[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[written[2]]
