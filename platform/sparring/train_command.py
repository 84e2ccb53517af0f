"""The command that trains what a search has found, and the published command line of the AdvVAE, which it takes too.

``cli.py`` registers it; heavy imports stay inside, as there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from .errors import DataError, UsageError

if TYPE_CHECKING:
    from .models.advvae_published import Arguments

console = Console()

DIGITS = "digits"
"""Images that are embedded: the way out where ``train advvae`` cannot fetch the published mnist."""

MEMBERS = "Members: mean and deviation of every figure"
"""The panel of --help for what trains several times over."""

PUBLISHED = (
    "[bold]Published arguments of advvae[/bold]\n\n--train --test --sample --outlier_detection --dataset --no_wandb "
    "--batch_size --n_epochs --lr --latent_dim --hidden_dims --checkpoint --num_samples --gen_weight --recon_weight "
    "--sample_and_save_frequency --discriminator_checkpoint --out_dataset --loss_type --kld_weight --num_workers --size"
)


def train(
    context: typer.Context,
    pinned: Annotated[
        str,
        typer.Argument(metavar="FILE.toml|advvae", help="From `sparring best`; or advvae and its published arguments."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for weights and figures.", show_default="trained/MODEL"),
    ] = None,
    data_path: Annotated[Path | None, typer.Option(help="Where the data lie, if they moved.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda; a figure repeats exactly on what found it.")] = "cpu",
    kfold: Annotated[
        int | None,
        typer.Option(metavar="K", help="K folds, each of which validates once.", rich_help_panel=MEMBERS),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="Of --kfold, each dealt anew.", show_default="1", rich_help_panel=MEMBERS),
    ] = None,
    bootstrap: Annotated[
        int | None,
        typer.Option(metavar="N", help="N draws of rows with replacement.", rich_help_panel=MEMBERS),
    ] = None,
    bootstrap_size: Annotated[
        float | None,
        typer.Option(help="Rows drawn / rows there are.", show_default="1.0", rich_help_panel=MEMBERS),
    ] = None,
    ensemble: Annotated[
        int | None, typer.Option(metavar="N", help="N seeds: 97, 39, 22, ….", rich_help_panel=MEMBERS)
    ] = None,
) -> None:
    """Train exactly the pinned configuration; its figure repeats the trial's."""
    from .data import read_plan

    plan = read_plan(kfold, repeats, bootstrap, bootstrap_size, ensemble)
    if pinned == "advvae":
        if plan is not None:
            raise UsageError(
                "train advvae: the published arguments train one model; its members train from what that writes: "
                f"sparring train trained/advvae/pinned.toml --{plan.scheme} …"
            )
        from .models.advvae_published import read_arguments

        words = list(context.args)
        is_said = any(word.partition("=")[0] == "--dataset" for word in words)
        _run_published(read_arguments(words), is_said, output, data_path, device)
        return
    if context.args:
        raise UsageError(
            f"train: no option {context.args[0]!r} of a pinned configuration; the file says everything, and only "
            "advvae takes published arguments"
        )
    from .models import model_names
    from .retrain import retrain

    if pinned in model_names():
        raise UsageError(
            f"train: {pinned} has no published arguments; pin a configuration with `sparring best STUDY -o best.toml` "
            "and train that"
        )
    if plan is not None:
        from .resampling import resample

        resample(Path(pinned), plan, output, data_path, console, device)
        return
    retrain(Path(pinned), output, data_path, console, device)


def _run_published(
    arguments: Arguments, is_said: bool, output: Path | None, data_path: Path | None, device: str
) -> None:
    """The AdvVAE's published command line: train, or one of the three that work on what train wrote."""
    if arguments.verb == "train":
        from .retrain import train_published

        try:
            train_published(arguments, arguments.dataset, output, data_path, console, device)
        except DataError as error:
            if is_said:
                raise
            raise DataError(f"{error}; or train on embedded images, offline, with --dataset {DIGITS}") from error
        return
    from .production import read_trained
    from .production.commands import run_outliers, run_reconstruct, run_sample
    from .production.committee import Committee
    from .production.rows import read_rows

    one, other = arguments.checkpoint, arguments.discriminator_checkpoint
    if one is not None and other is not None and one != other:
        raise UsageError(
            f"advvae: one folder holds both nets here, but --checkpoint is {one} and --discriminator_checkpoint "
            f"{other}; give the folder that train wrote"
        )
    loaded = read_trained(one or other or Path("advvae"), device)
    if arguments.verb == "sample":
        run_sample(loaded, arguments.num_samples, 0, None, output, console)
    elif arguments.verb == "test":
        found = read_rows(loaded, dataset=arguments.dataset if is_said else None, data_path=data_path)
        run_reconstruct(Committee(front=loaded, members=(loaded,)), found, output, console)
    else:
        out: tuple[str, Path | None, list[str]] = (arguments.out_dataset, data_path, [])
        run_outliers(loaded, *out, None, None, None, output, console, out_flag="--data-path")
