"""The files of one name in the registry: in a folder of this machine, or at an address that pyarrow opens.

Both write a file whole or not at all, replace one in a step, and let one process at a time change anything.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ...errors import RegistryLocked, StudyLocked, UsageError
from ...ledger import disk
from ...ledger.lock import acquire, release
from ...ledger.mirror.store import FAILURES, Store, reason
from .entries import now, whoami

LOCK = "LOCK"
CLAIMS = "claims"
CLAIM_S = 900.0
"""Age at which a claim counts as left by a process that died; a promotion writes for seconds."""
TRIES = 6
PAUSE_S = 0.3
"""Longest first pause of one of two that claim at the same moment; each further one is twice as long."""


class Files(Protocol):
    """Files by name, such as ``3/model.json``."""

    where: str
    """What messages call the place."""

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError, or OSError."""
        ...

    def names(self, folder: str) -> list[str]:
        """Files that lie in ``folder`` itself, sorted; none if there is no such folder."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """A new file in a folder of the name, durably. Raises OSError."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """A file of the name itself, in one step, durably. Raises OSError."""
        ...

    def remove(self, folder: str) -> None:
        """A folder with all it holds, if it is there."""
        ...

    def held(self) -> AbstractContextManager[Callable[[], None]]:
        """A context in which nobody else changes anything; its value raises RegistryLocked if that is over."""
        ...


class LocalFiles:
    """A folder; whoever changes anything holds its lock, which the kernel frees when its holder dies."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.where = folder, str(folder)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def names(self, folder: str) -> list[str]:
        place = self.folder / folder
        return sorted(path.name for path in place.iterdir() if path.is_file()) if place.is_dir() else []

    def write(self, name: str, data: bytes) -> None:
        final = self.folder / name
        for folder in reversed(final.parents[: name.count("/")]):
            disk.make_folder(folder)
        final.with_name(f".{final.name}.tmp").unlink(missing_ok=True)  # left by a process that died here
        disk.publish(data, final)

    def replace(self, name: str, data: bytes) -> None:
        disk.replace_file(data, self.folder / name)

    def remove(self, folder: str) -> None:
        disk.remove_folder(self.folder / folder)

    @contextmanager
    def held(self) -> Iterator[Callable[[], None]]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = acquire(self.folder / LOCK)
        except StudyLocked as error:
            raise RegistryLocked(_under_way(self.where, error.holder)) from error
        except OSError as error:
            raise UsageError(
                f"{self.where}: must be a folder to write in, but: {error.strerror}; name another"
            ) from error
        try:
            yield lambda: None
        finally:
            release(descriptor)


class RemoteFiles:
    """An address of pyarrow. Object stores keep no locks; here a claim is a file, and who sees another's withdraws.

    Every process writes its claim before it looks for others, so of two at once at least one sees the other. Two that
    both do withdraw, wait a random while and try again.
    """

    def __init__(self, store: Store) -> None:
        self._store, self.where = store, store.address

    def read(self, name: str) -> bytes:
        return self._store.read(name)

    def names(self, folder: str) -> list[str]:
        return sorted(self._store.times(folder))

    def write(self, name: str, data: bytes) -> None:
        self._store.write(name, data)

    def replace(self, name: str, data: bytes) -> None:
        self._store.write(name, data)  # where uploads are not atomic, the store writes beside it and moves

    def remove(self, folder: str) -> None:
        self._store.delete(f"{folder}/{name}" for name in self.names(folder))

    @contextmanager
    def held(self) -> Iterator[Callable[[], None]]:
        claim = f"{uuid.uuid4().hex}.json"
        self._claim(claim)

        def check() -> None:
            if claim not in self._store.times(CLAIMS):
                raise RegistryLocked(f"{self.where}: this promotion took so long that another began; run it again")

        try:
            yield check
        finally:
            self._store.delete([f"{CLAIMS}/{claim}"])

    def _claim(self, claim: str) -> None:
        for attempt in range(TRIES):
            self._store.write(f"{CLAIMS}/{claim}", json.dumps({"who": whoami(), "when": now()}).encode())
            times = self._store.times(CLAIMS)
            others = {name for name in times.keys() - {claim} if times[claim] - times[name] < CLAIM_S}
            if not others:
                self._store.delete(f"{CLAIMS}/{name}" for name in times.keys() - {claim})
                return
            self._store.delete([f"{CLAIMS}/{claim}"])
            if attempt + 1 < TRIES:
                time.sleep(random.uniform(0.1, PAUSE_S) * 2**attempt)
        raise RegistryLocked(_under_way(self.where, self._holder(sorted(others)[0])))

    def _holder(self, claim: str) -> str:
        try:
            said = json.loads(self._store.read(f"{CLAIMS}/{claim}"))
            return f"{said['who']} claims this one since {said['when']}"
        except (*FAILURES, ValueError, KeyError, TypeError) as error:
            return f"another one claims it ({reason(error)})"


def _under_way(where: str, holder: str) -> str:
    return f"{where}: one promotion or roll-back at a time, but {holder or 'another one has begun'}; wait and try again"
