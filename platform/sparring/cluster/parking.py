"""Holds Ray Tune's thread still before Ray is shut down under it.

Where no slot ever finds room, Tune tries again for ever and its thread cannot be ended. If it calls an actor while the
main thread shuts Ray down, Ray 2.60 may die of a segmentation fault (``SharedLruCache::Put``, seen once in three
searches that stalled on a full cluster). So the thread is stopped at the start of a step, where it calls nothing.
"""

from __future__ import annotations

import threading

from ray.tune import Callback
from ray.tune.experiment import Trial

# Of the module, not of the callback: Tune writes its callbacks to its state files, and an event cannot be written.
_leaving, _parked = threading.Event(), threading.Event()
_never = threading.Event()
"""Nobody sets it."""


class Parking(Callback):
    """Blocks Tune's thread, a daemon, for good once ``park`` was called."""

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: object) -> None:
        if _leaving.is_set():
            _parked.set()
            _never.wait()


def open_road() -> None:
    """A new search begins in this process: its thread runs."""
    _leaving.clear()
    _parked.clear()


def park(patience_s: float) -> bool:
    """Has the thread stop at its next step, ten of which are in a second; False if it has not within ``patience_s``."""
    _leaving.set()
    return _parked.wait(patience_s)
