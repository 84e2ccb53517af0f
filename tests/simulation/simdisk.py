"""The disk of a simulated machine: the one that fails under ``tests/ledger_faults``, on files kept in memory."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from support.frail import FrailDisk

from sparring.untrusted.tables import read_parquet


def room() -> Path | None:
    """A folder that lies in memory, if this system has one; None lets ``tempfile`` choose."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else None


class SimulatedDisk(FrailDisk):
    """Also knows that a renamed file is as little synced as it was, and that others may remove files meanwhile."""

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        if source in self.unsynced_files:
            self.unsynced_files.discard(source)
            self.unsynced_files.add(target)

    replace = rename

    def cut_power(self, chance: Random) -> None:
        """As FrailDisk, in an order that the seed alone decides."""
        for path in sorted(self.unsynced_files):
            if path.is_file():
                os.truncate(path, chance.randint(0, path.stat().st_size))
        for _ in range(chance.randint(0, len(self.unsynced_names))):
            with suppress(FileNotFoundError):  # a file that something else than the ledger has removed since
                self.unsynced_names.pop()[-1]()
        self.forget()

    def forget(self) -> None:
        """Nothing is pending any more: the folder is gone, or another machine's."""
        self.unsynced_files.clear()
        self.unsynced_names.clear()
        self.opened.clear()


@lru_cache(maxsize=2000)
def decoded(data: bytes, **how: Any) -> Any:
    """``read_parquet``, which decodes the same bytes once: parts never change, and are read again after every death."""
    return read_parquet(data, **how)
