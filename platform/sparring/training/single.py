"""One configuration trained in this process: the same loop, seed, threads and rows as the trial it was pinned from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import torch
from safetensors.torch import save

from ..data.memory_map import Mapped
from ..ledger.health import PATIENCE, diagnose
from ..models.base import Model
from ..models.config import Config
from ..records import EpochRow, Objective, Outcome, Trial
from .batches.mapped_rows import as_rows
from .loop import TrialTraining
from .saves import Saves

EPOCHS = "epochs.parquet"
"""The trace of a training, a row per epoch: ``epoch``, ``wall_s`` and a column per metric."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A finished training: its outcome, and the best epoch's figures and weights."""

    outcome: Outcome
    best: EpochRow | None
    epochs: int
    state: Mapping[str, torch.Tensor]
    trace: tuple[EpochRow, ...] = ()
    """Every epoch's figures, in order."""
    test: Mapping[str, float] = field(default_factory=dict)
    """The best epoch's figures on the test rows, ``test/…``; empty if there are none."""


def train_single(
    model_class: type[Model],
    config: Config,
    train: Mapping[str, np.ndarray | Mapped],
    valid: Mapping[str, np.ndarray | Mapped],
    *,
    seed: int,
    objective: Objective,
    watch: Callable[[EpochRow], None],
    ood: Mapping[str, np.ndarray | Mapped] | None = None,
    device: str = "cpu",
    precision: str = "fp32",
    compiled: bool = False,
    test: Mapping[str, np.ndarray | Mapped] | None = None,
    keep: Callable[[TrialTraining], None] | None = None,
    saves: Saves | None = None,
    record: Callable[[EpochRow], object] = lambda row: None,
) -> Trained:
    """Trains to the end of the budget, or until it diverges or collapses, on one thread, as a slot does.

    watch: hears each epoch.

    ood: as ``TrialTraining`` takes it. test: rows that are looked at once, at the end. saves: where a training that was
    cut off goes on from.
    keep: called with the training after each finite epoch; it must leave the model and torch's generator as they are.
    record: hears each epoch too, and of a training that goes on also those before.
    What several workers trained is repeated to rounding if their batch norms were synchronised. Otherwise it is not:
    one process takes the statistics of the whole batch.
    """
    torch.set_num_threads(1)
    training = TrialTraining(
        model_class,
        config,
        as_rows(train),
        as_rows(valid),
        trial=Trial(number=0, params={}, seed=seed),
        objective=objective,
        ood=as_rows(ood or {}),
        device=device,
        precision=precision,
        compiled=compiled,
    )
    outcome = Outcome.COMPLETED
    if saves is not None and (packed := saves.newest()) is not None:
        training.restore(packed)
        for row in training.epoch_rows():
            record(row)
        watch(row)
    while not training.is_exhausted and outcome is Outcome.COMPLETED:
        row = training.run_epoch()
        record(row)
        watch(row)
        if (sickness := diagnose(training.epoch_rows()[-PATIENCE:])) is not None:
            outcome = sickness.outcome
            break
        if keep is not None:
            keep(training)
        if saves is not None:
            saves.take(training)
    rows = training.epoch_rows()
    best = rows[training.best.epoch - 1] if training.best.epoch else None
    return Trained(
        outcome=outcome,
        best=best,
        epochs=training.epoch,
        state=training.best.state,
        trace=tuple(rows),
        test=training.examine(as_rows(test)) if test and best is not None else {},
    )


def files_of(trained: Trained, config: Config, pinned: str) -> dict[str, bytes]:
    """By name: ``model.safetensors`` (the best epoch's weights), ``config.json``, ``metrics.json`` (its figures, on
    test rows too), ``epochs.parquet`` (every epoch's) and ``pinned.toml``.
    """
    figures = {"epoch": trained.best.epoch, **trained.best.metrics, **trained.test} if trained.best else {}
    rows = [{"epoch": row.epoch, "wall_s": row.wall_s, **row.metrics} for row in trained.trace]
    trace = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), trace)
    return {
        "model.safetensors": save({name: tensor.contiguous() for name, tensor in trained.state.items()}),
        "config.json": (config.model_dump_json(indent=2) + "\n").encode(),
        "metrics.json": (json.dumps(figures, indent=2) + "\n").encode(),
        EPOCHS: trace.getvalue().to_pybytes(),
        "pinned.toml": pinned.encode(),
    }
