"""What a follower has not seen yet: trials started, epochs, trials ended."""

from __future__ import annotations

import time

from ..records import EpochRow, Trial, TrialRow

Event = Trial | EpochRow | TrialRow
"""A trial started, an epoch, or a trial ended."""


class Events:
    """Events that the one follower has not seen yet. It says by a cursor how far it has seen them.

    Cursors start at the clock, in ns. So a cursor from an earlier referee is never ahead of this one's, where it would
    hide what is new.
    """

    def __init__(self) -> None:
        self._unseen: list[Event] = []
        self._first = time.time_ns()

    def add(self, event: Event) -> None:
        self._unseen.append(event)

    def since(self, cursor: int) -> tuple[list[Event], int]:
        """The events since ``cursor`` (0 at first), and the cursor to ask with next."""
        del self._unseen[: max(cursor - self._first, 0)]
        self._first = max(cursor, self._first)
        return list(self._unseen), self._first + len(self._unseen)
