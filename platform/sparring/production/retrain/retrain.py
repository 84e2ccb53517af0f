"""``sparring train``: from a pinned configuration to weights, and the proof that the figure repeats.

A published command line (``sparring train advvae --lr 1e-3 …``) is a pinned configuration in other words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ... import __version__
from ...data import Dataset, Member, Split, load_dataset, read_card, split_dataset
from ...data.memory_map import Mapped, select
from ...data.splits import SPLIT
from ...display import progress_of
from ...errors import ConfigError, LedgerError, NoTrialSucceeded
from ...models import find_model, short_name
from ...models.base import Model
from ...models.config import Config, missing_fields
from ...models.forms import check_forms
from ...models.published import Arguments
from ...records import EpochRow, Objective
from ...space import apply_settings, checked_space, find_space, read_space, table_of, write_toml
from ...study import check_labels, load_ood
from ...study.checks import check_steps
from ...training.saves import Saves
from ...training.single import Trained, files_of, train_single
from .. import About
from ..device import check_device
from ..loading.trained_folder import MEMBERS, TRAINED, check_lacks, lock_folder, write_folder
from .curves import curves
from .lines import Lines
from .predecessor import check_same, set_answers_aside, weights_of
from .tracking import Run, Tracking, open_tracker
from .verdict import verdict_of

CHECKPOINTS = "checkpoints"
"""In a trained folder: what a training that was cut off goes on from."""


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """Where a training writes, where its data lie, and how it runs."""

    output: Path | None = None
    """The folder for weights and figures; None: one under ``trained``."""
    data_path: Path | None = None
    """Where the data lie, if not where the configuration says."""
    device: str = "cpu"
    """cpu or cuda. Products are of the precision that found the configuration."""
    save_every: int | None = None
    """Epochs between two snapshots. A training that was cut off goes on from its newest checkpoint in any case."""
    drawn: int = 16
    """Samples in a snapshot's picture of draws."""
    track: tuple[str, ...] = ()
    """Who else is told of the figures: ``wandb``, addresses of MLflow servers."""


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A configuration with nothing left to search, and its data: checked, ready to be trained."""

    name: str
    """What messages call it."""
    raw: Mapping[str, object]
    """The configuration as TOML has it."""
    model_class: type[Model]
    config: Config
    objective: Objective
    data: Dataset
    data_path: Path | None
    ood: Dataset | None
    """The out-of-distribution set, if the configuration names one."""
    split_kind: str
    """80/20 or 75/15/10."""
    split: Split
    seed: int

    @property
    def model(self) -> str:
        """The system's name."""
        return str(self.raw["model"])

    @property
    def found(self) -> Mapping[str, object]:
        """What the search found with this configuration: study, trial, metric, value, workers, precision."""
        return table_of(self.raw, "found")

    def rows(self, index: np.ndarray) -> dict[str, np.ndarray | Mapped]:
        """The model's fields on these rows."""
        return {name: select(self.data.fields[name], index) for name in self.config.taken(self.data.fields)}


def retrain(pinned: Path, request: TrainingRequest, console: Console, settings: Sequence[str] = ()) -> Trained:
    """Trains what the file ``pinned`` holds, writes it, and says whether the figure under [found] was met.

    settings: ``key=value``, in the place of what the file says.
    Raises ConfigError if the file still has something to search, NoTrialSucceeded if the training diverged.
    """
    raw, text = read_changed(pinned, settings)
    return _train(check_pinned(raw, str(pinned), request), text, request, console)


def read_changed(pinned: Path, settings: Sequence[str]) -> tuple[dict[str, object], str]:
    """A pinned file with ``settings`` in the place of its values, as TOML has it and as a text."""
    raw = read_space(pinned)
    if not settings:
        return raw, pinned.read_text(encoding="utf-8")
    raw = apply_settings(raw, settings, _model_of(raw, str(pinned)).Config.model_fields)
    return raw, write_toml(raw)


def train_published(arguments: Arguments, request: TrainingRequest, console: Console) -> Trained:
    """Trains a system as its published command line says, judged as our search judges it; seed 0 unless it says one.

    Unless ``request.save_every`` says otherwise there is a snapshot every ``sample_and_save_frequency`` epochs.
    """
    model, objectives = arguments.model, read_space(find_space(arguments.model))["objectives"]
    raw: dict[str, object] = {"model": model, "dataset": arguments.dataset, "seed": 0, "objectives": objectives}
    raw |= {**arguments.more, "fixed": dict(arguments.values)}
    data_path = {} if request.data_path is None else {"data_path": str(request.data_path.absolute())}
    text = write_toml(raw | data_path)
    pinned = check_pinned(raw, f"sparring train {model}", request)
    every = request.save_every or arguments.snapshot_every(len(pinned.split.train), pinned.config.batch_size)
    return _train(pinned, text, replace(request, save_every=every, drawn=arguments.num_samples), console)


def _model_of(raw: Mapping[str, object], name: str) -> type[Model]:
    if "model" not in raw:
        raise ConfigError(f"{name}: names no model; train what `sparring best STUDY -o best.toml` writes")
    return find_model(str(raw["model"]))


def check_pinned(raw: Mapping[str, object], name: str, request: TrainingRequest) -> Pinned:
    """A configuration and its data, checked. raw: a space with nothing to search. name: what messages call it.

    Raises UsageError or one of its kinds.
    """
    model_class = _model_of(raw, name)
    space = checked_space(raw, model_class.Config, name)
    if space.dimensions:
        searched = ", ".join(dimension.name for dimension in space.dimensions)
        raise ConfigError(
            f"{name}: a pinned configuration has nothing to search, but got [search] {searched}; "
            "make one with `sparring best STUDY -o best.toml`"
        )
    check_device(request.device)
    data_path = request.data_path or (Path(str(raw["data_path"])) if "data_path" in raw else None)
    data_path = None if data_path is None else data_path.expanduser()
    data = load_dataset(space.dataset, data_path, space.data)
    split_kind, config = space.split or SPLIT, space.config({})
    missing = missing_fields(space.model, config.fields, data.fields, space.dataset)
    if missing:
        raise ConfigError(f"{name}: {missing}; choose another data set")
    check_forms(type(config), data)
    data = data.with_label() if config.labelled else data
    check_labels(config, name, data)
    check_steps(config, name, data, read_card(space.dataset))
    config.check_files()
    return Pinned(
        name=name,
        raw=raw,
        model_class=model_class,
        config=config,
        objective=space.objectives[0],
        data=data,
        data_path=data_path,
        ood=load_ood(config, name, data),
        split_kind=split_kind,
        split=split_dataset(data, split_kind),
        seed=space.seed or 0,
    )


def train_pinned(
    pinned: Pinned,
    folder: Path,
    *,
    title: str,
    text: str,
    request: TrainingRequest,
    console: Console,
    member: Member | None = None,
) -> Trained:
    """One training under a bar called ``title``, written to ``folder``, where its checkpoints lie meanwhile, and its
    curves as TensorBoard shows them.

    text: the configuration as TOML. Raises NoTrialSucceeded if no epoch gave finite figures, LedgerError if the result
    cannot be written.
    """
    saves = Saves(folder / CHECKPOINTS, _identity(pinned, request.device))
    about, keep = _about(pinned, member), None
    if request.save_every is not None:
        from .snapshots import SNAPSHOTS, Snapshots

        keep = Snapshots(folder / SNAPSHOTS, request.save_every, request.drawn, pinned=text, about=about)
    metric, told = pinned.objective.metric, progress_of(console)
    bar = Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figure]}"),
        TimeRemainingColumn(), console=told, transient=True, disable=told.quiet or not told.is_terminal,
    )  # fmt: skip
    tracking = Tracking([(each, open_tracker(each)) for each in request.track], told.print)
    with bar, curves(folder, pinned.config, pinned.objective, pinned.seed) as board, tracking:
        tracking.begin(Run(name=title, folder=folder, config=pinned.config.model_dump(), tags=_tags(pinned)))
        task = bar.add_task(title, total=pinned.config.epochs, figure="")

        lines = Lines(title, pinned.config.epochs, told)

        def watch(row: EpochRow) -> None:
            figure = f"{metric} {row.metrics[metric]:.4g}"
            bar.update(task, completed=row.epoch, figure=figure)
            if not told.is_terminal:
                lines.tell(row.epoch, figure)

        def record(row: EpochRow) -> None:
            board.epoch(row)
            tracking.epoch(row)

        trained = train_single(
            pinned.model_class, pinned.config, pinned.rows(pinned.split.train), pinned.rows(pinned.split.valid),
            seed=pinned.seed, objective=pinned.objective, watch=watch,
            ood=None if pinned.ood is None else pinned.ood.fields, device=request.device,
            precision=str(pinned.found.get("precision", "fp32")), keep=keep, saves=saves, record=record,
            test=pinned.rows(pinned.split.test) if len(pinned.split.test) else None,
        )  # fmt: skip
        board.end(trained)
        tracking.ended(trained)
    if trained.best is None:
        saves.end()
        raise NoTrialSucceeded(
            f"{pinned.name}: the training diverged in epoch {trained.epochs}; lower the learning rates"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_folder(folder, files_of(trained, pinned.config, text), about)
    except OSError as error:
        raise LedgerError(
            f"{folder}: the model could not be written: {error.strerror}; mend that: the same command again goes on "
            "from its last checkpoint"
        ) from error
    saves.end()  # not before: a kill while the files are replaced costs the epochs since the last checkpoint
    return trained


def _about(pinned: Pinned, member: Member | None) -> About:
    """What the verbs must know beside the weights."""
    data, fields = pinned.data, pinned.config.fields
    return About(
        model=pinned.model, shapes={name: data.shapes[name] for name in fields},
        dataset=str(pinned.raw["dataset"]), data_path=str(pinned.data_path.absolute()) if pinned.data_path else None,
        data=table_of(pinned.raw, "data"), split=pinned.split_kind, member=member, sha256=data.sha256,
        axes={name: tuple(data.axes[name].tolist()) for name in fields if name in data.axes},
        columns={name: data.columns[name] for name in fields if name in data.columns}, version=__version__,
    )  # fmt: skip


def _tags(pinned: Pinned) -> dict[str, str]:
    """What a tracker is told beside the hyperparameters."""
    told = {"model": pinned.model, "dataset": pinned.raw["dataset"], "data": pinned.data.sha256, "seed": pinned.seed}
    told |= {"version": __version__, "study": pinned.found.get("study", "")}
    return {f"sparring.{name}": str(value) for name, value in told.items()}


def _train(pinned: Pinned, text: str, request: TrainingRequest, console: Console) -> Trained:
    """One model into a folder of its own; text: the configuration as TOML."""
    folder = request.output or TRAINED / short_name(pinned.model)
    check_lacks(folder, MEMBERS)
    check_same(folder, pinned.raw)
    before = weights_of(folder)
    title = f"{pinned.model} on {pinned.raw['dataset']}"
    with lock_folder(folder):
        trained = train_pinned(pinned, folder, title=title, text=text, request=request, console=console)
        aside = set_answers_aside(folder, before)
    console.print(verdict_of(trained, pinned.objective.metric, pinned.raw, pinned.data.sha256), soft_wrap=True)
    if trained.test:
        name = f"test/{pinned.objective.metric.removeprefix('val/')}"
        rows = f"{len(pinned.split.test):,} test rows, which had no part in training or choice"
        console.print(f"{name} {trained.test[name]:.6g} on {rows}.", soft_wrap=True)
    console.print(f"Weights, configuration and figures: {folder}", soft_wrap=True, markup=False)
    if aside is not None:
        console.print(f"Answers of the weights that were there before: {aside}", soft_wrap=True, markup=False)
    return trained


def _identity(pinned: Pinned, device: str) -> str:
    """Eight digits that name what is trained; where the data lie makes no difference."""
    raw = {name: value for name, value in pinned.raw.items() if name != "data_path"}
    what = [__version__, device, pinned.data.sha256, write_toml(raw)]
    return hashlib.sha256("\n".join(what).encode()).hexdigest()[:8]
