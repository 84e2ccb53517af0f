"""Who copies to a mirror: one search at a time, or its copy would hold rows of two.

``owner.json`` over there names the process. It is rewritten every ``BEAT_S`` seconds and removed at the end. A claim
older than ``SILENT_S`` by the file system's own clock is taken over, as is that of a dead process of this machine.
Object stores keep no locks, so who claims waits a moment and reads the claim back, and who sends something has read it
within ``FRESH_S``.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ...errors import UsageError
from ..lock import boot_id
from .store import Store

OWNER = "owner.json"
PROCESS = uuid.uuid4().hex
"""Names this process among all; numbers of processes are used again, and every container has a 1."""
BEAT_S = 20.0
SILENT_S = 90.0
"""Four beats and a slow request."""
FRESH_S = 1.0
"""Reading the claim before every file would double the requests."""
SETTLE_S = 1.0
"""How much later another's claim may arrive that was decided on before ours was there."""


class Overtaken(Exception):
    """Another search copies to this mirror now; the message is a clause that names it."""


class Claim:
    """This search's claim on a mirror."""

    def __init__(
        self, store: Store, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._store, self._clock, self._pause = store, clock, pause
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self._written: float | None = None
        self._read_at = float("-inf")
        self._overtaken: str | None = None

    def take(self) -> None:
        """Raises UsageError, naming the holder, if another search is copying; OSError or pyarrow's errors."""
        other = self._read()
        if other is not None and not self._is_over(other):
            raise UsageError(
                f"--mirror: {self._store.address}: one search at a time may be copied there, but {_named(other)}; wait "
                f"for it, stop it, or choose another --mirror; if that machine is lost, try again in {SILENT_S:g} s"
            )
        self._write()
        self._pause(SETTLE_S)
        other = self._read()
        if other is not None and not self._is_mine(other):
            raise UsageError(
                f"--mirror: {self._store.address}: one search at a time may be copied there, but {_named(other)}; "
                "choose another --mirror"
            )

    def hold(self) -> None:
        """Call before anything is sent. Raises Overtaken, from then on always, if another search has taken over."""
        if self._overtaken is None and (self.is_due or self._clock() - self._read_at >= FRESH_S):
            other = self._read()
            self._read_at = self._clock()
            if other is not None and not self._is_mine(other):
                self._overtaken = _named(other)
            elif other is None or self._written is None or self._clock() - self._written >= BEAT_S:
                self._write()
        if self._overtaken is not None:
            raise Overtaken(self._overtaken)

    @property
    def is_due(self) -> bool:
        """Whether others would soon take this search for lost."""
        return self._written is not None and self._clock() - self._written >= BEAT_S

    def give_back(self) -> None:
        """The search is over. Raises OSError or pyarrow's errors."""
        other = self._read()
        if other is not None and self._is_mine(other):
            self._store.delete([OWNER])

    def _write(self) -> None:
        mine = {
            "process": PROCESS, "machine": _machine(), "host": socket.gethostname(), "pid": os.getpid(),
            "since": self._since,
        }  # fmt: skip
        self._store.write(OWNER, json.dumps(mine).encode())
        self._written = self._clock()

    def _read(self) -> dict[str, Any] | None:
        """What stands over there; a torn claim is nobody's."""
        try:
            said = json.loads(self._store.read(OWNER))
        except (FileNotFoundError, ValueError):
            return None
        return said if isinstance(said, dict) else None

    def _is_mine(self, claim: Mapping[str, Any]) -> bool:
        """Whether its holder is this process: a study's lock allows it one search at a time."""
        return bool(claim.get("process") == PROCESS)

    def _is_over(self, claim: Mapping[str, Any]) -> bool:
        """Whether its holder is this process, has died or is silent."""
        if self._is_mine(claim) or (claim.get("machine") == _machine() and not _is_alive(claim.get("pid"))):
            return True
        probe = f".{uuid.uuid4().hex}"
        self._store.write(probe, b"now")  # the other side's clock may differ from ours
        times = self._store.times("")
        self._store.delete([probe])
        return times[probe] - times.get(OWNER, float("-inf")) > SILENT_S


def _machine() -> str:
    """Within which a process number means a process: two containers of one machine count their own."""
    try:
        numbers = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        numbers = ""
    return f"{socket.gethostname()} {boot_id()} {numbers}"


def _is_alive(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def _named(claim: Mapping[str, Any]) -> str:
    return f"process {claim.get('pid')} on {claim.get('host')} has been copied there since {claim.get('since')}"
