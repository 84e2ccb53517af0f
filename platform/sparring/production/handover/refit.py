"""The pinned setting trained anew on training and validation rows, for as many epochs as the trial's best took.

No row is left to choose an epoch by, so the epoch is the one that the search chose; test rows stay untouched.
"""

from __future__ import annotations

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...data.memory_map import Mapped, select
from ...display import progress_of
from ...errors import NoTrialSucceeded
from ...ledger.checkpoints import pack_weights
from ...models import find_model
from ...models.config import Config
from ...records import Trial, TrialRow
from ...study import Study
from ...training.batches.mapped_rows import as_rows
from ...training.loop import TrialTraining
from ...training.state import copy_state


def refit(study: Study, config: Config, row: TrialRow, console: Console) -> bytes:
    """The weights after the trial's best epoch, as safetensors bytes. Raises NoTrialSucceeded if it diverges."""
    torch.set_num_threads(1)  # as a slot does
    index = np.concatenate([study.split.train, study.split.valid])
    rows: dict[str, np.ndarray | Mapped] = {
        name: select(study.dataset.fields[name], index) for name in config.taken(study.dataset.fields)
    }
    training = TrialTraining(
        find_model(study.spec.model),
        config,
        as_rows(rows),
        as_rows(study.rows("valid")),  # measured, and not looked at
        trial=Trial(number=row.trial, params=row.params, seed=row.seed),
        objective=study.spec.objective,
        ood=None if study.ood is None else as_rows(study.rows("ood")),
        precision=study.spec.precision,
    )
    epochs, told = row.best_epoch or config.epochs, progress_of(console)
    bar = Progress(
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=told, transient=True, disable=told.quiet or not told.is_terminal,
    )  # fmt: skip
    with bar:
        for _ in bar.track(range(epochs), description=f"{study.spec.model}, {len(index):,} rows"):
            if not training.run_epoch().is_finite:
                raise NoTrialSucceeded(
                    f"--refit: the training diverged in epoch {training.epoch}; promote the trial's own weights instead"
                )
    with training.weights_to_judge():
        return pack_weights(copy_state(training.model))
