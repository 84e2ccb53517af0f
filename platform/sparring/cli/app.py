"""The commands, each the same as ``sparring VERB`` anywhere and ``python -m platform.VERB`` in a checkout.

Heavy imports stay inside the commands, so that ``--help`` answers at once. Errors of ours become one sentence and an
exit code: 2 usage or bad input, 3 study locked, 4 no trial succeeded, 5 nothing to report, 6 promotion refused, 7 Ray
ended under a search, 130/143 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import ClusterLost, SparringError, faults
from ..untrusted.screen import STEERING
from . import ask, by_hand, compare, dashboard, dashboards, export, handover, listings, results, serve, studies, train
from .screen import REFUSED, use_plain_letters
from .search import search


class _Commands(TyperGroup):
    """The commands, whose values are refused in our words, not in pydantic's."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except REFUSED as error:
            if hasattr(cause := error.__cause__, "errors"):
                first = faults(cause)[0]
                error.message = f"{first.rule}{f', but got {first.value!r}' if first.names_value else ''}"
            raise


app = typer.Typer(
    cls=_Commands,
    name="sparring",
    help="Hyperparameter search for adversarial autoencoders on Ray.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        print(f"sparring {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say the version and end.")
    ] = False,
) -> None:
    """Hyperparameter search for adversarial autoencoders on Ray."""


def main(verb: str | None = None) -> NoReturn:
    """Runs the command line; a door gives its verb. Exits with the command's code."""
    use_plain_letters()
    arguments = [*([verb] if verb else []), *map(_at_home, sys.argv[1:])]
    try:
        app(arguments, prog_name="sparring", standalone_mode=True)
    except SparringError as error:
        words = STEERING.sub(" ", str(error))
        print(f"{f'python -m platform.{verb}' if verb else 'sparring'}: {words}", file=sys.stderr)
        if isinstance(error, ClusterLost):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(error.exit_code)
        sys.exit(error.exit_code)
    sys.exit(0)


def _at_home(argument: str) -> str:
    """The argument with ~ as the home folder, where the shell left it: in quotes, in a script, after an option's =."""
    option, equals, value = argument.rpartition("=")
    return option + equals + os.path.expanduser(value) if value == "~" or value.startswith("~/") else argument


def _add(
    command: Callable[..., object], *examples: str, note: str = "", context_settings: dict[str, bool] | None = None
) -> None:
    """Adds a command under its function's name; its --help ends with the examples, and with ``note``."""
    title = "Examples" if len(examples) > 1 else "Example"
    epilog = "\n\n".join([f"[bold]{title}[/bold]", *examples, *([note] if note else [])])
    app.command(epilog=epilog, context_settings=context_settings)(command)


_add(
    search,
    "sparring search aegan",
    "sparring search aegan --trials 100 --slots 8",
    "sparring search aegan --dataset fe-xanes --data-path DIR --time 30m --set epochs=60",
    "sparring search aegan --address auto --workers-per-trial 4 --gpus-per-worker 1",
)
_add(
    by_hand.enqueue,
    "sparring enqueue aegan-exafs --set lr_gen=1e-3",
    "sparring enqueue aegan-exafs --trial 7 --set n_hl_gen=3",
    "sparring enqueue aegan-exafs",
)
_add(by_hand.stop, "sparring stop aegan-exafs --trial 7", "sparring stop aegan-exafs")
_add(results.report, "sparring report aegan-exafs", "sparring report aegan-exafs --page report.html")
_add(
    results.best,
    "sparring best aegan-exafs -o best.toml && sparring train best.toml",
    "sparring best aegan-exafs --trial 7",
)
_add(
    compare.compare,
    "sparring compare aegan-1 aegan-2",
    "sparring compare results/* --page comparison.html",
    "sparring compare aegan-1 aegan-2 --tensorboard compared && tensorboard --logdir compared",
)
_add(export.export, "sparring export aegan-exafs --optuna sqlite:///aegan.db && optuna-dashboard sqlite:///aegan.db")
_add(
    dashboard.dashboard,
    "sparring dashboard",
    "sparring dashboard aegan-exafs --browser",
    "sparring dashboard s3://bucket/studies/aegan-exafs",
    note="Prometheus, Grafana and TensorBoard, over all that Ray runs here: sparring dashboards up",
)
_add(studies.studies, "sparring studies")
app.command("status", hidden=True)(studies.studies)  # what one types who comes from git; every page says studies
_add(studies.show, "sparring show aegan-exafs", "sparring show aegan-exafs --trial 7")
_add(
    studies.note,
    'sparring note aegan-exafs "ranges too narrow; see the next study"',
    'sparring note aegan-exafs --trial 7 "trains the fastest"',
)
_add(studies.clean, "sparring clean --dry-run", "sparring clean")
_add(
    dashboards.dashboards,
    "sparring dashboards up",
    "sparring dashboards up --results studies --temp-dir /scratch/ray",
    note="The live page of a study, which needs none of them: sparring dashboard STUDY",
)
_add(
    train.train,
    "sparring train best.toml -o trained/aegan",
    "sparring train best.toml --set epochs=100 -o trained/longer",
    "sparring train advvae --dataset mnist --n_epochs 20",
    note=train.PUBLISHED,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
_add(ask.sample, "sparring sample trained/advvae -n 100")
_add(ask.reconstruct, "sparring reconstruct trained/advvae --rows 100")
_add(
    ask.predict,
    "sparring predict trained/aegan --from structure",
    "sparring predict trained/aegan --structures molecules/ --text",
    "sparring predict production/aegan --input rows.parquet -o answers.parquet",
)
_add(ask.encode, "sparring encode trained/aae", "sparring encode trained/aae --between digit-0003 digit-0011")
_add(ask.outliers, "sparring outliers trained/advvae --out-dataset fashionmnist")
_add(
    handover.promote,
    "sparring promote aegan-exafs",
    'sparring promote aegan-exafs --to s3://bucket/models --force "the old one reads a grid that is gone"',
)
_add(handover.rollback, "sparring rollback aegan", 'sparring rollback aegan --to 2 --reason "drift at the edge"')
_add(
    handover.production,
    "sparring production",
    "sparring production aegan --diff 1 2",
    "sparring production aegan --export torch",
)
_add(serve.serve, "sparring serve aegan", "sparring serve s3://bucket/models/aegan --host 0.0.0.0 --token-file token")
_add(listings.models, "sparring models aegan", "sparring models check my_module:MyModel")
_add(
    listings.datasets,
    "sparring datasets mnist",
    "sparring datasets mine/card.toml",
    "sparring datasets check table.csv --model mlp_aae",
)
