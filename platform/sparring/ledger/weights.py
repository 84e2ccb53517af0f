"""The best weights of the trials that lead a study, each in a file whose name holds its SHA-256.

``checkpoints.py`` keeps the states from which unfinished trials go on.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..untrusted.texts import read_json
from .checkpoints import DATA
from .disk import is_whole, put

WEIGHTS = "weights"
"""The folder of a study in which its leading trials' weights lie."""

_WEIGHTS = re.compile(r"^t\d+-([0-9a-f]{16})\.safetensors$")


def read_weights_name(name: str) -> str | None:
    """The first 16 digits of the SHA-256 in ``weights/t00007-….safetensors``; None for any other name."""
    folder, _, file = name.rpartition("/")
    match = _WEIGHTS.match(file) if folder == WEIGHTS else None
    return None if match is None else match[1]


def read_data_of(packed: bytes) -> dict[str, Any] | None:
    """What a trial's weights say of its data; None if nothing, for they are the study's. Raises DataError if torn."""
    try:
        size = int.from_bytes(packed[:8], "little")
        metadata = read_json(packed[8 : 8 + size]).get("__metadata__", {})
        found: dict[str, Any] | None = read_json(metadata[DATA]) if DATA in metadata else None
        return found
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(f"weights of {len(packed)} bytes: must be a .safetensors file, but: {error}") from error


class WeightsFolder:
    """``<study>/weights``: per leading trial one file with the weights of its best epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, trial: int, packed: bytes) -> None:
        """Durably stores a trial's weights, in the place of any it had. Raises OSError if it cannot."""
        kept = put(self.folder, f"t{trial:05d}", packed)
        for old in self._files():
            if _trial_of(old) == trial and old != kept:
                old.unlink(missing_ok=True)

    def keep(self, trials: Collection[int]) -> None:
        """Removes the weights of all other trials."""
        for path in self._files():
            if _trial_of(path) not in trials:
                path.unlink(missing_ok=True)

    @property
    def trials(self) -> list[int]:
        """The trials that have weights here, in order."""
        return sorted({_trial_of(path) for path in self._files()})

    def read(self, trial: int) -> bytes | None:
        """A trial's weights as safetensors bytes; None if there are none. Raises DataError if they are damaged."""
        for path in self._files():
            if _trial_of(path) == trial:
                packed = path.read_bytes()
                if not is_whole(path, packed):
                    raise DataError(f"{path}: must have the checksum in its name, but was changed or damaged")
                return packed
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("t*-*.safetensors"))


def _trial_of(path: Path) -> int:
    return int(path.stem.partition("-")[0][1:])
