"""The values that cross every border: frozen, small, free of torch, ray and optuna.

A study is searched by trials; a trial runs in attempts; an attempt reports epochs; the referee
answers each epoch with a verdict, and each trial ends with one outcome.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

from .errors import UsageError

Value = float | int | bool | str
"""A hyperparameter's value, as it stands in TOML, in Parquet and on the screen."""

Kind = Literal["float", "int", "bool", "str"]
"""The type of a hyperparameter's column in the ledger."""

REFIT = "refit"
"""The role of a re-training from the trial's own seed."""

QUEUED = "queued"
"""The source of a trial that somebody has put in line by hand while the search ran."""

WAIT = -1
"""The referee's answer to a slot that asks for a trial while the next one depends on those that run."""

RESULTS = Path("results")
"""Where ``search`` writes a folder per study unless told otherwise."""

NAME_RULE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


def safe_name(name: str, what: str = "study name") -> str:
    """``name`` itself if it may become a folder's name; raises UsageError otherwise, never rewrites."""
    if not NAME_RULE.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{what}: a name is 1 to 64 letters, digits, '.', '_' or '-', begins with a letter or digit and holds no "
            f"'..', but got {name!r}; choose one such as 'aegan-1'"
        )
    return name


SAMPLERS = ("prior", "tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random", "grid")
PRUNERS = ("halving", "hyperband", "median", "percentile", "patient", "wilcoxon", "none")
"""What --sampler and --pruner take; the first is the default. ``sparring.referee`` holds what they name."""
RUNGS = 2
"""Of successive halving, unless a space says otherwise: at epochs/3 and epochs/9."""

PRECISIONS = ("fp32", "tf32", "bf16")
"""What --precision takes: how a phase multiplies. ``sparring.training.hardware.compiling`` says what each does."""


class Outcome(StrEnum):
    """How a trial ended. ``advice`` is the sentence the user reads."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    COLLAPSED = "collapsed"
    INFEASIBLE = "infeasible"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"

    @property
    def advice(self) -> str:
        return _ADVICE[self]


_ADVICE = {
    Outcome.COMPLETED: "it trained for its whole budget",
    Outcome.PRUNED: "other trials were better at the same epoch; the budget went to them",
    Outcome.DIVERGED: "a loss or figure became NaN or infinite; lower the learning rates or narrow their range",
    Outcome.COLLAPSED: "the networks stopped sparring: a discriminator that did not learn, samples all alike, an empty "
    "code; lower the learning rates, or narrow the weights of the adversarial and prior terms",
    Outcome.INFEASIBLE: "this combination of values cannot be built; constrain the space",
    Outcome.OUT_OF_MEMORY: "the slot ran out of memory; search smaller networks or batches, or fewer slots",
    Outcome.TIMED_OUT: "it passed its own time limit; raise the limit or search smaller networks",
    Outcome.CRASHED: "it died of an error on every attempt; the ledger keeps the error's text",
    Outcome.STOPPED: "somebody stopped it by hand; its epochs stay in the ledger, and nothing is concluded from them",
    Outcome.INTERRUPTED: "the search stopped first; the same command again continues it from its checkpoint",
}


class Verdict(StrEnum):
    """The referee's answer to an epoch."""

    GO_ON = "go_on"
    PAUSE = "pause"  # others are better at the same epoch; keep the checkpoint, the trial may go on later
    PRUNED = "pruned"
    DIVERGED = "diverged"
    COLLAPSED = "collapsed"
    STOP = "stop"  # the whole search is stopping; keep the checkpoint, end as interrupted


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One raw validation figure and which way is better."""

    metric: str
    goal: Literal["minimize", "maximize"] = "minimize"

    @property
    def sign(self) -> float:
        """+1 if lower is better, -1 if higher is: multiply a figure by it and lower is always better."""
        return 1.0 if self.goal == "minimize" else -1.0


@dataclass(frozen=True)
class Interval:
    """A figure, and how far it would move with other rows."""

    value: float
    low: float | None = None
    high: float | None = None
    """Ends of its 95 % interval over the rows; None where there are too few."""
    resamples: tuple[float, ...] = ()
    """The figure of each resample of the rows; figures on the same rows are compared pair by pair."""


@dataclass(frozen=True, kw_only=True)
class EarlierTrial:
    """A trial of an earlier study, which the sampler is shown beside this study's own; it is none of these."""

    study: str
    params: Mapping[str, Value]
    """As this study's space has them."""
    values: tuple[float, ...]
    """By this study's objectives, finite."""
    epochs: int
    """Epochs trained."""
    is_whole: bool
    """It completed; else it was stopped."""
    shares: tuple[float, ...] = ()
    """By objective, the share of its study that was better, 0 to 1; empty where the two studies' figures compare."""


@dataclass(frozen=True, kw_only=True)
class StudySpec:
    """Everything that defines a study. Its JSON form is ``study.json``; its fingerprint decides resume."""

    name: str
    model: str
    dataset: str
    data_path: str | None = None
    data_options: Mapping[str, object] = field(default_factory=dict)
    split: str = "80/20"
    space: Mapping[str, object] = field(default_factory=dict)
    """The search space as read from TOML ([objectives], [fixed], [search]), --config and --set already applied."""
    objectives: tuple[Objective, ...] = (Objective(metric="val/score"),)
    """The first leads: a trial's best epoch is the best by it; the others are read there."""
    seed: int = 0
    trials: int | None = 24
    """Trials in all; None begins as many as the seconds allow."""
    time_s: float | None = None
    """Seconds of one run of the search, on the wall's clock; a run that is resumed gets as many again."""
    train_s: float | None = None
    """Seconds of training that each slot spends over the whole study, on its processor's clock (with a GPU, on the
    wall's). A busy machine takes longer and finds no less."""
    cpu_hours: float | None = None
    """Processor hours of training that all slots together spend over the whole study, where trials use no GPU."""
    gpu_hours: float | None = None
    """GPU hours of the same, where trials use GPUs: hours of training times the GPUs of a trial."""
    race: str = "off"
    """Re-trainings on fresh seeds after the search: ``auto``, ``off`` or how many. What was begun ends: the rows of
    ``retrainings/`` say how many those were asked for."""
    slots: int = 2
    sampler: str = "prior"
    earlier: tuple[EarlierTrial, ...] = ()
    """What was taken from earlier studies when this one was begun."""
    pruner: str = "halving"
    attempts: int = 3
    """Tries a trial gets before it counts as crashed."""
    checkpoint_s: float = 10.0
    """A running trial is checkpointed at most this often, in seconds of its own time."""
    workers_per_trial: int = 1
    """Processes that train one trial data-parallel: its world size."""
    cpus_per_worker: int = 1
    """CPUs, and threads, of each worker."""
    gpus_per_worker: float = 0.0
    """GPUs of each worker; a fraction shares one GPU between slots of one worker."""
    sync_batchnorm: bool = False
    """Batch norm over the global batch instead of each worker's share of it."""
    precision: str = "fp32"
    compile: bool = False
    """Compile each phase with ``torch.compile`` (CUDA graphs on a GPU); what does not compile runs as it is."""
    start_limit_s: float = 120.0
    """Longest wait for a slot's place and its workers' start."""
    collective_limit_s: float = 300.0
    """Longest wait of one worker for the others."""
    silence_limit_s: float = 1800.0
    """Longest time a trial may take for one epoch; then its worker is ended, and the attempt counts."""

    @property
    def objective(self) -> Objective:
        """The one that leads."""
        return self.objectives[0]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One hyperparameter configuration with one seed, as handed to a slot."""

    number: int
    params: Mapping[str, Value]
    """Searched values only; a conditional value that does not apply is absent."""
    seed: int
    attempt: int = 1
    source: str = ""
    """Who drew it, as the sampler calls that: ``known``, ``prior``, ``best``, ``model``, ``anywhere``, ``queued``;
    may be empty."""
    study: str = ""
    """Checksum of its study.json, which its checkpoints carry too; empty outside a study."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a slot gets to run: the trial, a checkpoint to continue from, and its last epoch in the ledger."""

    trial: Trial
    checkpoint: bytes | None
    durable: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The reply to a report: the verdict, and up to which epoch the ledger holds this trial."""

    verdict: Verdict
    durable: int


@dataclass(frozen=True, kw_only=True)
class EpochRow:
    """What one epoch of one attempt measured. Epochs count from 1."""

    trial: int
    attempt: int
    epoch: int
    metrics: Mapping[str, float]
    wall_s: float
    """Seconds this epoch took, training and validation together."""
    cpu_s: float | None = None
    """Processor seconds of the same, of the worker that reports; None where nobody measured them."""

    @property
    def is_finite(self) -> bool:
        return all(math.isfinite(value) for value in self.metrics.values())


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """How a trial ended: the ledger's truth, one row per trial."""

    trial: int
    attempt: int
    seed: int
    outcome: Outcome
    params: Mapping[str, Value]
    value: float | None = None
    """The leading objective at ``best_epoch``; None unless finite figures exist. Never NaN."""
    best_epoch: int | None = None
    epochs: int = 0
    """Epochs trained."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Every metric at ``best_epoch``."""
    wall_s: float = 0.0
    """Seconds of its epochs, training and validation."""
    wait_s: float | None = None
    """Seconds from being handed out until a slot took it, all attempts together, pauses left out. None, as the next
    three, if the referee came back meanwhile or the study is older."""
    start_s: float | None = None
    """Seconds from there to the beginning of the attempt's first epoch: the networks made, a checkpoint read."""
    report_s: float | None = None
    """Seconds between epochs: the referee's answers, checkpoints."""
    lost_s: float | None = None
    """Seconds of what a dead slot or a failed trial did since it was last heard of, and of epochs trained again."""
    error: str | None = None
    """Why, at most 4 kB: the exception's class and text of a trial that crashed or ran out of memory, and the cause of
    one that diverged, collapsed or was stopped by hand."""


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """A trial trained again after the search, from a fresh seed; neither sampler nor pruner ever hears of it.

    One of role ``REFIT`` has the trial's own seed: it makes the weights of a winner that the search did not keep.
    """

    trial: int
    """The trial whose hyperparameters it has."""
    seed: int
    role: str
    """Why it was trained: ``probe`` (how large is the noise), ``race``, ``final`` (the figure of who won it) or
    ``REFIT``."""
    asked: int | None = None
    """Re-trainings in all that the user asked for; None where the rule decided."""
    outcome: Outcome
    value: float | None = None
    """The leading objective at ``best_epoch``; None unless it completed with finite figures. Never NaN."""
    best_epoch: int | None = None
    epochs: int = 0
    """Epochs trained."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Every metric at ``best_epoch``."""
    wall_s: float = 0.0
    """Seconds of its epochs, training and validation."""
    cpu_s: float | None = None
    """Processor seconds of the same; None where nobody measured them."""
    error: str | None = None
    """The exception's class and text, at most 4 kB, where it failed of one."""
    weights: bytes | None = field(default=None, repr=False)
    """Of a refit that completed: those of its best epoch. The ledger keeps them as a file of their own."""


@dataclass(frozen=True, kw_only=True)
class AttemptRow:
    """A trial was handed to a slot: written before the slot hears of it."""

    trial: int
    attempt: int
    seed: int
    params: Mapping[str, Value]
    slot: str = ""
    source: str = ""
    """Who drew the trial."""


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial in training, for the live view."""

    number: int
    attempt: int
    epoch: int
    epochs: int
    value: float | None
    """Best objective so far; None before the first epoch's end."""
    warning: str = ""
    """What is worth a look in the health of its newest epoch; empty where nothing is."""


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What more trials would bring, in the unit of the leading objective."""

    trials: int
    """How many more."""
    expected: float
    """The best then, in the mean."""
    low: float
    high: float
    """Ends of its interval of 90 %."""


class Left(NamedTuple):
    """Seconds to the end of a search."""

    seconds: float
    """Expected."""
    low: float
    high: float
    """Ends of the range that holds them about nine times in ten; of a limit on the clock both are what it leaves."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the referee knows now, for the live view; small enough to ask for twice a second."""

    trials: int | None
    """Trials the search will run in all; None if only seconds bound it."""
    outcomes: Mapping[Outcome, int]
    """Finished trials by outcome."""
    running: tuple[RunningTrial, ...]
    best: TrialRow | None
    """The best completed trial, by the leading objective."""
    baseline: TrialRow | None
    """Trial 0, the published default, once it has ended."""
    epochs: int
    """Epochs trained in this session of the search, all trials together."""
    elapsed_s: float
    left: Left | None
    """None before anything is known."""
    prospect: Prospect | None = None
    """What as many trials again would bring, once enough have ended."""
    paused: int = 0
    """Trials that wait at a rung with their checkpoint."""
    trained_s: float = 0.0
    """Seconds of training that the study has spent; see StudySpec.train_s."""
    train_limit_s: float | None = None
    """How many it may spend; None if it may spend any."""
    silent_s: float = 0.0
    """Seconds since the referee last heard of any trial: a start, a report, an error, a farewell."""
    sick: Mapping[str, int] = field(default_factory=dict)
    """Trials that diverged or collapsed, by what was sick: discriminator, generator, code, or the figure that broke."""
    stopping: bool = False
    torn: tuple[str, ...] = ()
    """Damaged parts of the ledger that the referee set aside, each with its reason."""
    broken: str | None = None
    """Why the search cannot go on, if so: nothing more can be committed (disk full, folder gone), no slot can train."""

    @property
    def finished(self) -> int:
        return sum(self.outcomes.values())
