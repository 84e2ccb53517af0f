"""The ledger: what happened in a study, in Parquet files that any tool can read while the search runs.

    results/<study>/
      study.json     what the study is: spec, fingerprints, versions, columns; written once
      trials/        one row per finished trial; ``pd.read_parquet("results/<study>/trials")`` is the truth
      attempts/      one row per try at a trial, written before a slot hears of it
      epochs/        long form: trial, attempt, epoch, metric, value, wall_s
      test/          figures on the test rows, at each look at them
      retrainings/   one row per trial trained again from a fresh seed, of which the search never hears
      inbox/         what somebody asks of the search by hand, a file each (``inbox.py``), until it is done
      _torn/         parts found damaged, each with its reason, out of every reader's way
      LOCK           held by the process that searches (``lock_study``); writer.lock by the one that writes (``Ledger``)

A table is a folder of immutable parts. One commit writes one part: temporary name, fsync, hard link to a name that
carries the sequence number and a CRC-32 of every byte, fsync of the folder. So a part is whole or absent, is never
overwritten, and damage shows. Readers need no lock. When a table has many parts, ``Ledger.compact`` swaps its folder
for one that holds a single part; a reader finds the rows before or after, never both, never neither.

Not here: what the rows mean for the search (referee), where checkpoints and event files go.
"""

from __future__ import annotations

from .lock import is_locked, lock_study
from .looks import Look, read_looks
from .reading import (
    Reading,
    attempt_rows,
    epoch_rows,
    queued_trials,
    read_attempts,
    read_epochs,
    read_trials,
    trial_rows,
)
from .retrainings import refit_trials, retraining_rows
from .study_json import STUDY_FILE, read_study, spec_from_json, spec_to_json, write_study
from .writer import Ledger

__all__ = [
    "STUDY_FILE",
    "Ledger",
    "Look",
    "Reading",
    "attempt_rows",
    "epoch_rows",
    "is_locked",
    "lock_study",
    "queued_trials",
    "read_attempts",
    "read_epochs",
    "read_looks",
    "read_study",
    "read_trials",
    "refit_trials",
    "retraining_rows",
    "spec_from_json",
    "spec_to_json",
    "trial_rows",
    "write_study",
]
