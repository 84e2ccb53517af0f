"""``sparring train FILE.toml``: from a pinned configuration to weights, and the proof that the figure repeats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .data import load_dataset, split_rows
from .data.mapping import Mapped, select
from .errors import ConfigError, NoTrialSucceeded, UsageError
from .models import find_model
from .records import EpochRow
from .space import Space, read_space
from .study import SPLIT, SPLIT_SEED
from .training.single import Trained, train_single, write_trained


def retrain(
    pinned: Path, output: Path | None, data_path: Path | None, console: Console, device: str = "cpu"
) -> Trained:
    """Trains what ``pinned`` holds, writes it to ``output``, and says whether the figure under [found] was met.

    device: cpu or cuda; products are of the precision that found the configuration.

    Raises ConfigError if the file still has something to search, NoTrialSucceeded if the training diverged.
    """
    raw = read_space(pinned)
    model_class = find_model(str(raw.get("model", "")))
    space = Space(raw, model_class.Config, str(pinned))
    if space.dimensions:
        searched = ", ".join(each.name for each in space.dimensions)
        raise ConfigError(
            f"{pinned}: a pinned configuration has nothing to search, but got [search] {searched}; "
            "make one with `sparring best STUDY -o best.toml`"
        )
    _check_device(device)
    where = data_path or (Path(raw["data_path"]) if "data_path" in raw else None)
    data = load_dataset(space.dataset, where, space.data)
    split = split_rows(len(data.ids), space.split or SPLIT, SPLIT_SEED, data.parts)
    config, objective = space.config({}), space.objectives[0]
    bar = Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figure]}"),
        TimeRemainingColumn(), console=console, transient=True,
    )  # fmt: skip

    def rows(index: np.ndarray) -> dict[str, np.ndarray | Mapped]:
        return {name: select(data.fields[name], index) for name in config.fields}

    with bar:
        task = bar.add_task(f"{space.model} on {space.dataset}", total=config.epochs, figure="")

        def watch(row: EpochRow) -> None:
            bar.update(task, completed=row.epoch, figure=f"{objective.metric} {row.metrics[objective.metric]:.4g}")

        trained = train_single(
            model_class, config, rows(split.train), rows(split.valid), seed=space.seed or 0, objective=objective,
            watch=watch, device=device, precision=str(raw.get("found", {}).get("precision", "fp32")),
        )  # fmt: skip
    if trained.best is None:
        raise NoTrialSucceeded(f"{pinned}: the training diverged in epoch {trained.epochs}; lower the learning rates")
    folder = output or Path("trained") / space.model
    write_trained(folder, trained, config, pinned.read_text(encoding="utf-8"))
    console.print(_verdict(trained, objective.metric, raw.get("found", {})), soft_wrap=True)
    console.print(f"Weights, configuration and figures: {folder}", soft_wrap=True)
    return trained


def _check_device(device: str) -> None:
    import torch

    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device: there are cpu and cuda, but got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device: cuda wants a GPU and a PyTorch built for it, but finds none here; use --device cpu")


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
