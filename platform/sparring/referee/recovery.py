"""Trials whose attempts a damaged ledger has lost, put back before the referee rebuilds itself.

A part of ``attempts/`` may be torn or gone while epochs and checkpoints of its trials are there. What a trial's values
were stands in its checkpoints too; those of the points to try first, and of a grid, are known. Nobody knows those of
other trials: their numbers stay taken, since epochs of other values lie under them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.compute as pc

from ..ledger import Ledger, attempt_rows, read_epochs, trial_rows
from ..ledger.checkpoints import CheckpointFolder
from ..records import AttemptRow, Outcome, StudySpec, TrialRow, Value

LOST = "its values were lost with a damaged or missing part of attempts/, and no checkpoint keeps them"


def restore_attempts(
    folder: Path,
    ledger: Ledger,
    checkpoints: CheckpointFolder,
    spec: StudySpec,
    given: Sequence[Mapping[str, Value]],
    study: str,
) -> None:
    """Commits an attempt of every trial that was begun and has none; of one that cannot go on, its end as crashed.

    given: values of the first trials, by number. study: the study's digest, which its checkpoints carry. Raises
    LedgerError.
    """
    found = {row.trial for row in attempt_rows(folder)} | {row.trial for row in trial_rows(folder)}
    lost = {progress.trial: progress for progress in checkpoints.lost(study, found)}
    top = max(found | lost.keys(), default=-1)
    told = read_epochs(folder, pc.field("trial") > top).table["trial"]
    for number in range(1 + max(top, *told.to_pylist(), -1)):
        if number in found:
            continue
        progress = lost.get(number)
        if progress is not None and progress.params is not None:
            params, seed, attempt = progress.params, progress.seed or 0, progress.attempt
        elif number < len(given):
            params, seed, attempt = given[number], spec.seed, 1
        else:
            end = TrialRow(trial=number, attempt=1, seed=spec.seed, outcome=Outcome.CRASHED, params={}, error=LOST)
            ledger.append_trial(end)
            continue
        ledger.append_attempt(AttemptRow(trial=number, attempt=attempt, seed=seed, params=params))
