"""A training's own checkpoints: after a kill the same command goes on where it stood, bit for bit.

The whole state (nets, optimizers, best weights, every epoch's figures) is written at most every ``PAUSE_S`` seconds and
the newest two are kept until the training ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..ledger.disk import newest_whole, put

PAUSE_S = 10.0
"""Seconds between two checkpoints: what a kill costs at most, beside the epoch under way."""

ROLLING = 2
"""How many are kept only to go on from."""


class Saved(Protocol):
    """A state that can be saved, such as a ``TrialTraining``."""

    epoch: int

    def save(self) -> bytes: ...


class Saves:
    """The checkpoints ``FOLDER/e00005-<identity>-<checksum>.safetensors``.

    identity: a few letters that name the configuration, its data and the code. Checkpoints of another identity are
    removed: a training replaces whatever its folder held before.
    """

    def __init__(self, folder: Path, identity: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self._identity, self._clock = folder, identity, clock
        self._saved = clock()
        for path in self._files("*"):
            if path not in self._files(identity):
                path.unlink(missing_ok=True)

    def newest(self) -> bytes | None:
        """The newest whole checkpoint; torn ones are passed over. None if there is none."""
        return newest_whole(self._files(self._identity))

    def take(self, state: Saved) -> None:
        """After every epoch: writes its state if one is due."""
        if self._clock() - self._saved < PAUSE_S:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        put(self.folder, f"e{state.epoch:05d}-{self._identity}", state.save())
        self._saved = self._clock()
        self._drop(ROLLING)

    def end(self) -> None:
        """The training is over: what a restart would need goes."""
        self._drop(0)
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _drop(self, kept: int) -> None:
        rolling = self._files(self._identity)
        for path in rolling[: len(rolling) - kept]:
            path.unlink(missing_ok=True)

    def _files(self, identity: str) -> list[Path]:
        return sorted(self.folder.glob(f"e[0-9][0-9][0-9][0-9][0-9]-{identity}-*.safetensors"))
