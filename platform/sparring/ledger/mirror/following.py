"""A study at a mirror's address, followed from afar: its tables are fetched into a folder here, and again as they grow.

Nothing is written over there. Checkpoints and weights stay where they are. While a search copies to the mirror, the
folder's lock is held, so that whoever reads it takes the study for one that runs.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

from ...errors import StudyLocked, UsageError
from ..lock import lock_study
from ..schema import KEYS
from ..study_json import STUDY_FILE
from .claim import OWNER, SILENT_S
from .store import FAILURES, Store, is_sound, open_address, reason, without_secrets

EVERY_S = 1.0
"""Seconds between two looks at the address."""

AT_A_TIME = 200
"""Files that are held in memory together."""

FLAG = "STUDY"


def is_address(named: str) -> bool:
    """Whether what the user named is an address and no path: it begins with a scheme."""
    return "://" in named


def studies_at(address: str) -> list[tuple[str, str]]:
    """(address, study) of the study at an address, or of those below it. Raises UsageError if there is none."""
    from pyarrow.fs import FileSelector, FileType

    files, path = open_address(address, FLAG)
    path = path.rstrip("/")
    shown, query = address.partition("?")[0].rstrip("/"), address.partition("?")[2]
    tail = f"?{query}" if query else ""
    try:
        if files.get_file_info(f"{path}/{STUDY_FILE}").type is FileType.File:
            parent, _, name = shown.rpartition("/")
            return [(parent + tail, name)]
        below = files.get_file_info(FileSelector(path, allow_not_found=True))
        folders = sorted(info.base_name for info in below if info.type is FileType.Directory)
        found = [name for name in folders if files.get_file_info(f"{path}/{name}/{STUDY_FILE}").type is FileType.File]
    except FAILURES as error:
        raise UsageError(f"{FLAG}: {without_secrets(address)} cannot be read: {reason(error)}") from error
    if not found:
        raise UsageError(
            f"{FLAG}: {without_secrets(address)} holds no study, nor does a folder below it; give the address that "
            "--mirror had, or that and the study's name"
        )
    return [(shown + tail, name) for name in found]


class Follower:
    """Keeps a copy of one study's tables in ``folder``. Use as a context; ``refresh`` brings what is new."""

    def __init__(self, address: str, study: str, folder: Path) -> None:
        self.store, self.folder = Store(address, study, flag=FLAG), folder / study
        self.complaint = ""
        """Why the last look failed; empty if it did not."""
        self._kept: set[str] = set()
        self._lock = ExitStack()
        self._is_held = False
        self._beat: float | None = None
        self._heard = 0.0

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def refresh(self) -> None:
        """Fetches what is new, and lets go of parts that were merged. What cannot be read is said and tried again."""
        try:
            self._fetch()
            self._show_whether_it_runs()
            self.complaint = ""
        except FAILURES as error:
            self.complaint = f"{self.store.address}: {reason(error)}"

    def _fetch(self) -> None:
        """Raises what file systems raise."""
        there = {name for name in self.store.sizes() if name == STUDY_FILE or name.partition("/")[0] in KEYS}
        # In the order of their names, which begin with their sequence numbers: no row before those it builds on. A
        # part that was merged goes only when its successor is here.
        fresh = sorted(there - self._kept, key=lambda name: (name != STUDY_FILE, name.rpartition("/")[2]))
        for start in range(0, len(fresh), AT_A_TIME):
            for name, data in self.store.read_many(fresh[start : start + AT_A_TIME]).items():
                if is_sound(name, data):  # else it is still being written over there
                    _put(data, self.folder / name)
                    self._kept.add(name)
        for name in self._kept - there:
            (self.folder / name).unlink(missing_ok=True)
        self._kept &= there

    def _show_whether_it_runs(self) -> None:
        """The claim is written anew while a search copies; whose clock says when does not matter."""
        beat, now = self.store.times("").get(OWNER), time.monotonic()
        if beat != self._beat:
            self._beat, self._heard = beat, now
        runs = beat is not None and now - self._heard < SILENT_S and self.folder.is_dir()
        if runs and not self._is_held:
            try:
                self._lock.enter_context(lock_study(self.folder))
                self._is_held = True
            except StudyLocked:  # somebody asks at this moment; the next look tries again
                pass
        elif not runs and self._is_held:
            self._lock.close()
            self._is_held = False


def _put(data: bytes, path: Path) -> None:
    """The file is there whole; it need not outlive a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.tmp")
    aside.write_bytes(data)
    os.replace(aside, path)
