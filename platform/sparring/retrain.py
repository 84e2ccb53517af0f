"""``sparring train``: from a pinned configuration to weights, and the proof that the figure repeats.

A published command line (``sparring train advvae --lr 1e-3 …``) is a pinned configuration in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import __version__
from .data import load_dataset, split_rows
from .data.mapping import Mapped, select
from .errors import ConfigError, NoTrialSucceeded
from .models import find_model
from .models.advvae_published import Arguments
from .models.base import Model
from .production import About, write_about
from .production.trained import TRAINED, check_device
from .records import EpochRow
from .space import Space, find_space, read_space, write_toml
from .study import SPLIT, SPLIT_SEED
from .training.single import Trained, train_single, write_trained


def retrain(
    pinned: Path, output: Path | None, data_path: Path | None, console: Console, device: str = "cpu"
) -> Trained:
    """Trains what ``pinned`` holds, writes it to ``output``, and says whether the figure under [found] was met.

    device: cpu or cuda; products are of the precision that found the configuration.

    Raises ConfigError if the file still has something to search, NoTrialSucceeded if the training diverged.
    """
    return _train(
        read_space(pinned), str(pinned), pinned.read_text(encoding="utf-8"), output, data_path, console, device
    )


def train_published(
    arguments: Arguments, dataset: str, output: Path | None, data_path: Path | None, console: Console, device: str
) -> Trained:
    """Trains the AdvVAE as its published command line says, judged as our search judges it; seed 0.

    Every ``sample_and_save_frequency`` epochs the weights and a grid of samples go to ``snapshots`` in the folder.
    """
    from .production.snapshots import Snapshots

    objectives = read_space(find_space("advvae"))["objectives"]
    raw = {"model": "advvae", "dataset": dataset, "seed": 0, "objectives": objectives, "fixed": dict(arguments.values)}
    text = write_toml(raw if data_path is None else raw | {"data_path": str(data_path.absolute())})
    folder = output or TRAINED / "advvae"
    keep = Snapshots(folder / "snapshots", arguments.sample_and_save_frequency, arguments.num_samples)
    return _train(raw, "sparring train advvae", text, folder, data_path, console, device, keep)


def _train(
    raw: Mapping[str, Any],
    pinned: str,
    text: str,
    output: Path | None,
    data_path: Path | None,
    console: Console,
    device: str,
    keep: Callable[[int, Model], None] | None = None,
) -> Trained:
    """raw: a space with nothing to search; pinned: what messages call it; text: it as TOML, to stand by the weights."""
    model_class = find_model(str(raw.get("model", "")))
    space = Space(raw, model_class.Config, pinned)
    if space.dimensions:
        searched = ", ".join(each.name for each in space.dimensions)
        raise ConfigError(
            f"{pinned}: a pinned configuration has nothing to search, but got [search] {searched}; "
            "make one with `sparring best STUDY -o best.toml`"
        )
    check_device(device)
    where = data_path or (Path(raw["data_path"]) if "data_path" in raw else None)
    data = load_dataset(space.dataset, where, space.data)
    kind = space.split or SPLIT
    split = split_rows(len(data.ids), kind, SPLIT_SEED, data.parts)
    config, objective = space.config({}), space.objectives[0]
    bar = Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figure]}"),
        TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip

    missing = [name for name in config.fields if name not in data.fields]
    if missing:
        raise ConfigError(
            f"{pinned}: {space.model} needs the fields {', '.join(config.fields)}, but {space.dataset} holds "
            f"{', '.join(data.fields)}; choose another data set"
        )

    def rows(index: np.ndarray) -> dict[str, np.ndarray | Mapped]:
        return {name: select(data.fields[name], index) for name in config.fields}

    with bar:
        task = bar.add_task(f"{space.model} on {space.dataset}", total=config.epochs, figure="")

        def watch(row: EpochRow) -> None:
            bar.update(task, completed=row.epoch, figure=f"{objective.metric} {row.metrics[objective.metric]:.4g}")

        trained = train_single(
            model_class, config, rows(split.train), rows(split.valid), seed=space.seed or 0, objective=objective,
            watch=watch, device=device, precision=str(raw.get("found", {}).get("precision", "fp32")), keep=keep,
        )  # fmt: skip
    if trained.best is None:
        raise NoTrialSucceeded(f"{pinned}: the training diverged in epoch {trained.epochs}; lower the learning rates")
    folder = output or TRAINED / space.model
    write_trained(folder, trained, config, text)
    about = About(
        model=space.model, shapes={name: data.shapes[name] for name in config.fields}, dataset=space.dataset,
        data_path=str(where.absolute()) if where else None, data=space.data, split=kind, sha256=data.sha256,
        axes={name: tuple(data.axes[name].tolist()) for name in config.fields if name in data.axes},
        version=__version__,
    )  # fmt: skip
    write_about(folder, about)
    console.print(_verdict(trained, objective.metric, raw.get("found", {})), soft_wrap=True)
    console.print(f"Weights, configuration and figures: {folder}", soft_wrap=True)
    return trained


def _verdict(trained: Trained, metric: str, found: dict[str, Any]) -> str:
    assert trained.best is not None
    value, epoch = trained.best.metrics[metric], trained.best.epoch
    line = f"{metric} {value:.6g} at epoch {epoch} of {trained.epochs}"
    if found.get("metric") != metric:
        return f"{line}."
    if value == found["value"]:
        return f"{line}: exactly the figure of trial {found['trial']} of {found['study']}."
    there = f"{line}; trial {found['trial']} of {found['study']} had {found['value']:.6g}"
    if found.get("workers", 1) > 1:
        return f"{there}, trained by {found['workers']} workers, which one does not repeat to the last bit."
    return f"{there}. Another processor or torch version rounds differently, and adversarial training amplifies it."
