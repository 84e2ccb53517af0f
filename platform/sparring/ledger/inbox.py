"""What a user asks of a search from outside its process, a file each in ``inbox/``: a trial to run, one to end.

A request is there whole or not at all (``disk.publish``), and whoever asks needs no lock. The referee removes it once
the ledger has what was asked for: an attempt with these values, an end of that trial. So after a kill at any moment the
ledger tells whether a request that is still there was carried out. One for a study that nobody searches waits.
"""

from __future__ import annotations

import json
import os
import stat
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ..errors import LedgerError
from ..records import Value
from ..untrusted.texts import read_json
from .disk import make_folder, publish, remove_file, rename, sync_folder

INBOX = "inbox"

LARGEST = 100_000
"""Bytes of a request. A trial's values are some hundred."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; either a trial to run or one to end."""

    name: str
    """Its file's, which sorts by the time of asking."""
    params: Mapping[str, Value] | None = None
    """All searched values of the trial to run next."""
    stop: int | None = None
    """The number of the trial to end."""


class Inbox:
    """The requests of the study in ``folder``. Its methods raise LedgerError if the disk refuses."""

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder) / INBOX
        self.torn: tuple[str, ...] = ()
        """Files set aside by this inbox, each with its reason."""
        self._known: dict[str, Request | str] = {}

    def ask(self, *, params: Mapping[str, Value] | None = None, stop: int | None = None) -> Request:
        """Leaves a request, durably."""
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.json"
        text = json.dumps({"stop": stop} if params is None else {"params": dict(params)}, allow_nan=False)
        try:
            make_folder(self.folder)
            publish(text.encode(), self.folder / name)
        except OSError as error:
            raise LedgerError(
                f"{self.folder}: the request could not be written: {error}; mend that and ask again"
            ) from error
        return Request(name=name, params=params, stop=stop)

    def waiting(self) -> list[Request]:
        """Those that have not been carried out, in the order of asking; files that are none are passed over."""
        return [each for each in self._read().values() if isinstance(each, Request)]

    def strays(self) -> Mapping[str, str]:
        """Files that are no requests, by name, each with the reason."""
        return {name: each for name, each in self._read().items() if isinstance(each, str)}

    def remove(self, request: Request) -> None:
        """It was carried out, or is not wanted any more."""
        try:
            remove_file(self.folder / request.name)
        except OSError as error:
            raise LedgerError(f"{self.folder / request.name}: could not be removed: {error}") from error

    def set_aside(self, name: str, reason: str) -> None:
        """Moves a file out of the way, into ``_torn/`` beside the ledger's damaged parts."""
        aside = self.folder.parent / "_torn"
        try:
            make_folder(aside)
            text = json.dumps({"part": f"{INBOX}/{name}", "reason": reason})
            (aside / f"{INBOX}-{name}.reason.json").write_text(text, encoding="utf-8")
            rename(self.folder / name, aside / f"{INBOX}-{name}")
            sync_folder(self.folder)
        except OSError as error:
            raise LedgerError(f"{self.folder / name}: could not be set aside: {error}") from error
        self.torn += (f"{INBOX}/{name}: {reason}",)

    def _read(self) -> dict[str, Request | str]:
        """By name, what is there; a file is read once, for it never changes."""
        try:
            names = sorted(name for name in os.listdir(self.folder) if name.endswith(".json") and name[0] != ".")
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            raise LedgerError(f"{self.folder}: could not be read: {error}") from error
        found = {name: self._known.get(name) or _parse(self.folder / name) for name in names}
        self._known = {name: each for name, each in found.items() if each is not None}
        return self._known


def _parse(path: Path) -> Request | str | None:
    """A file's request, or why it is none; None if it has gone meanwhile."""
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
            return f"a request is a file of at most {LARGEST:,} bytes"
        content = read_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        return str(error)
    match content:
        case {"params": dict(params)} if all(isinstance(value, float | int | str) for value in params.values()):
            return Request(name=path.name, params=params)
        case {"stop": int(number)} if not isinstance(number, bool):
            return Request(name=path.name, stop=number)
    return "a request has the values of a trial to run, or the number of one to stop"
