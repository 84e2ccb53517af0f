"""What a referee that comes back finds in the ledger: trials ended and unfinished, and who reached which rung."""

from __future__ import annotations

from pathlib import Path

from ..ledger import attempt_rows, epoch_rows, trial_rows
from ..records import Objective, Trial, TrialRow
from .judge import Judge
from .live import LiveTrial
from .standing import Standing

FORGOTTEN = "?"
"""The token of a trial that some slot may be running since before the referee came back."""


def rebuild(folder: Path, objective: Objective, judge: Judge, *, heard: float) -> tuple[Standing, dict[int, LiveTrial]]:
    """The ended trials, and the unfinished ones by number; tells ``judge`` what was reached at the rungs.

    heard: when the unfinished ones count as last heard of, on the referee's clock. Raises as the ledger's readers.
    """
    sign = 1.0 if objective.goal == "minimize" else -1.0
    standing = Standing(objective, trial_rows(folder))
    live: dict[int, LiveTrial] = {}
    for attempt in attempt_rows(folder):
        if attempt.trial not in standing:
            trial = Trial(number=attempt.trial, params=attempt.params, seed=attempt.seed, attempt=attempt.attempt)
            live[trial.number] = LiveTrial(trial=trial, sign=sign, token=FORGOTTEN, heard=heard)
    shown = {number: LiveTrial(trial=_of(row), sign=sign) for number, row in standing.rows.items()} | live
    for row in epoch_rows(folder):
        if row.trial in shown:
            shown[row.trial].take(row, objective.metric)
    for each in shown.values():
        each.durable = each.epoch
        judge.recall(each, ended=each.trial.number in standing)
    return standing, live


def _of(row: TrialRow) -> Trial:
    return Trial(number=row.trial, params=row.params, seed=row.seed, attempt=row.attempt)
