"""Signals of the user's and the system's, as the driver hears them: SIGINT, SIGTERM and SIGHUP."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(KeyboardInterrupt):
    """A signal came while no trial was in training; ``args`` holds its number."""


def interrupt(number: int) -> None:
    """Raises Interrupted, so that a signal passes every ``finally`` on its way out."""
    raise Interrupted(number)


@contextmanager
def handled(handle: Callable[[int], object]) -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP call ``handle`` with their number; one that was ignored stays so (nohup)."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    caught = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda received, _: handle(received)) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
