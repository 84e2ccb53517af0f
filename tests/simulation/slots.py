"""A slot without Ray and without a model: the real ``cluster/trainer.py`` against messages of the simulation.

``ray.get`` waits for the simulator's answer, an epoch takes simulated seconds and measures what ``Truth`` says. All
else is the trainer's own: what it repeats, when it saves, how it leaves a trial, which error it reports.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from sparring.cluster import trainer
from sparring.errors import Infeasible
from sparring.ledger.checkpoints import FORMAT, Progress, read_progress
from sparring.records import Outcome, Start, StudySpec

from .strand import Strand
from .truth import Truth


class Call(NamedTuple):
    """A message to the referee."""

    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Epoch(NamedTuple):
    """A slot trains for so many seconds."""

    seconds: float


class Method:
    """One method of the referee's handle."""

    def __init__(self, name: str) -> None:
        self._name = name

    def options(self, **_: object) -> Method:
        return self

    def remote(self, *arguments: Any, **options: Any) -> Call:
        return Call(self._name, arguments, options)


class Handle:
    """The referee's actor as slots hold it."""

    def __getattr__(self, name: str) -> Method:
        return Method(name)


def pack(progress: Progress) -> bytes:
    """A checkpoint without tensors, as the ledger reads one."""
    about = {"format": FORMAT, **{name: getattr(progress, name) for name in Progress.__dataclass_fields__}}
    header = json.dumps({"__metadata__": {"sparring": json.dumps(about)}}).encode()
    return len(header).to_bytes(8, "little") + header


def weights_of(key: str, epochs: int) -> bytes:
    """What a trial's weights are after its training."""
    return f"{key} after {epochs}".encode()


class FakeTraining:
    """``TrialTraining`` as the trainer uses it."""

    def __init__(self, start: Start, truth: Truth, epoch_s: float, strand: Strand) -> None:
        self.trial, self._truth, self._epoch_s, self._strand = start.trial, truth, epoch_s, strand
        self.key, self.epoch, self.history = truth.key(start.trial.params), 0, []
        if truth.fate(self.key).outcome is Outcome.INFEASIBLE:
            raise Infeasible("a layer of no units")

    def restore(self, packed: bytes) -> None:
        progress = read_progress(packed)
        assert progress.is_of(self.trial), f"trial {self.trial.number} was given another's checkpoint: {progress}"
        self.epoch, self.history = progress.epoch, list(progress.history)

    @property
    def is_exhausted(self) -> bool:
        return self.epoch >= self._truth.epochs

    def run_epoch(self) -> Any:
        self._strand.suspend(Epoch(self._epoch_s))
        fate = self._truth.fate(self.key)
        if fate.outcome is Outcome.CRASHED and self.epoch + 1 >= fate.sick_from:
            raise RuntimeError("a layer that does not fit")
        self.epoch += 1
        row = self._truth.row(self.key, self.trial.number, self.trial.attempt, self.epoch, self._epoch_s)
        self.history.append({"metrics": row.metrics, "wall_s": row.wall_s})
        return row

    @property
    def progress(self) -> Progress:
        trial = self.trial
        return Progress(
            trial=trial.number, attempt=trial.attempt, epoch=self.epoch, history=self.history, study=trial.study,
            seed=trial.seed, params=dict(trial.params),
        )  # fmt: skip

    def epoch_rows(self) -> Any:
        return self.progress.rows(self.trial.attempt)

    def weights(self, data: object = None) -> bytes:
        return weights_of(self.key, self.epoch)

    def save(self) -> bytes:
        return pack(self.progress)


class SlotTrainer(trainer.Trainer):
    """The trainer without a device: what it asks of torch and of the process is left out."""

    def __init__(
        self, spec: StudySpec, truth: Truth, epoch_s: float, strand: Strand, hear: Callable[..., None]
    ) -> None:
        self._referee, self._spec, self._workers, self._leads = Handle(), spec, None, True
        self._truth, self._epoch_s, self._strand, self._hear = truth, epoch_s, strand, hear
        self._rows = SimpleNamespace(check=lambda: None)
        self._about_data = None

    def _build(self, start: Start) -> Any:
        self._hear(start)
        try:
            training = FakeTraining(start, self._truth, self._epoch_s, self._strand)
        except Infeasible as error:
            self._fail(start, error)
            return None
        if start.checkpoint is not None:
            training.restore(start.checkpoint)
        return training

    def _silence_limited(self) -> Any:
        return nullcontext()

    def _rearm(self) -> None:
        """No process to watch."""

    def _check_device(self) -> None:
        """No device."""


class _Signs:
    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, *_: object) -> None: ...

    def on(self, method: Method, *_: object) -> Method:
        return method


@contextmanager
def without_ray(clock: Callable[[], float], running: Callable[[], Strand]) -> Iterator[None]:
    """Inside, the trainer's module waits for the simulation's answers and reads its clock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "ray", SimpleNamespace(get=lambda call: running().suspend(call)))
        patch.setattr(trainer, "time", SimpleNamespace(monotonic=clock))
        patch.setattr(trainer, "Signs", _Signs)
        patch.setattr(trainer, "is_out_of_memory", lambda _: False)
        patch.setattr(trainer, "_is_peer_lost", lambda _: False)
        yield
