"""A trial's state as safetensors bytes: nets, optimizers, the best weights so far, and its own history.

The history (every epoch's metrics) travels along: epochs that a referee had not committed when it died are reported
again from it.
Nothing is pickled: tensors are safetensors, the rest is JSON in its header. Files are written (``weights.py``) under a
name that holds their SHA-256 and verified before use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict

from ..errors import CheckpointError
from ..records import EpochRow, Trial, Value
from ..untrusted.texts import read_json
from .disk import is_whole, put

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1

CHECKPOINTS = "checkpoints"
"""The folder of a study in which its unfinished trials' checkpoints lie."""

DATA = "sparring.data"
"""In the header of weights: what is known of the data that they were trained on."""

_CHECKPOINT = re.compile(r"^t(\d+)-a(\d+)-e(\d+)-([0-9a-f]{16})\.safetensors$")


class Checkpoint(NamedTuple):
    """What a checkpoint's name says."""

    trial: int
    attempt: int
    epoch: int
    sha256: str
    """The first 16 digits."""


def read_checkpoint_name(name: str) -> Checkpoint | None:
    """The parts of ``checkpoints/t00007-a001-e00012-….safetensors``; None for any other name."""
    folder, _, file = name.rpartition("/")
    match = _CHECKPOINT.match(file)
    if folder != CHECKPOINTS or match is None:
        return None
    return Checkpoint(int(match[1]), int(match[2]), int(match[3]), match[4])


class Entry(TypedDict):
    """What a checkpoint remembers of one epoch."""

    metrics: Mapping[str, float]
    wall_s: float
    cpu_s: NotRequired[float]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The JSON part of a checkpoint."""

    trial: int
    attempt: int
    epoch: int
    """Epochs finished."""
    best_epoch: int | None = None
    best_value: float | None = None
    history: Sequence[Entry] = ()
    """An entry per epoch, from epoch 1 on."""
    study: str = ""
    """As in ``Trial``; empty in what was written before December 2026, as are ``seed`` and ``params``."""
    seed: int | None = None
    params: Mapping[str, Value] | None = None

    def is_of(self, trial: Trial) -> bool:
        """Whether it belongs to this very trial, and not to one that had its number in a study that was deleted."""
        if self.params is None:
            return True
        return (self.study, self.trial, self.seed, self.params) == (trial.study, trial.number, trial.seed, trial.params)

    def rows(self, attempt: int) -> list[EpochRow]:
        """The history as rows of ``attempt``."""
        return [
            EpochRow(
                trial=self.trial,
                attempt=attempt,
                epoch=n,
                metrics=entry["metrics"],
                wall_s=entry["wall_s"],
                cpu_s=entry.get("cpu_s"),
            )
            for n, entry in enumerate(self.history, start=1)
        ]


def pack(tensors: Mapping[str, Tensor], progress: Progress) -> bytes:
    """Tensors (torch, any device) and progress as one safetensors file."""
    from safetensors.torch import save

    header = {"format": FORMAT, **{name: getattr(progress, name) for name in Progress.__dataclass_fields__}}
    packed: bytes = save(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, {"sparring": json.dumps(header)}
    )
    return packed


def pack_weights(tensors: Mapping[str, Tensor], data: Mapping[str, object] | None = None) -> bytes:
    """Tensors (torch, any device) alone as one safetensors file.

    data: what is to be known of the trial's data, as JSON values, where they are not the study's.
    """
    from safetensors.torch import save

    metadata = None if data is None else {DATA: json.dumps(data)}
    packed: bytes = save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata)
    return packed


def unpack(packed: bytes) -> tuple[dict[str, Tensor], Progress]:
    """The inverse of ``pack``; raises CheckpointError if the bytes are not one of ours."""
    from safetensors.torch import load

    progress = read_progress(packed)
    return dict(load(packed)), progress


def read_progress(packed: bytes) -> Progress:
    """The JSON part alone, without touching a tensor (and without importing torch)."""
    try:
        size = int.from_bytes(packed[:8], "little")
        header = read_json(read_json(packed[8 : 8 + size])["__metadata__"]["sparring"])
        if header.pop("format") != FORMAT:
            raise ValueError("another format")
        return Progress(**header)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"checkpoint of {len(packed)} bytes: expected safetensors with Sparring's header, but {error}; "
            "the trial continues from the one before"
        ) from error


class CheckpointFolder:
    """``<study>/checkpoints``: per unfinished trial its last two files, named by trial, attempt, epoch and checksum."""

    KEPT = 2

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, trial: int, attempt: int, epoch: int, packed: bytes) -> Path:
        """Durably stores one checkpoint and drops all but the newest two of the trial. Raises OSError if it cannot."""
        final = put(self.folder, f"t{trial:05d}-a{attempt:03d}-e{epoch:05d}", packed)
        for old in self._paths(trial)[: -self.KEPT]:
            old.unlink(missing_ok=True)
        return final

    def recall(self, trial: Trial) -> tuple[bytes, list[EpochRow]] | None:
        """The newest sound checkpoint of this very trial, and the epochs it remembers, as rows of its attempt.

        None if there is none. What belongs to another trial of its number is removed: it would pass for newer.
        """
        for path in reversed(self._paths(trial.number)):
            progress = _progress_in(path)
            if progress is not None and progress.is_of(trial):
                return path.read_bytes(), progress.rows(trial.attempt)
            if progress is not None:
                path.unlink(missing_ok=True)
        return None

    def lost(self, study: str, known: Collection[int]) -> list[Progress]:
        """What the checkpoints say of the study's trials that are not among the ``known``: the newest of each."""
        found: dict[int, Progress] = {}
        for path in self._ordered("t*"):
            if _number_in(path) not in known:
                progress = _progress_in(path)
                if progress is not None and progress.params is not None and progress.study == study:
                    found[progress.trial] = progress
        return list(found.values())

    def drop(self, trial: int) -> None:
        """Removes a finished trial's checkpoints."""
        for path in self._paths(trial):
            path.unlink(missing_ok=True)

    def _paths(self, trial: int) -> list[Path]:
        return self._ordered(f"t{trial:05d}")

    def _ordered(self, trials: str) -> list[Path]:
        return sorted(self.folder.glob(f"{trials}-*.safetensors"), key=lambda path: path.stem.split("-")[1:3])


def _number_in(path: Path) -> int:
    checkpoint = read_checkpoint_name(f"{CHECKPOINTS}/{path.name}")
    return -1 if checkpoint is None else checkpoint.trial


def _progress_in(path: Path) -> Progress | None:
    """The JSON part of a file; None if it is torn or not ours."""
    packed = path.read_bytes()
    try:
        return read_progress(packed) if is_whole(path, packed) else None
    except CheckpointError:
        return None
