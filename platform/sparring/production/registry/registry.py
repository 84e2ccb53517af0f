"""Promotions and roll-backs of the models at one address. The package's docstring says what lies there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ... import __version__
from ...errors import DataError, NothingToReport, PromotionRefused, SparringError, UnknownName, UsageError, sentence
from ...ledger.mirror.store import FAILURES, Store, open_address, reason, without_secrets
from ...records import safe_name
from ..handover.manifest import MANIFEST, digest, verify
from .entries import Current, Entry, file_of, now, whoami
from .files import Files, LocalFiles, RemoteFiles

PRODUCTION = "production"
"""Where bundles go unless told otherwise."""
CURRENT, HISTORY, SIGNATURES = "current", "history", "signatures"
SIGNATURE = "signature.json"

Parsed = TypeVar("Parsed", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Models by name at ``address``: a folder, or what pyarrow opens, such as s3://bucket/models."""

    address: str
    flag: str = "--to"
    """By which the user says the address."""

    @property
    def shown(self) -> str:
        """The address as messages show it."""
        return without_secrets(self.address).rstrip("/")

    # -- reading ------------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The models in production here. Raises UsageError if the address cannot be opened."""
        if (folder := self._local) is not None:
            return sorted(path.parent.name for path in folder.glob(f"*/{CURRENT}"))
        from pyarrow.fs import FileSelector

        files, path = open_address(self.address, self.flag)
        try:
            found = files.get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
        except FAILURES as error:
            raise UsageError(f"{self.flag}: {self.shown} cannot be listed: {reason(error)}") from error
        return sorted(Path(info.path).parent.name for info in found if info.base_name == CURRENT)

    def current(self, name: str) -> Current | None:
        """Which version of ``name`` is in use; None if there is none. Raises DataError if the file is torn."""
        files = self._files(name)
        try:
            data = files.read(CURRENT)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _parse(data, Current, f"{files.where}/{CURRENT}")

    def history(self, name: str) -> tuple[Entry, ...]:
        """Every promotion and roll-back of ``name``, oldest first; empty if there is none.

        Raises DataError if an entry is missing, torn or changed.
        """
        current = self.current(name)
        entries: list[Entry] = []
        step = None if current is None else (current.entry, current.sha256)
        files = self._files(name)
        while step is not None:
            file, sha256 = step
            place = f"{files.where}/{HISTORY}/{file}"
            try:
                data = files.read(f"{HISTORY}/{file}")
            except FileNotFoundError as error:
                raise DataError(f"{place}: an entry of the history is gone; restore it from a copy") from error
            if digest(data) != sha256:
                raise DataError(
                    f"{place}: an entry of the history never changes, but was changed; restore it from a copy"
                )
            entries.append(_parse(data, Entry, place))
            before, before_file = entries[-1].before, entries[-1].before_file
            step = None if before is None or before_file is None else (before_file, before)
        return tuple(reversed(entries))

    def read(self, name: str, version: int | None = None) -> dict[str, bytes]:
        """The files of a version, by default the current one, checked against its manifest and the history.

        Raises UnknownName if there is no such model or version, DataError if a file is missing or changed.
        """
        entries = self.history(name)
        if not entries:
            there = ", ".join(self.names()) or "none"
            raise UnknownName(f"no model {name!r} in production at {self.shown}; there are: {there}")
        wanted = entries[-1].version if version is None else version
        promoted = next((entry for entry in entries if entry.version == wanted), None)
        if promoted is None:
            there = ", ".join(str(number) for number in sorted({entry.version for entry in entries}))
            raise UnknownName(f"{name}: no version {wanted} at {self.shown}; there are: {there}")
        return self._read(self._files(name), promoted)

    def signature(self, name: str, version: int) -> bytes | None:
        """The signature of a version, None if it has none."""
        try:
            return self._files(name).read(f"{SIGNATURES}/{version}/{SIGNATURE}")
        except (FileNotFoundError, NotADirectoryError):
            return None

    # -- writing ------------------------------------------------------------------------------------------------------

    def check(self, name: str) -> None:
        """Raises UsageError unless the address takes files."""
        files = self._files(name)
        if isinstance(files, RemoteFiles):
            Store(self.address, safe_name(name, "--name"), self.flag).check()
            return
        with files.held():
            pass

    def promote(
        self,
        name: str,
        make: Callable[[int], Mapping[str, bytes]],
        *,
        seen: Current | None,
        sign: Callable[[Mapping[str, bytes]], bytes] | None = None,
        **about: object,
    ) -> Entry:
        """Writes a bundle as the next version, enters it in the history, and makes it current.

        make: from the version's number the bundle's files, the manifest last. seen: what ``current`` answered when the
        bundle was compared. sign: gives the bundle's signature, which is kept beside it. about: further fields of the
        entry.
        Raises PromotionRefused if another version has become current since, RegistryLocked if another process is at it
        now; what was current then stays so.
        """
        files = self._files(name)
        with files.held() as check_held:
            current = self.current(name)
            if current != seen:
                raise PromotionRefused(self._overtaken(name))
            entries = self.history(name)
            version = 1 + max((entry.version for entry in entries), default=0)
            bundle = make(version)
            try:
                files.remove(str(version))  # left by a promotion that died before its switch
                for file, data in bundle.items():
                    files.write(f"{version}/{file}", data)
                files.remove(f"{SIGNATURES}/{version}")
                if sign is not None:
                    files.write(f"{SIGNATURES}/{version}/{SIGNATURE}", sign(bundle))
            except FAILURES as error:
                raise SparringError(
                    f"{files.where}: version {version} could not be written: {reason(error)}; production is as it was"
                ) from error
            entry = Entry(
                number=len(entries) + 1,
                action="promoted",
                name=name,
                version=version,
                replaced=None if current is None else current.version,
                manifest=digest(bundle[MANIFEST]),
                when=now(),
                who=whoami(),
                sparring=__version__,
                before=None if current is None else current.sha256,
                before_file=None if current is None else current.entry,
                **about,  # type: ignore[arg-type]
            )
            self._read(files, entry)  # as whoever uses it will: every byte that arrived, against the manifest
            self._switch(files, entry, check_held)
        return entry

    def roll_back(self, name: str, to: int | None = None, why: str = "") -> Entry:
        """Makes an earlier version current again, by a new entry; by default the one before the present one.

        Raises UnknownName if there is no such version, NothingToReport if there is none before, DataError if its files
        are not what was promoted, RegistryLocked if another process is at it.
        """
        if not self.history(name):
            self.read(name)  # says which models there are
        files = self._files(name)
        with files.held() as check_held:
            entries = self.history(name)
            newest = entries[-1]
            if to is None:
                to = newest.replaced if newest.action == "promoted" else _before(entries, newest.version)
            if to is None:
                raise NothingToReport(f"{name}: version {newest.version} is the first; there is none to go back to")
            if to == newest.version:
                raise UsageError(f"--to: version {to} of {name} is current already")
            promoted = next((entry for entry in entries if entry.version == to), None)
            if promoted is None:
                there = ", ".join(str(number) for number in sorted({entry.version for entry in entries}))
                raise UnknownName(f"--to: no version {to} of {name}; there are: {there}")
            self._read(files, promoted)
            current = self.current(name)
            assert current is not None
            entry = Entry(
                number=newest.number + 1,
                action="rolled back",
                name=name,
                version=to,
                replaced=newest.version,
                manifest=promoted.manifest,
                when=now(),
                who=whoami(),
                study=promoted.study,
                trial=promoted.trial,
                is_refit=promoted.is_refit,
                figure=promoted.figure,
                reason=why,
                sparring=__version__,
                before=current.sha256,
                before_file=current.entry,
            )
            self._switch(files, entry, check_held)
        return entry

    # -- the rest -----------------------------------------------------------------------------------------------------

    @property
    def _local(self) -> Path | None:
        """The folder, if the address is one of this machine."""
        if "://" not in self.address:
            return Path(self.address)
        return Path(self.address.removeprefix("file://")) if self.address.startswith("file:///") else None

    def _files(self, name: str) -> Files:
        safe_name(name, "--name")
        if (folder := self._local) is not None:
            return LocalFiles(folder / name)
        return RemoteFiles(Store(self.address, name, self.flag))

    def _read(self, files: Files, entry: Entry) -> dict[str, bytes]:
        where = f"{files.where}/{entry.version}"
        try:
            found = {file: files.read(f"{entry.version}/{file}") for file in files.names(str(entry.version))}
        except FAILURES as error:
            raise DataError(f"{where}: cannot be read: {reason(error)}") from error
        found = {file: data for file, data in found.items() if not file.startswith(".")}
        verify(found, where)
        if digest(found[MANIFEST]) != entry.manifest:
            raise DataError(
                f"{where}: not the bundle that was promoted on {entry.when}: the history has another manifest"
            )
        return found

    def _switch(self, files: Files, entry: Entry, check_held: Callable[[], None]) -> None:
        file, sha256 = file_of(entry)
        try:
            if file not in files.names(HISTORY):
                files.write(f"{HISTORY}/{file}", entry.packed())
            check_held()
            files.replace(CURRENT, Current(version=entry.version, entry=file, sha256=sha256).packed())
        except FAILURES as error:
            raise SparringError(
                f"{files.where}: version {entry.version} could not be made current: {reason(error)}; `sparring "
                f"production {entry.name}` says which is"
            ) from error

    def _overtaken(self, name: str) -> str:
        entries = self.history(name)
        if not entries:
            return f"{name}: it was taken out of production meanwhile; run it again"
        newest = entries[-1]
        return (
            f"{name}: version {newest.version} was {newest.action} by {newest.who} at {newest.when}, after this one "
            "was compared; run it again, so that it is compared with that"
        )


def _before(entries: tuple[Entry, ...], version: int) -> int | None:
    """The version that was current when ``version`` was promoted."""
    return next((entry.replaced for entry in entries if entry.action == "promoted" and entry.version == version), None)


def _parse(data: bytes, parsed: type[Parsed], where: str) -> Parsed:
    try:
        return parsed.model_validate_json(data)
    except ValidationError as error:
        raise DataError(f"{where}: {sentence(error)}; restore it from a copy") from error
