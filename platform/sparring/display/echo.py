"""A terminal that does not show ``^C`` where it is typed: the letters would push a redrawn panel apart."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_echo_of_control() -> Iterator[None]:
    """While it lasts, Ctrl-C works and leaves no letters. Elsewhere than on a terminal of Unix it does nothing."""
    try:
        import termios

        place = sys.stdin.fileno()
        before = termios.tcgetattr(place)
    except Exception:  # Windows, no terminal, a closed or replaced stdin: a nicety is no reason to fail
        yield
        return
    now = [*before]
    now[3] &= ~termios.ECHOCTL
    termios.tcsetattr(place, termios.TCSANOW, now)
    try:
        yield
    finally:
        termios.tcsetattr(place, termios.TCSANOW, before)
