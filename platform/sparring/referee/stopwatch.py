"""Where one trial's seconds go, told from what the referee hears of it, and when: nobody else has to measure anything.

A trial waits from being handed out until a slot starts it; it starts until its first epoch begins, known from the
epoch's own seconds; between two reports lies an epoch, and what is left of the gap went to reporting: the answer's way,
the referee's own work, a checkpoint. What a dead slot or a failed trial did since its last word is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto


class _Phase(Enum):
    WAITING = auto()
    STARTING = auto()
    TRAINING = auto()


class Stopwatch:
    """Every moment is in seconds of the referee's clock.

    is_known: the referee has known this trial from its beginning; of another one it says nothing.
    """

    def __init__(self, *, is_known: bool = True) -> None:
        self._is_known, self._phase, self._since = is_known, _Phase.WAITING, 0.0
        self._wait_s = self._start_s = self._report_s = self._lost_s = 0.0

    @property
    def seconds(self) -> Mapping[str, float | None]:
        """By TrialRow's fields: ``wait_s``, ``start_s``, ``report_s``, ``lost_s``; None if they are not known."""
        sums = {
            "wait_s": self._wait_s, "start_s": self._start_s, "report_s": self._report_s, "lost_s": self._lost_s,
        }  # fmt: skip
        return {name: value if self._is_known else None for name, value in sums.items()}

    def hand_out(self, now: float) -> None:
        """It is to be run; from here on it waits for its slot."""
        self._phase, self._since = _Phase.WAITING, now

    def start(self, now: float) -> None:
        """A slot has taken it: the one that it waited for, or another in a dead one's place."""
        if self._phase is _Phase.WAITING:
            self._wait_s += self._lap(now)
        else:
            self.lose(now)
        self._phase = _Phase.STARTING

    def report(self, now: float, epoch_s: float, *, is_repeated: bool) -> None:
        """An epoch of so many seconds has come; repeated if a dead slot had trained it before."""
        gap = self._lap(now)
        trained = min(epoch_s, gap)
        if self._phase is _Phase.STARTING:
            self._start_s += gap - trained
        else:
            self._report_s += gap - trained
        self._lost_s += trained * is_repeated
        self._phase = _Phase.TRAINING

    def leave(self, now: float) -> None:
        """Its slot has put it down with a checkpoint."""
        self._report_s += self._lap(now)

    def lose(self, now: float) -> None:
        """What has happened since its slot was last heard of came to nothing."""
        self._lost_s += self._lap(now)

    def _lap(self, now: float) -> float:
        gap, self._since = max(now - self._since, 0.0), now
        return gap
