"""Who may search a study, and who may write to it: flock, which the kernel releases when its holder dies.

What stands in the file only serves the message; a file left by a dead process or an earlier boot holds nobody off.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from ..errors import StudyLocked, UsageError
from ..untrusted.texts import read_json

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_POLL_S = 0.05
_ASKED_S = 0.2
"""Longest wait for somebody who only asks whether a study is searched; see ``is_locked``."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@contextmanager
def lock_study(folder: str | PathLike[str]) -> Iterator[None]:
    """Holds ``<folder>/LOCK`` while the block runs; makes the folder if need be.

    Raises StudyLocked, naming the holder, if another process searches this study; UsageError if the folder cannot be
    written or its file system keeps no locks or no hard links.
    """
    path = Path(folder) / "LOCK"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = acquire(path, _ASKED_S)
    except OSError as error:
        raise UsageError(
            f"{path.parent}: a study's folder must be writable, but: {error.strerror}; choose another --results"
        ) from error
    try:
        _check_links_work(path)
        yield
    finally:
        release(descriptor)


def is_locked(folder: str | PathLike[str]) -> bool:
    """Whether a process searches this study now, here or on another machine that shares the file system's locks.

    It is asked by taking a shared lock for an instant, which ``lock_study`` waits for. False where there is no lock
    file, or it cannot be asked.
    """
    try:
        descriptor = os.open(Path(folder) / "LOCK", os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


@dataclass(frozen=True)
class Holder:
    """The process that searches a study."""

    pid: int
    host: str
    boot_id: str


def holder_of(folder: str | PathLike[str]) -> Holder | None:
    """Who searches this study now; None if nobody does, or it cannot be told."""
    if not is_locked(folder):
        return None
    try:
        said = read_json((Path(folder) / "LOCK").read_bytes())
        return Holder(int(said["pid"]), str(said["host"]), str(said["boot_id"]))
    except (OSError, ValueError, KeyError, TypeError):  # it has the lock and is about to sign
        return None


def acquire(path: Path, wait_s: float = 0.0) -> int:
    """An open descriptor that holds ``path`` exclusively; makes the file, not its folder.

    wait_s: seconds to wait for another holder. Raises StudyLocked after that, OSError if the file cannot be opened,
    UsageError if the file system keeps no locks.
    """
    deadline = time.monotonic() + wait_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            if _try_lock(descriptor, path):
                if _same_file(descriptor, path):
                    _check_locks_work(path)
                    _sign(descriptor)
                    return descriptor
            elif time.monotonic() >= deadline:
                holder = _holder(descriptor)
                raise StudyLocked(
                    f"{path.parent}: one process at a time may use a study, but {holder}; wait for it, stop it, or "
                    "choose another --name",
                    holder,
                )
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(_POLL_S)


def release(descriptor: int) -> None:
    """Gives the lock back. The file stays: removing it would let two holders in."""
    os.close(descriptor)


def still_held(descriptor: int, path: Path) -> bool:
    """Whether the locked file still has that name. It has not once the folder was removed, moved or unmounted."""
    try:
        return _same_file(descriptor, path)
    except OSError:
        return False


def boot_id() -> str:
    """What this machine's kernel calls the time since it started; empty where it has no name."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def _try_lock(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UsageError(_no_locks(path)) from error
    return True


def _check_locks_work(path: Path) -> None:
    """Some network file systems grant every lock; a second one on the same file must be refused."""
    second = os.open(path, os.O_RDWR)
    try:
        if _try_lock(second, path):
            raise UsageError(_no_locks(path))
    finally:
        os.close(second)


def _check_links_work(path: Path) -> None:
    """What a study keeps appears under its name by a hard link, never over another file."""
    second = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with suppress(FileExistsError):  # of a process that died right here: links work
            os.link(path, second)
        os.unlink(second)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            return  # a full disk, for one, of which the first row will tell
        raise UsageError(
            f"{path.parent}: a study needs a file system with hard links, but this one refuses them, as exFAT, many "
            f"network drives and mounted object stores do; choose another --results, and copy to this one with --mirror"
        ) from error


def _no_locks(path: Path) -> str:
    return (
        f"{path.parent}: must lie on a file system that keeps flock locks, but this one does not; name a folder on "
        "another one"
    )


def _same_file(descriptor: int, path: Path) -> bool:
    return os.path.samestat(os.fstat(descriptor), os.stat(path))


def _sign(descriptor: int) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "start": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {holder['pid']} on {holder['host']} has held this one since {holder['start']}"
    except (ValueError, KeyError, TypeError):  # it has the lock and is about to sign
        return "another one, which has only just started, holds this one"
