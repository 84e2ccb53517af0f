"""What a follower has not seen yet: trials started, epochs, trials ended."""

from __future__ import annotations

import time

from ..records import EpochRow, Trial, TrialRow

Event = Trial | EpochRow | TrialRow
"""What a follower sees: a trial started, an epoch, a trial ended."""


class Events:
    """For one follower, who names by a cursor what it has seen; that is then forgotten.

    Cursors count on from the time, so that one of a referee before this never lies ahead and hides what is new.
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
