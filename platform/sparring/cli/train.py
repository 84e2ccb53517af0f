"""The command that trains what a search has found. It takes the published command lines too.

``app.py`` registers it; heavy imports stay inside, as there.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..errors import DataError, UsageError, names_hint
from ..untrusted.screen import Screen
from .own_model import UNNAMED, Own
from .screen import Quiet, screen_of

if TYPE_CHECKING:
    from ..models.advvae import published as advvae
    from ..models.published import Arguments
    from ..production.retrain.retrain import TrainingRequest

console = Screen()

DIGITS = "digits"
"""An embedded set of images, offered where the published mnist cannot be fetched."""

MEMBERS = "Members: mean and deviation of every figure"
"""The panel of --help for what trains several times over."""

ARGUMENTS = {
    "advvae": "--train --test --sample --outlier_detection --dataset --no_wandb --batch_size --n_epochs --lr "
    "--latent_dim --hidden_dims --checkpoint --num_samples --gen_weight --recon_weight --sample_and_save_frequency "
    "--discriminator_checkpoint --out_dataset --loss_type --kld_weight --num_workers --size",
    "aae": "--dataset --batchsize --dim --dropout --epochs --adversarial",
    "aae_series": "--dataset --batchsize --dim --dropout --epochs --adversarial",
    "aegan": "--mode --in_file --dataset --save --mlflow --tensorboard",
    "mlp_aae": "--dataset --n_epochs --batch_size --lr --b1 --b2 --n_cpu --latent_dim --img_size --channels "
    "--sample_interval",
}
"""Systems with a published command line, and its arguments; ``models/NAME/published.py`` reads them."""

PUBLISHED = "\n\n".join(f"[bold]Published arguments of {model}[/bold]\n\n{names}" for model, names in ARGUMENTS.items())


def train(
    context: typer.Context,
    pinned: Annotated[
        str,
        typer.Argument(
            metavar=f"FILE.toml|{'|'.join(ARGUMENTS)}", help="From `sparring best`; or a system's published arguments."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for weights and figures.", show_default="trained/MODEL"),
    ] = None,
    data_path: Annotated[Path | None, typer.Option(help="Where the data lie, if they moved.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda; a figure repeats exactly on what found it.")] = "cpu",
    save_every: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="A snapshot of every N-th epoch, which every verb takes, with pictures. An interrupted training "
            "resumes without it as well.",
            show_default="off",
        ),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHERE",
            help="Tell the figures also to an MLflow server, http://HOST:5000, or to wandb; repeatable.",
            show_default="nobody",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A value in the place of the file's; repeatable."),
    ] = None,
    quiet: Quiet = False,
    model: Own = UNNAMED,
    kfold: Annotated[
        int | None,
        typer.Option(metavar="K", help="K folds, each of which validates once.", rich_help_panel=MEMBERS),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(help="Repeats of --kfold, each with new folds.", show_default="1", rich_help_panel=MEMBERS),
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
        int | None,
        typer.Option(metavar="N", help="N trainings that differ in their seed alone.", rich_help_panel=MEMBERS),
    ] = None,
) -> None:
    """Train exactly the pinned configuration; its figure repeats the trial's."""
    from ..data import read_plan

    screen = screen_of(quiet, console)
    if track:
        from ..production.retrain.tracking import open_tracker

        for where in track:
            open_tracker(where)
    plan = read_plan(kfold, repeats, bootstrap, bootstrap_size, ensemble)
    if set_ and (pinned in ARGUMENTS or plan is not None):
        what = f"published arguments of {pinned}" if pinned in ARGUMENTS else f"--{plan.scheme if plan else ''}"
        raise UsageError(f"--set: changes a pinned file that is trained once, not {what}; write the value there")
    if pinned in ARGUMENTS:
        if plan is not None:
            raise UsageError(
                f"train {pinned}: the published arguments train one model; its members train from what that writes: "
                f"sparring train trained/{pinned}/pinned.toml --{plan.scheme} …"
            )
        from ..production.retrain.retrain import TrainingRequest

        published = importlib.import_module(f"..models.{pinned}.published", __package__)
        arguments = published.read_arguments(context.args)
        if arguments.verb == "train":
            request = TrainingRequest(
                output=output, data_path=data_path, device=device, save_every=save_every, track=tuple(track or ())
            )
            _train_published(arguments, request, screen)
        else:
            _ask_published(arguments, output, data_path, device, screen)
        return
    if context.args:
        raise UsageError(
            f"train: no option {context.args[0]!r} of a pinned configuration; the file says everything, and only "
            f"{' and '.join(ARGUMENTS)} take published arguments"
        )
    from ..models import model_names
    from ..production.retrain.retrain import TrainingRequest, retrain

    if pinned in model_names():
        raise UsageError(
            f"train: {pinned} has no published arguments; pin a configuration with `sparring best STUDY -o best.toml` "
            "and train that"
        )
    if not Path(pinned).exists() and Path(pinned).name == pinned and not Path(pinned).suffix:
        hint = names_hint(pinned, tuple(ARGUMENTS), "give the file that `sparring best STUDY -o best.toml` writes")
        raise UsageError(f"train {pinned}: no such file, and no system with published arguments; {hint}")
    request = TrainingRequest(
        output=output, data_path=data_path, device=device, save_every=save_every, track=tuple(track or ())
    )
    if plan is not None:
        from ..production.retrain.resampling import resample

        resample(Path(pinned), plan, request, screen)
        return
    retrain(Path(pinned), request, screen, set_ or ())


def _train_published(arguments: Arguments, request: TrainingRequest, screen: Console) -> None:
    from ..production.retrain.retrain import train_published

    try:
        train_published(arguments, request, screen)
    except DataError as error:
        if "dataset" in arguments.said or arguments.dataset != "mnist":
            raise
        raise DataError(f"{error}; or train on embedded images, offline, with --dataset {DIGITS}") from error


def _ask_published(
    arguments: advvae.Arguments, output: Path | None, data_path: Path | None, device: str, screen: Console
) -> None:
    """The AdvVAE's three verbs that work on what train wrote. Raises UsageError if the words contradict that."""
    from ..production import read_trained
    from ..production.inference.commands import (
        OutlierRequest,
        SampleRequest,
        run_outliers,
        run_reconstruct,
        run_sample,
    )
    from ..production.inference.ensemble import Ensemble
    from ..production.inference.samples import HELD_OUT, read_rows

    one, other = arguments.checkpoint, arguments.discriminator_checkpoint
    if one is not None and other is not None and one != other:
        raise UsageError(
            f"advvae: one folder holds both nets here, but --checkpoint is {one} and --discriminator_checkpoint "
            f"{other}; give the folder that train wrote"
        )
    loaded = read_trained(one or other or Path("advvae"), device)
    arguments.check_trained(loaded.folder, loaded.about.model, loaded.about.dataset, loaded.model.config)
    if arguments.verb == "sample":
        run_sample(loaded, SampleRequest(n=arguments.num_samples), output=output, console=screen)
    elif arguments.verb == "test":
        rows = read_rows(loaded, part=HELD_OUT, data_path=data_path)
        run_reconstruct(Ensemble(front=loaded, members=(loaded,)), rows, output=output, console=screen)
    else:
        request = OutlierRequest(
            out_dataset=arguments.out_dataset, out_path=data_path, out_flag="--data-path", part=HELD_OUT
        )
        run_outliers(loaded, request, output=output, console=screen)
