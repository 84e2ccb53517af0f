"""What a referee that comes back reads from the ledger: trials ended and unfinished, and who reached which rung."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import LedgerError
from ..ledger import attempt_rows, epoch_rows, read_epochs, trial_rows
from ..ledger.effort import train_seconds
from ..records import EpochRow, StudySpec, Trial, TrialRow
from .ended import EndedTrials
from .rungs import Judge
from .running import LiveTrial, Turn
from .stopwatch import Stopwatch

FORGOTTEN = "?"
"""The token of a trial that some slot may be running since before the referee came back."""


def rebuild(
    folder: Path, spec: StudySpec, judge: Judge, *, heard: float, study: str
) -> tuple[EndedTrials, dict[int, LiveTrial]]:
    """The ended trials, and the unfinished ones by number; ``judge`` takes over what was reached at the rungs.

    study: its digest, as its checkpoints carry it. heard: when the unfinished ones count as last heard of, on the
    referee's clock. Raises as the ledger's readers.
    """
    ended = EndedTrials(spec.objectives, trial_rows(folder))
    live: dict[int, LiveTrial] = {}
    for attempt in attempt_rows(folder):
        if attempt.trial not in ended:
            begun = Trial(
                number=attempt.trial,
                params=attempt.params,
                seed=attempt.seed,
                attempt=attempt.attempt,
                source=attempt.source,
                study=study,
            )
            live[begun.number] = LiveTrial(
                trial=begun, objectives=spec.objectives, turn=Turn.WAITING, token=FORGOTTEN, heard=heard,
                stopwatch=Stopwatch(is_known=False),
            )  # fmt: skip
    for row in epoch_rows(folder, live):
        live[row.trial].take(row, train_seconds(row, spec))
    for trial in live.values():
        trial.durable = trial.epoch
        judge.recall(trial)
    if judge.rungs:
        judge.recall_ended(*_figures(folder, spec, live))
        if ended.best is not None:
            judge.complete(_again(ended.best, epoch_rows(folder, [ended.best.trial]), spec))
    return ended, live


def _figures(folder: Path, spec: StudySpec, live: Collection[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the trials that have ended: (rows,) trial and epoch, and (rows, objectives) the objectives, lower better.

    As arrays: 73,000 epochs as values took 300 MB.
    """
    columns: list[np.ndarray] = []
    keys = np.empty((0, 2), int)
    for objective in spec.objectives:
        is_live = pc.field("trial").isin(pa.array(sorted(live), pa.int64()))
        lines = read_epochs(folder, (pc.field("metric") == objective.metric) & ~is_live).table
        own = np.stack([lines["trial"].to_numpy(), lines["epoch"].to_numpy()], axis=1)
        if columns and not np.array_equal(own, keys):
            raise LedgerError(
                f"{folder}: an epoch of a trial that has ended lacks {objective.metric}, an objective of this study"
            )
        keys = own
        columns.append(objective.sign * lines["value"].to_numpy())
    return keys[:, 0], keys[:, 1], np.stack(columns, axis=1)


def _again(row: TrialRow, epochs: Iterable[EpochRow], spec: StudySpec) -> LiveTrial:
    """A trial that has ended, as it was."""
    again = LiveTrial(trial=Trial(number=row.trial, params=row.params, seed=row.seed), objectives=spec.objectives)
    for epoch in epochs:
        again.take(epoch, train_seconds(epoch, spec))
    return again
