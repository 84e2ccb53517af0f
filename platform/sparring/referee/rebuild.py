"""What a referee that comes back reads from the ledger: trials ended and unfinished, and who reached which rung."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..ledger import attempt_rows, epoch_rows, read_epochs, trial_rows
from ..ledger.effort import train_seconds
from ..records import StudySpec, Trial
from .ended import EndedTrials
from .rungs import Judge
from .running import LiveTrial, Turn
from .stopwatch import Stopwatch

FORGOTTEN = "?"
"""The token of a trial that some slot may be running since before the referee came back."""


def rebuild(folder: Path, spec: StudySpec, judge: Judge, *, heard: float) -> tuple[EndedTrials, dict[int, LiveTrial]]:
    """The ended trials, and the unfinished ones by number; ``judge`` takes over what was reached at the rungs.

    heard: when the unfinished ones count as last heard of, on the referee's clock. Raises as the ledger's readers.
    """
    ended, objective = EndedTrials(spec.objectives, trial_rows(folder)), spec.objective
    live: dict[int, LiveTrial] = {}
    for attempt in attempt_rows(folder):
        if attempt.trial not in ended:
            begun = Trial(
                number=attempt.trial,
                params=attempt.params,
                seed=attempt.seed,
                attempt=attempt.attempt,
                source=attempt.source,
            )
            live[begun.number] = LiveTrial(
                trial=begun, sign=objective.sign, turn=Turn.WAITING, token=FORGOTTEN, heard=heard,
                stopwatch=Stopwatch(is_known=False),
            )  # fmt: skip
    for row in epoch_rows(folder, live):
        live[row.trial].take(row, objective.metric, train_seconds(row, spec))
    for trial in live.values():
        trial.durable = trial.epoch
        judge.recall(trial)
    if judge.rungs:
        # Only the objective counts of trials that have ended, and as a table: 73,000 epochs as values took 300 MB.
        is_live = pc.field("trial").isin(pa.array(sorted(live), pa.int64()))
        lines = read_epochs(folder, (pc.field("metric") == objective.metric) & ~is_live).table
        judge.recall_ended(lines, objective.sign)
    return ended, live
