"""What a study's training has cost so far, all attempts together."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

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
    wall_s, cpu_s = lines["wall_s"], lines["cpu_s"]
    seconds = wall_s
    if spec.gpus_per_worker == 0:
        seconds = pc.coalesce(pc.divide(cpu_s, float(spec.cpus_per_worker)), wall_s)
    return Effort(epochs=len(lines), seconds=pc.sum(seconds).as_py() or 0.0)


def suffices(spec: StudySpec, effort: Effort, epochs: int) -> bool:
    """Whether the training seconds that are left, if they are limited at all, are enough for a trial of ``epochs``."""
    return spec.train_s is None or effort.seconds + effort.epoch_s * epochs <= limit_seconds(spec)


def limit_seconds(spec: StudySpec) -> float:
    """Seconds of training that all slots together may spend; infinite if nothing bounds them."""
    return float("inf") if spec.train_s is None else spec.train_s * spec.slots
