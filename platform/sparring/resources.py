"""What this machine offers: the folders without Python (``datasets/``, ``search_spaces/``), and CPUs to compute on."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """The folder of that name: inside the package (a wheel) or beside ``platform/`` (a checkout).

    Raises UsageError if it is at neither place.
    """
    places = (_PACKAGE / folder, _PACKAGE.parents[1] / folder)
    for path in places:
        if path.is_dir():
            return path
    raise UsageError(
        f"Sparring ships a folder {folder!r}, but it is neither at {places[0]} nor at {places[1]}; reinstall it"
    )


def available_cpus() -> int:
    """CPUs that this process may use, at least 1: fewer than the machine has where it is bound to some of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
