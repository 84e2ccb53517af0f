"""What this machine offers: the folders without Python (``datasets/``, ``search_spaces/``), and CPUs to compute on."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .errors import UsageError

_PACKAGE = Path(__file__).resolve().parent
GROUPS = Path("/proc/self/cgroup")
"""Where Linux says which control groups this process is in."""
CONTROLLERS = Path("/sys/fs/cgroup")
"""Where Linux keeps the limits of control groups."""


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


def available_cpus(groups: Path = GROUPS, root: Path = CONTROLLERS) -> int:
    """CPUs that this process may use, at least 1.

    They are fewer than the machine has where it is bound to some of them, and where its control group (a container, a
    job of Slurm's) has a quota of their time. A quota of 1.5 is 1: a second worker would be held up half of the time.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(bound, _quota(groups, root))))


def group_folders(controller: str, groups: Path = GROUPS, root: Path = CONTROLLERS) -> Iterator[tuple[Path, bool]]:
    """Folders of this process's control group and of those above it, and whether they are of version 2.

    None where the system has no control groups, or hides them.
    """
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            top = root if controllers == "" else root / controller
            folder = top / group.lstrip("/")
            yield from ((ancestor, controllers == "") for ancestor in (folder, *folder.parents))


def _quota(groups: Path, root: Path) -> float:
    """CPUs whose time the control groups of this process allow; infinite without a quota."""
    least = math.inf
    for folder, is_second in group_folders("cpu", groups, root):
        with suppress(OSError, ValueError, ZeroDivisionError):  # hidden; or "max"
            if is_second:
                quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
            else:
                quota, period = (
                    (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8") for name in ("quota", "period")
                )
            if int(quota) > 0:  # -1 is none
                least = min(least, int(quota) / int(period))
    return least
