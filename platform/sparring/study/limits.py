"""What a search may spend and how its trials run: the flags of ``sparring search`` beside its space and its data."""

from __future__ import annotations

from dataclasses import dataclass

from ..records import StudySpec


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Every field is StudySpec's of the same name, which says what it means; ``prepare`` fills in what is None."""

    trials: int | None = StudySpec.trials
    time_s: float | None = StudySpec.time_s
    train_s: float | None = StudySpec.train_s
    cpu_hours: float | None = StudySpec.cpu_hours
    gpu_hours: float | None = StudySpec.gpu_hours
    race: str | None = None
    """None takes that of the study which is resumed, and of a new one auto."""
    slots: int = StudySpec.slots
    seed: int | None = None
    """None takes the published configuration's seed, and 0 without one."""
    sampler: str = StudySpec.sampler
    pruner: str | None = None
    """None takes that of the study which is resumed, and of a new one halving."""
    checkpoint_s: float = StudySpec.checkpoint_s
    workers_per_trial: int = StudySpec.workers_per_trial
    cpus_per_worker: int = StudySpec.cpus_per_worker
    gpus_per_worker: float = StudySpec.gpus_per_worker
    sync_batchnorm: bool = StudySpec.sync_batchnorm
    precision: str = StudySpec.precision
    compile: bool = StudySpec.compile
    start_limit_s: float = StudySpec.start_limit_s
    collective_limit_s: float = StudySpec.collective_limit_s
    silence_limit_s: float = StudySpec.silence_limit_s


DEFAULT_LIMITS = Limits()
