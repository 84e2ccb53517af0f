"""Bugs of checkpoints and weights."""

from __future__ import annotations

from pathlib import Path

from sparring.ledger import checkpoints, disk, weights
from sparring.ledger.checkpoints import CheckpointFolder
from sparring.ledger.weights import WeightsFolder
from sparring.referee.ended import EndedTrials
from sparring.referee.running import LiveTrial, Turn
from sparring.referee.trials import Trials

from .registry import Patch, bug


@bug
def a_checkpoint_is_not_synced(patch: Patch) -> None:
    def put(folder: Path, stem: str, packed: bytes) -> Path:
        final = folder / f"{stem}-{disk.digest(packed)}.safetensors"
        folder.mkdir(exist_ok=True)
        descriptor = disk.os.open(final, disk.os.O_WRONLY | disk.os.O_CREAT | disk.os.O_TRUNC, 0o666)
        rest = memoryview(packed)
        while rest:
            rest = rest[disk.os.write(descriptor, rest) :]
        disk.os.close(descriptor)
        return final

    patch.setattr(checkpoints, "put", put)


@bug
def the_oldest_checkpoint_is_recalled(patch: Patch) -> None:
    real = CheckpointFolder._paths
    patch.setattr(CheckpointFolder, "_paths", lambda self, trial: list(reversed(real(self, trial))))


@bug
def a_paused_trials_checkpoint_is_not_kept(patch: Patch) -> None:
    real = Trials.keep

    def keep(self: Trials, live: LiveTrial, epoch: int, packed: bytes) -> None:
        if live.turn is not Turn.PAUSING:
            real(self, live, epoch, packed)

    patch.setattr(Trials, "keep", keep)


@bug
def a_leaders_weights_are_not_written(patch: Patch) -> None:
    def write(self: WeightsFolder, trial: int, packed: bytes) -> None:
        for old in self._files():
            if weights._trial_of(old) == trial:
                old.unlink()

    patch.setattr(WeightsFolder, "write", write)


@bug
def the_leaders_weights_are_removed(patch: Patch) -> None:
    patch.setattr(EndedTrials, "kept", property(lambda self: {0, *list(self.leaders)[1:]}))
