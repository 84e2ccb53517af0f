"""A trial's state as safetensors bytes: nets, optimizers, the best weights so far, and its own history.

The history (every epoch's metrics) travels along: epochs that a referee had not committed when it died are reported
again from it.
Nothing is pickled: tensors are safetensors, the rest is JSON in its header. Files are written (``weights.py``) under a
name that holds their SHA-256 and verified before use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict

from ..errors import CheckpointError
from ..records import EpochRow
from .disk import newest_whole, put

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1

CHECKPOINTS = "checkpoints"
"""The folder of a study in which its unfinished trials' checkpoints lie."""

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


def pack_weights(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors (torch, any device) alone as one safetensors file."""
    from safetensors.torch import save

    packed: bytes = save({name: tensor.contiguous() for name, tensor in tensors.items()})
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
        header = json.loads(json.loads(packed[8 : 8 + size])["__metadata__"]["sparring"])
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

    def newest(self, trial: int) -> bytes | None:
        """The newest checkpoint whose checksum holds; torn ones are passed over. None if there is none."""
        return newest_whole(self._paths(trial))

    def history(self, packed: bytes, attempt: int) -> list[EpochRow]:
        """The epochs a checkpoint remembers, as rows of ``attempt``; raises CheckpointError if it is not ours."""
        return read_progress(packed).rows(attempt)

    def drop(self, trial: int) -> None:
        """Removes a finished trial's checkpoints."""
        for path in self._paths(trial):
            path.unlink(missing_ok=True)

    def _paths(self, trial: int) -> list[Path]:
        return sorted(self.folder.glob(f"t{trial:05d}-*.safetensors"), key=lambda path: path.stem.split("-")[1:3])
