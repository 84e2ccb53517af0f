"""Has the C library keep the memory that a step has freed for the next step.

glibc gives freed memory back to the system once 128 KiB to a few MB of it lie together, and gets it again page by page,
each zeroed: 290 to 970 page faults in every step of nets with layers of 1000 × 1000, 6 to 13 % of its time
(docs/log). A process that trains keeps up to KEPT bytes instead.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

KEPT = 64 << 20
"""Free bytes at the end of the heap from which on they are given back. 256 MiB did not make a step faster."""

_OWN_MAP = 32 << 20
"""Bytes from which on a tensor gets a mapping of its own, given back as soon as it is freed: the most glibc accepts."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""mallopt's names for the two thresholds (malloc.h)."""

_TUNED = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


@cache
def keep_freed() -> bool:
    """Has this process keep what it frees. False where that is not ours to say: no glibc, or the user has tuned it."""
    if sys.platform != "linux" or any(os.environ.get(name) for name in _TUNED):
        return False
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    return tune is not None and bool(tune(_MMAP_THRESHOLD, _OWN_MAP)) and bool(tune(_TRIM_THRESHOLD, KEPT))
