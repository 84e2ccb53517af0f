"""What a reader made of its files, kept for the next time: a search over descriptors reads the same ones every time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

SETTLED_S = 2.0
"""Seconds for which no file has been written to, before their content is known by their lengths and times: one that was
written just now could be written again within the same tick of the clock."""

MOST_BYTES = 1 << 26
"""Bytes of the files, beyond which nothing is kept."""

T = TypeVar("T")


class LastRead(Generic[T]):
    """What was read last. It is kept from the second time in a row on, so that a set that is read once takes no room.

    A file that has changed, in length or time, makes all be read again. Times that a copying program sets back are not
    enough, so the system's own time of the last change counts too.
    """

    def __init__(self) -> None:
        self._stamps: int | None = None
        self._kept: T | None = None

    def take(self, files: Sequence[Path], read: Callable[[], T], by: Hashable = None) -> T:
        """What ``read`` makes of these files; it is not called where that is still known. Raises what it raises.

        by: what else the answer depends on.
        """
        found = [(path, path.stat()) for path in files]
        stamps = hash(
            (by, *((str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns) for path, status in found))
        )
        if self._kept is not None and stamps == self._stamps:
            return self._kept
        made = read()
        is_settled = max((status.st_mtime for _, status in found), default=0.0) < time.time() - SETTLED_S
        is_small = sum(status.st_size for _, status in found) <= MOST_BYTES
        is_kept = stamps == self._stamps and is_settled and is_small
        self._stamps, self._kept = stamps, made if is_kept else None
        return made
