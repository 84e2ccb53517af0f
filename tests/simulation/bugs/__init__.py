"""Bugs to plant into the real code. ``BUGS`` has them all."""

from . import of_checkpoints, of_messages, of_reports, of_the_disk, of_turns  # noqa: F401 -- each lists its own
from .registry import BUGS, Patch

__all__ = ["BUGS", "Patch"]
