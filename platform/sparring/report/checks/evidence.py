"""What the health checks look at, and how one of them ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import pyarrow.compute as pc

from ...ledger import attempt_rows, is_locked, read_epochs, read_study, retraining_rows
from ...ledger.effort import Effort, read_effort
from ...ledger.ranking import is_ranked
from ...records import AttemptRow, Retraining, TrialRow
from ..reading import Report


class Status(StrEnum):
    """How a check ended, the worst first."""

    FAILED = "failed"
    WARNING = "warning"
    UNKNOWN = "too little to say"
    PASSED = "passed"


class Finding(NamedTuple):
    """What a check found."""

    status: Status
    sentence: str
    way_out: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A question about a study and its answer."""

    question: str
    status: Status
    sentence: str
    """With the numbers it rests on."""
    way_out: str
    """What to do about it; empty where nothing is to be done."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A report, and what a report does not have."""

    report: Report
    curves: Mapping[int, Mapping[int, float]]
    """Trial -> epoch -> the leading objective, where it is finite; of an epoch trained twice, the last."""
    attempts: Sequence[AttemptRow]
    retrainings: Sequence[Retraining]
    effort: Effort
    """What all epochs have cost."""
    epochs: int
    """Of a whole trial; 0 where the study does not say."""
    is_running: bool
    """Whether a process searches it now."""

    @cached_property
    def ranked(self) -> list[TrialRow]:
        """Completed trials, the best first."""
        return [row for row in self.report.trials if is_ranked(row)]


def gather(report: Report) -> Evidence:
    """The rest of the evidence, from the study's folder. Raises as ``read_trials``."""
    folder = report.folder
    study = read_study(folder)
    return Evidence(
        report=report,
        curves=read_curves(report),
        attempts=attempt_rows(folder),
        retrainings=retraining_rows(folder),
        effort=read_effort(folder, report.spec),
        epochs=study.get("epochs", 0) or max((row.epochs for row in report.trials), default=0),
        is_running=is_locked(folder),
    )


def read_curves(report: Report) -> dict[int, dict[int, float]]:
    """The leading objective by trial and epoch."""
    table = read_epochs(report.folder, pc.field("metric") == report.objective.metric).table.sort_by("attempt")
    curves: dict[int, dict[int, float]] = {}
    for trial, epoch, value in zip(*(table[name].to_pylist() for name in ("trial", "epoch", "value")), strict=True):
        if value is not None and math.isfinite(value):
            curves.setdefault(trial, {})[epoch] = value
    return curves


def count_of(count: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
