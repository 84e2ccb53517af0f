"""The thread that copies a study while it is searched. It never stops the search, whatever the other side does."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ...errors import UsageError
from ..checkpoints import CHECKPOINTS
from ..parts import list_parts, replaced_by, sequence_of
from ..schema import KEYS
from ..study_json import STUDY_FILE
from ..weights import WEIGHTS
from .claim import Claim, Overtaken
from .seeding import check_ahead, check_study, seed
from .store import FAILURES, Store, is_mirrored, is_sound, reason
from .successors import is_merged, replaced_checkpoints, replaced_parts, replaced_weights

LOOK_S = 1.0
"""Seconds between two looks at the folder: what a lost head costs at most, beside the time of the copying."""

MOST_WAIT_S = 60.0
"""After failures the pause doubles up to this."""

LIST_S = 300.0
"""The mirror is listed again this often, in case somebody removed files there."""

FINAL_S = 30.0
"""How long closing may go on copying."""

GRACE_S = 10.0
"""And how much longer it waits for a request under way: a dead S3 address takes 6 s to say so."""


class Mirror:
    """Copies ``folder``'s immutable files to ADDRESS/<name of folder> while the block runs; a context manager.

    In this order: ``check`` before anything starts; ``seed`` with the study's lock held; then the block.
    Raises UsageError if the address is none.
    """

    def __init__(self, folder: Path, address: str, *, look_s: float = LOOK_S, final_s: float = FINAL_S) -> None:
        self.folder = folder
        self.problem: str | None = None
        """One sentence on why files are missing over there; None while all is well."""
        self.torn: tuple[str, ...] = ()
        """What ``seed`` set aside, one sentence each."""
        self.whole_at = time.monotonic()
        """When the last look began after which every file was there; when this was made, before the first such."""
        self.store = Store(address, folder.name)
        self.claim = Claim(self.store)
        self._look_s = look_s
        self._final_s = final_s
        self._listed_here: Mapping[str, Path] = {}
        self._held: dict[str, int] = {}
        self._merged: dict[str, frozenset[int]] = {}
        self._listed_there: float | None = None
        self._is_overtaken = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="mirror")

    @property
    def address(self) -> str:
        """Where the study is mirrored, as messages may show it."""
        return self.store.address

    @property
    def missing(self) -> int:
        """Files that the last look found here and not there."""
        return sum(name not in self._held for name in self._listed_here)

    def check(self, identity: Mapping[str, object] | None = None) -> None:
        """Raises UsageError if the address takes no files, or holds another study under this name.

        identity: the search's, as ``study.json`` keeps it; compared while there is no local study yet.
        """
        there = self.store.local
        if there is not None and there.resolve().is_relative_to(self.folder.resolve()):
            raise UsageError(
                f"--mirror: a mirror lies outside the study, but {there} is in {self.folder}; choose another address"
            )
        self.store.check()
        try:
            check_study(self.folder, self.store, identity)
        except FAILURES as error:
            raise UsageError(f"--mirror: {self.address} must be readable, but: {reason(error)}") from error

    def seed(self) -> bool:
        """Brings the study back from the mirror if there is none here. True if it did; ``torn`` says what was damaged.

        Raises UsageError if the mirror cannot be read, is another search's, or holds rows that the study here lacks.
        """
        try:
            self.claim.take()  # before the mirror is read: nobody adds to it from then on
        except FAILURES as error:
            raise UsageError(f"--mirror: {self.address} must be readable, but: {reason(error)}") from error
        if (self.folder / STUDY_FILE).exists():
            try:
                check_ahead(self.folder, self.store)
            except FAILURES as error:
                raise UsageError(f"--mirror: {self.address} must be readable, but: {reason(error)}") from error
            return False
        torn = seed(self.folder, self.store)
        self.torn = torn or ()
        return torn is not None

    def copy(self) -> bool:
        """One look: sends what is missing, then deletes what has a successor there. True if all files are there.

        Raises OSError or pyarrow's errors if the other side fails; LedgerError if a table here cannot be read.
        """
        listed = self._listed_here = self._list()
        if listed and (self.claim.is_due or self._listed_there is None):
            self.claim.hold()
        if self._listed_there is None or time.monotonic() - self._listed_there > LIST_S:
            self._listed_there = None
            self._held = self.store.sizes() if listed else {}
            self._listed_there = time.monotonic()
        whole = True
        for name, path in listed.items():
            try:
                if self._held.get(name) == path.stat().st_size:
                    continue
                data = path.read_bytes()
            except FileNotFoundError:
                whole = False  # merged or rotated away meanwhile: the next look finds what took its place
                continue
            if not is_sound(name, data):
                continue  # damaged here, which the ledger's next opening finds; over there it may be whole
            self.claim.hold()
            self.store.write(name, data)
            self._held[name] = len(data)
        if listed and whole:
            replaced = self._replaced(listed)
            if replaced:
                self.claim.hold()
            self.store.delete(replaced)
            for name in replaced:
                del self._held[name]
        return whole

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join(self._final_s + GRACE_S)
        if self._thread.is_alive():
            self.problem = self._sentence("it does not answer")
        if self.problem is not None and not self._is_overtaken:
            self.problem += "; the same command again copies the rest"

    def _watch(self) -> None:
        pause = 0.0
        while not self._closing.wait(pause):
            self._try()
            pause = self._look_s if self.problem is None else min(max(2 * pause, self._look_s), MOST_WAIT_S)
        end = time.monotonic() + self._final_s
        self._listed_there = None  # the last word is about what is there, not about what was sent
        while not self._try() and time.monotonic() < end and not self._is_overtaken:
            time.sleep(min(self._look_s, max(end - time.monotonic(), 0.0)))
        with suppress(*FAILURES):  # then it is taken over once it has been silent for long enough
            self.claim.give_back()

    def _try(self) -> bool:
        """A look that reports instead of raising. True if all files are there."""
        began = time.monotonic()
        try:
            whole = self.copy()
        except Overtaken as other:
            self._is_overtaken = True
            self.problem = (
                f"mirror {self.address}: nothing more is copied, since {other}; this study is whole here: give it "
                "another --mirror"
            )
            return False
        except Exception as error:  # also a mistake of ours: the search must go on, and the user must hear of it
            self._listed_there = None
            self.problem = self._sentence(reason(error))
            return False
        self.problem = None
        if whole:
            self.whole_at = began
        return whole

    def _sentence(self, why: str) -> str:
        files = "1 file is" if self.missing == 1 else f"{self.missing} files are"
        return (
            f"mirror {self.address}: {files} not there yet: {why}" if self.missing else f"mirror {self.address}: {why}"
        )

    def _list(self) -> dict[str, Path]:
        """Name -> path of every file to mirror, in the order of sending; empty while there is no study.

        Checkpoints and weights are listed before tables. If one of them is gone because its trial ended, the row that
        says so is then among the parts. Weights are sent before the row that says whose they are.
        """
        if not (self.folder / STUDY_FILE).exists():
            return {}
        checkpoints, weights = self._tensors(CHECKPOINTS), self._tensors(WEIGHTS)
        parts = []
        for table in KEYS:
            folder, names = list_parts(self.folder / table)
            parts += [(sequence_of(name), f"{table}/{name}", folder / name) for name in names if sequence_of(name)]
        return {
            STUDY_FILE: self.folder / STUDY_FILE,
            **weights,
            **{name: path for _, name, path in sorted(parts)},
            **checkpoints,
        }

    def _replaced_by(self, name: str, path: Path) -> frozenset[int]:
        """What a merged part says it has replaced; nothing if it has been merged away itself meanwhile."""
        if name not in self._merged:
            try:
                self._merged[name] = replaced_by(path)
            except FileNotFoundError:
                return frozenset()
        return self._merged[name]

    def _tensors(self, folder: str) -> dict[str, Path]:
        """Name -> path of the checkpoints, or the weights."""
        try:
            names = [f"{folder}/{name}" for name in sorted(os.listdir(self.folder / folder))]
        except FileNotFoundError:
            return {}
        return {name: self.folder / name for name in names if is_mirrored(name)}

    def _replaced(self, listed: Mapping[str, Path]) -> list[str]:
        """Names over there that are gone here and have a successor, over there too."""
        gone = [name for name in self._held if name not in listed]
        if not gone:  # so it is at nearly every look, and then no file is read
            return []
        kept = listed.keys() & self._held.keys()
        merged: dict[str, set[int]] = defaultdict(set)
        for name in filter(is_merged, kept):
            merged[name.partition("/")[0]] |= self._replaced_by(name, listed[name])
        return [
            *replaced_parts(gone, merged, self.folder),
            *replaced_checkpoints(gone, kept, self.folder),
            *replaced_weights(gone, kept),
        ]
