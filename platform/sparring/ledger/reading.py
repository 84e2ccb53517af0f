"""A study's tables for anyone: no lock, also while the search writes, torn parts skipped and named."""

from __future__ import annotations

from collections.abc import Collection
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..records import QUEUED, AttemptRow, EpochRow, TrialRow
from .parts import read_parts
from .schema import KEYS, Columns, to_attempt_rows, to_epoch_rows, to_trial_rows
from .study_json import read_study


class Reading(NamedTuple):
    """What a table held when it was read."""

    table: pa.Table
    """Unique and sorted by trial (, attempt, epoch, metric); an empty study gives the full schema without rows."""
    torn: tuple[str, ...]
    """Damaged parts left out, each with its reason. The next search sets them aside in ``_torn/``."""


def read_trials(folder: str | PathLike[str]) -> Reading:
    """Finished trials, one row each.

    folder: the study's, with its study.json. Raises UnknownName if there is none, LedgerError if that file is torn or
    the parts may not be read; never because of torn parts.
    """
    return _read(Path(folder), "trials")


def read_attempts(folder: str | PathLike[str]) -> Reading:
    """Every try at a trial, finished or not. Raises as ``read_trials``."""
    return _read(Path(folder), "attempts")


def read_epochs(folder: str | PathLike[str], keep: pc.Expression | None = None) -> Reading:
    """Every epoch's figures in long form, or only the lines of which ``keep`` is true. Raises as ``read_trials``.

    10,000 trials of 50 epochs and 10 metrics are five million lines: some 500 MB, unless ``keep`` chooses.
    """
    return _read(Path(folder), "epochs", keep)


def read_test(folder: str | PathLike[str]) -> Reading:
    """Figures on the test rows, a line each; ``looks.py`` reads them as values. Raises as ``read_trials``."""
    return _read(Path(folder), "test")


def read_retrainings(folder: str | PathLike[str]) -> Reading:
    """Trials trained again from fresh seeds; ``retrainings.py`` reads them as values. Raises as ``read_trials``."""
    return _read(Path(folder), "retrainings")


def trial_rows(folder: str | PathLike[str]) -> list[TrialRow]:
    """``read_trials`` as values."""
    return to_trial_rows(read_trials(folder).table)


def attempt_rows(folder: str | PathLike[str]) -> list[AttemptRow]:
    """``read_attempts`` as values."""
    return to_attempt_rows(read_attempts(folder).table)


def epoch_rows(folder: str | PathLike[str], trials: Collection[int] | None = None) -> list[EpochRow]:
    """``read_epochs`` as values, one per epoch of an attempt; of all trials, or only of ``trials``."""
    keep = None if trials is None else pc.field("trial").isin(pa.array(sorted(trials), pa.int64()))
    return to_epoch_rows(read_epochs(folder, keep).table)


def queued_trials(folder: str | PathLike[str]) -> frozenset[int]:
    """Numbers of the trials that somebody has put in line by hand. Raises as ``read_trials``."""
    table = read_attempts(folder).table
    pairs = zip(table["trial"].to_pylist(), table["source"].to_pylist(), strict=True)
    return frozenset(trial for trial, source in pairs if source == QUEUED)


def _read(folder: Path, name: str, keep: pc.Expression | None = None) -> Reading:
    study = read_study(folder)
    columns = Columns(folder.resolve().name, study["kinds"], study["metrics"])
    parts = read_parts(folder / name, columns.schemas[name], KEYS[name], keep=keep)
    return Reading(parts.table, tuple(f"{name}/{part}: {reason}" for part, reason in sorted(parts.torn.items())))
