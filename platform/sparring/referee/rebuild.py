"""What a referee that comes back finds in the ledger: trials ended and unfinished, and who reached which rung."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..ledger import attempt_rows, epoch_rows, read_epochs, trial_rows
from ..records import Objective, Trial
from .ended import EndedTrials
from .rungs import Judge
from .running import LiveTrial

FORGOTTEN = "?"
"""The token of a trial that some slot may be running since before the referee came back."""


def rebuild(
    folder: Path, objectives: Sequence[Objective], judge: Judge, *, heard: float
) -> tuple[EndedTrials, dict[int, LiveTrial]]:
    """The ended trials, and the unfinished ones by number; tells ``judge`` what was reached at the rungs.

    heard: when the unfinished ones count as last heard of, on the referee's clock. Raises as the ledger's readers.
    """
    standing, objective = EndedTrials(objectives, trial_rows(folder)), objectives[0]
    live: dict[int, LiveTrial] = {}
    for attempt in attempt_rows(folder):
        if attempt.trial not in standing:
            trial = Trial(number=attempt.trial, params=attempt.params, seed=attempt.seed, attempt=attempt.attempt)
            live[trial.number] = LiveTrial(trial=trial, sign=objective.sign, token=FORGOTTEN, heard=heard)
    for row in epoch_rows(folder, live):
        live[row.trial].take(row, objective.metric)
    for each in live.values():
        each.durable = each.epoch
        judge.recall(each)
    if judge.rungs:
        # Of ended trials only the objective counts, and as a table: 73,000 epochs as values took 300 MB.
        told = read_epochs(folder, (pc.field("metric") == objective.metric) & ~_of(live)).table
        judge.recall_ended(told, objective.sign)
    return standing, live


def _of(trials: Collection[int]) -> pc.Expression:
    return pc.field("trial").isin(pa.array(sorted(trials), pa.int64()))
