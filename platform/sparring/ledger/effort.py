"""What a study's training has cost so far, all attempts together, and what it may cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike

import pyarrow as pa
import pyarrow.compute as pc

from ..records import EpochRow, StudySpec
from .reading import read_epochs


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Epochs that were trained, and the slots' seconds that they took."""

    epochs: int = 0
    seconds: float = 0.0

    @property
    def epoch_s(self) -> float:
        """Seconds of an epoch in the mean; 0 before the first."""
        return self.seconds / self.epochs if self.epochs else 0.0

    def and_one(self, seconds: float) -> Effort:
        """With an epoch more."""
        return Effort(epochs=self.epochs + 1, seconds=self.seconds + seconds)


def train_seconds(row: EpochRow, spec: StudySpec) -> float:
    """What an epoch took of its slot: its processor's seconds per thread, or those of the clock with a GPU.

    A GPU's work does not show in the processor's seconds; what other programs take does not show in them either.
    """
    if spec.gpus_per_worker > 0 or row.cpu_s is None:
        return row.wall_s
    return row.cpu_s / spec.cpus_per_worker


def read_effort(folder: str | PathLike[str], spec: StudySpec) -> Effort:
    """From the ledger. Raises as ``read_trials``."""
    lines = read_epochs(folder, pc.field("metric") == spec.objective.metric).table
    return Effort(epochs=len(lines), seconds=pc.sum(slot_seconds(lines, spec)).as_py() or 0.0)


def slot_seconds(lines: pa.Table, spec: StudySpec) -> pa.ChunkedArray:
    """``train_seconds`` of lines of the table ``epochs``, one per epoch."""
    if spec.gpus_per_worker > 0:
        return lines["wall_s"]
    return pc.coalesce(pc.divide(lines["cpu_s"], float(spec.cpus_per_worker)), lines["wall_s"])


def suffices(spec: StudySpec, effort: Effort, epochs: int) -> bool:
    """Whether the training seconds that are left, if they are limited at all, are enough for a trial of ``epochs``."""
    return effort.seconds + effort.epoch_s * epochs <= search_seconds(spec, effort, epochs)


PER_RERUN = 5
"""Whole trainings of a search that are worth one on fresh seeds: a race takes a fifth of what its search takes."""
LEAST_RUNS, PROBE_RUNS = 4, 6
"""Trainings on fresh seeds that show any noise, and that measure it."""
REFIT_RUNS = 1
"""Trainings after a race, for the weights of a winner that the search did not keep."""
RACE_RUNS = 100
"""Whole trainings of a search from which on more than the noise is worth its price (decision 22)."""


def kept_seconds(spec: StudySpec, effort: Effort, epochs: int) -> float:
    """Seconds of training that a search leaves to its race, by what a whole training of ``epochs`` took so far.

    Nothing, but of hours: those are the user's bound on search and race together. And of hours nothing either where a
    sixth does not buy five trainings, and no more than seven where the search is too short for more than the noise:
    one of them may go to the winner's weights.
    """
    bound, whole_s = hours_seconds(spec), effort.epoch_s * epochs
    if spec.race != "auto" or not whole_s or len(spec.objectives) > 1 or spec.workers_per_trial > 1:
        return 0.0
    share = bound / (PER_RERUN + 1)
    if math.isinf(bound) or share < (LEAST_RUNS + REFIT_RUNS) * whole_s:
        return 0.0
    return share if bound - share >= RACE_RUNS * whole_s else min(share, (PROBE_RUNS + REFIT_RUNS) * whole_s)


def limit_seconds(spec: StudySpec) -> float:
    """Seconds of training, as ``train_seconds`` counts them, that all slots together may spend; infinite if nothing
    bounds them.

    Hours are of processors or GPUs, and a second of a slot is one of each that its trial has. So GPU seconds of an
    earlier run count by this run's share of a GPU.
    """
    of_slots = math.inf if spec.train_s is None else spec.train_s * spec.slots
    return min(of_slots, hours_seconds(spec))


def search_seconds(spec: StudySpec, effort: Effort, epochs: int) -> float:
    """What of ``limit_seconds`` the search itself may spend, by what is known so far: its race may be left some."""
    return min(limit_seconds(spec), hours_seconds(spec) - kept_seconds(spec, effort, epochs))


def hours_seconds(spec: StudySpec) -> float:
    """What hours of processors or GPUs alone bound, as ``limit_seconds`` counts; infinite without any."""
    limits = []
    for hours, each in ((spec.cpu_hours, spec.cpus_per_worker), (spec.gpu_hours, spec.gpus_per_worker)):
        if hours is not None:
            limits.append(hours * 3600 / (each * spec.workers_per_trial))
    return min(limits, default=math.inf)
