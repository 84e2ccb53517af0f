"""What searches left behind: Ray's sessions that they had started, processes of these, and files half written.

Each session of ours holds a file that its search keeps locked while it lives. The kernel frees the lock whatever ends
the search, so a session that has the file and no lock is a dead one of ours: nothing is guessed, and nothing is touched
that has no such file, such as the sessions of ``ray start`` and of other programs.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import SparringError
from ...ledger import is_locked, lock_study
from ...ledger.checkpoints import CHECKPOINTS
from ...ledger.inbox import INBOX
from ...ledger.lock import acquire, release
from ...ledger.schema import KEYS
from ...ledger.weights import WEIGHTS

MARK = "LOCK"
"""The file in a session of ours, by the name that ``ledger.is_locked`` asks for."""
OWNED = "sparring"
"""The folder in a session in which the mark lies, and what Ray Tune and Ray Train keep for a search's time."""
END_S = 3.0
"""Seconds that a leftover process gets to end by itself."""


@dataclass(frozen=True)
class Session:
    """A dead session of ours. processes: those of Ray that still write into it, by number."""

    folder: Path
    processes: tuple[int, ...]


def ray_home() -> Path:
    """Where Ray of this machine puts its sessions, as Ray itself decides it."""
    named = os.environ.get("RAY_TMPDIR") or (os.environ.get("TMPDIR") if sys.platform == "linux" else None)
    return Path(named or "/tmp") / "ray"


@contextmanager
def marked(session: Path) -> Iterator[None]:
    """Inside, the session counts as alive; after that, or after this process's death, as a dead one of ours.

    Where the mark cannot be made, as on a file system without locks, the session is nobody's, and never removed.
    """
    folder, descriptor = session / OWNED, None
    with suppress(OSError, SparringError):
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = acquire(folder / MARK)
    try:
        yield
    finally:
        if descriptor is not None:
            release(descriptor)


def scratch(session: str | None) -> str | None:
    """Where a search's temporary folders lie: in its session, so that they go with it; None for the system's place."""
    folder = Path(session or "", OWNED)
    return str(folder) if session and folder.is_dir() and os.access(folder, os.W_OK) else None


def dead_sessions(home: Path | None = None) -> list[Session]:
    """This user's dead sessions of ours, oldest first."""
    found = [mark.parents[1] for mark in sorted((home or ray_home()).glob(f"session_*/{OWNED}/{MARK}"))]
    own = [folder for folder in found if not folder.is_symlink() and folder.stat().st_uid == os.getuid()]
    dead = [folder for folder in own if not is_locked(folder / OWNED)]
    if not dead:
        return []
    of_ray = [number for number in _own_processes() if _is_of_ray(number)]
    return [Session(folder, tuple(number for number in of_ray if _writes_into(number, folder))) for folder in dead]


def _own_processes() -> Iterator[int]:
    """Every other process of this user."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if place.stat().st_uid == os.getuid() and int(place.name) != os.getpid():
                yield int(place.name)


def _is_of_ray(number: int) -> bool:
    """Whether it is one of Ray's: by the title that Ray gives it, or by the program that it runs."""
    with suppress(OSError):
        words = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return words[0].startswith("ray::") or any("/site-packages/ray/" in word for word in words[:4])
    return False


def _writes_into(number: int, folder: Path) -> bool:
    """Whether it holds a file of the session open, as every one of Ray's does with its log."""
    for place in Path(f"/proc/{number}/fd").glob("*"):
        with suppress(OSError):
            if os.readlink(place).startswith(f"{folder}/"):
                return True
    return False


def end(processes: Sequence[int]) -> None:
    """SIGTERM, and SIGKILL for whoever is still there after ``END_S``."""
    for number in processes:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)
    deadline = time.monotonic() + END_S
    while any(_lives(number) for number in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for number in filter(_lives, processes):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _lives(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def remove(session: Session) -> None:
    """Its processes end, its folder goes."""
    end(session.processes)
    shutil.rmtree(session.folder, ignore_errors=True)


def half_written(study: Path) -> list[Path]:
    """Files of a study that a killed writer has left under a temporary name, which nobody ever reads."""
    places = [study, *(study / name for name in (*KEYS, CHECKPOINTS, WEIGHTS, INBOX))]
    return sorted(path for place in places for path in place.glob(".*.tmp") if path.is_file())


def tidy(study: Path) -> list[Path]:
    """Removes them; what was removed. Nothing if somebody searches the study. Raises OSError if the disk refuses."""
    if not half_written(study):
        return []
    removed = []
    with suppress(SparringError), lock_study(study):
        for path in half_written(study):
            path.unlink()
            removed.append(path)
    return removed
