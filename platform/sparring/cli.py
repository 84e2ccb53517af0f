"""The commands, each the same as ``sparring VERB`` anywhere and ``python -m platform.VERB`` in a checkout.

Heavy imports stay inside the commands, so that ``--help`` answers at once. Errors of ours become one sentence and an
exit code: 2 usage or bad input, 3 study locked, 4 no trial succeeded, 5 nothing to report, 130/143 interrupted.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from . import findings, train_command, verbs
from .errors import SparringError, UsageError
from .findings import Results

app = typer.Typer(
    name="sparring",
    help="Hyperparameter search for adversarial autoencoders on Ray.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
console = Console()

CLUSTER = "Workers and clusters"
"""The panel of --help for flags that a search on one machine's CPUs does without."""


def main(verb: str | None = None) -> NoReturn:
    """Runs the command line; a door gives its verb. Exits with the command's code."""
    arguments = [*([verb] if verb else []), *sys.argv[1:]]
    name = f"python -m platform.{verb}" if verb else "sparring"
    try:
        app(arguments, prog_name=name if not verb else "sparring", standalone_mode=True)
    except SparringError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)


@app.command(
    epilog="[bold]Examples[/bold]\n\nsparring search aegan\n\nsparring search aegan --trials 100 --slots 8\n\n"
    "sparring search aegan --dataset fe-xanes --data-path DIR --time 30m --set epochs=60\n\n"
    "sparring search aegan --address auto --workers-per-trial 4 --gpus-per-worker 1"
)
def search(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="What to search; `sparring models` lists them.")],
    trials: Annotated[
        int | None,
        typer.Option(help="Trials in all, the published default among them.", show_default="24, or a grid"),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Stop after so long: 90s, 30m, 2h. Unfinished trials resume with the same command.",
            show_default="135s, or no limit with --trials or a grid",
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
    results: Results = Path("results"),
    space: Annotated[
        str | None, typer.Option(help="Search space: a .toml, or a shipped one's name.", show_default="MODEL")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A name of `sparring datasets`, or the path of a card's .toml.")
    ] = None,
    data_path: Annotated[Path | None, typer.Option(help="Where your own data lie (folder or file).")] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="A published configuration: the baseline, trial 0.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Fix a field instead of searching it; repeatable."),
    ] = None,
    sampler: Annotated[str, typer.Option(help="tpe, random, or grid: every point once.")] = "tpe",
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
            help="successive_halving, median or none.", show_default="successive_halving; none of several objectives"
        ),
    ] = None,
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
) -> None:
    """Search a model's hyperparameters; the same command again resumes."""
    from .study import prepare
    from .study.budget import choose_budget
    from .study.feasibility import AS_MANY_AS_FIT

    trials, time_s = choose_budget(trials, _seconds(time, "--time") if time else None, sampler)
    prepared = prepare(
        model,
        space=space,
        dataset=dataset,
        data_path=data_path,
        config=config,
        settings=set_ or [],
        objectives=objective or [],
        results=results,
        name=name,
        address=address,
        trials=trials,
        time_s=time_s,
        slots=AS_MANY_AS_FIT if slots is None else slots,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        checkpoint_s=checkpoint_s,
        workers_per_trial=workers,
        cpus_per_worker=cpus,
        gpus_per_worker=gpus,
        sync_batchnorm=sync_batchnorm,
        precision=precision,
        compile=compile_,
        start_limit_s=_seconds(start_limit, "--start-limit"),
        collective_limit_s=_seconds(collective_limit, "--collective-limit"),
        silence_limit_s=_seconds(silence_limit, "--silence-limit"),
    )
    from .cluster.conduct import conduct
    from .ledger.mirror import Mirror

    second = Mirror(prepared.folder, mirror) if mirror is not None else None
    if second is not None:
        second.check(prepared.identity())
    try:
        code = conduct(prepared, address, console, second)
    except KeyboardInterrupt as signal:  # while Ray starts or stops; in between, the search itself answers the signal
        console.print("Interrupted; the same command again continues.", style="yellow")
        code = 128 + (signal.args[0] if signal.args else 2)
    sys.exit(code)


app.command(
    epilog="[bold]Examples[/bold]\n\nsparring report aegan-exafs\n\nsparring report aegan-exafs --page report.html"
)(findings.report)
app.command(
    epilog="[bold]Examples[/bold]\n\nsparring best aegan-exafs -o best.toml && sparring train best.toml\n\n"
    "sparring best aegan-exafs --trial 7"
)(findings.best)
app.command(
    epilog="[bold]Examples[/bold]\n\nsparring train best.toml -o trained/aegan\n\n"
    f"sparring train advvae --dataset mnist --n_epochs 20\n\n{train_command.PUBLISHED}",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(train_command.train)
app.command(epilog="[bold]Example[/bold]\n\nsparring sample trained/advvae -n 100")(verbs.sample)
app.command(epilog="[bold]Example[/bold]\n\nsparring reconstruct trained/advvae --rows 100")(verbs.reconstruct)
app.command(
    epilog="[bold]Examples[/bold]\n\nsparring predict trained/aegan --from structure\n\n"
    "sparring predict trained/aegan --structures molecules/ --text"
)(verbs.predict)
app.command(epilog="[bold]Example[/bold]\n\nsparring outliers trained/advvae --out-dataset fashionmnist")(
    verbs.outliers
)


@app.command(epilog="[bold]Example[/bold]\n\nsparring models aegan")
def models(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="Its page: nets, losses, fields, what differs from published."),
    ] = None,
) -> None:
    """The systems that can be searched; of one, everything there is to know."""
    from .display import print_listing
    from .models import describe_model, model_names

    if model is None:
        print_listing(console, ("model", "what it is"), [(name, describe_model(name)) for name in model_names()])
        return
    from .model_page import write_page

    _show_page(write_page(model))


@app.command(epilog="[bold]Examples[/bold]\n\nsparring datasets mnist\n\nsparring datasets mine/card.toml")
def datasets(
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|CARD.toml]", help="Its page: what it holds, licence, source, reader's options."),
    ] = None,
) -> None:
    """The data sets there are cards for; of one, everything there is to know."""
    from .data import dataset_names, read_card
    from .display import print_listing

    if dataset is not None:
        from .card_page import write_card

        _show_page(write_card(dataset))
        return
    print_listing(console, ("data set", "what it is"), [(name, read_card(name).title) for name in dataset_names()])


def _show_page(page: str) -> None:
    """Markdown, drawn on a terminal and as it stands anywhere else."""
    from rich.markdown import Markdown

    if console.is_terminal:
        console.print(Markdown(page))
    else:
        print(page, end="")


def _seconds(text: str, flag: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", text.strip())
    if found is None:
        raise UsageError(f"{flag}: wants a duration such as 90s, 30m or 2h, but got {text!r}")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[found[2]]
