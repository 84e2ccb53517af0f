"""Simulated time: events in a queue, from one to the next of which the clock jumps."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

DELAY_S = 0.05
"""Of a message, in the mean about 0.6 of it."""
MOST_EVENTS, MOST_SESSIONS = 60_000, 60
"""Beyond these a search hangs: it makes no way any more."""


class Clockwork:
    """The queue of events. Each belongs to a session, one life of the driver, and goes with it."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.now, self.events, self.sessions = 0.0, 0, 0
        self.digest = 0
        """A checksum of all events and their times."""
        self._queue: list[tuple[float, int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def run_events(self) -> None:
        """One event after the other until none is left."""
        while self._queue:
            self.now, _, session, act, arguments = heapq.heappop(self._queue)
            if session not in (0, self.sessions):
                continue  # it died with its driver
            self.events += 1
            self.digest = zlib.crc32(f"{self.now:.6f} {act.__name__}".encode(), self.digest)
            assert self.events < MOST_EVENTS, "the search makes no way any more"
            act(*arguments)

    def after(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        """An event of this session."""
        self._put(seconds, self.sessions, act, arguments)

    def begin_again(self, seconds: float, act: Callable[..., None]) -> None:
        """This session is over, and whatever is still under way in it meets nobody; ``act`` comes all the same."""
        self._put(seconds, 0, act, ())
        self.sessions += 1

    def happens(self, chance: float) -> bool:
        return chance > 0 and self.chance.random() < chance

    def delay(self) -> float:
        return DELAY_S * (0.1 + self.chance.random())

    def _put(self, seconds: float, session: int, act: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + seconds, self._count, session, act, arguments))
