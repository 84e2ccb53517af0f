"""Epochs on their way into the ledger: gathered for a second, then one part; many parts are merged."""

from __future__ import annotations

from collections.abc import Callable

from ..ledger import Ledger
from ..records import EpochRow

FLUSH_S = 1.0
"""Epoch rows reach the ledger at most this late; a slot keeps and repeats what is not there yet."""

COMPACT_AT = 400
"""Parts of one kind before they are merged: reading 200 one-row parts took 0.14 s."""


class Journal:
    """Gathers epochs for the ledger, and merges its parts when they are many. clock: monotonic seconds."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger, self._clock = ledger, clock
        self._buffer: list[EpochRow] = []
        self._flushed = clock()

    @property
    def is_due(self) -> bool:
        return self._clock() - self._flushed >= FLUSH_S

    def take(self, row: EpochRow) -> None:
        self._buffer.append(row)

    def flush(self) -> list[EpochRow]:
        """Commits what was taken, and returns it. Raises LedgerError, and then keeps it."""
        self._ledger.append_epochs(self._buffer)
        committed, self._buffer = self._buffer, []
        self._flushed = self._clock()
        crowded = [table for table, count in self._ledger.part_counts().items() if count > COMPACT_AT]
        if crowded:
            self._ledger.compact(*crowded)
        return committed
