"""Archives from strangers: tar, zip and gz, unpacked so that nothing lands elsewhere and no bomb fills the disk.

Only regular files below the one name that the card announces are taken. Refused, and nothing is left behind: absolute
paths, ``..``, links, devices, sparse and encrypted members, more than ``MOST_FILES`` members, and more bytes than
``MOST_RATIO`` times the archive's own (photographs hardly shrink, MNIST shrinks fivefold; a bomb gains a thousandfold).
Bytes are counted as they are decompressed, headers and members that are left out among them. Everything is written to a
temporary folder and renamed at the end: what is there is whole.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast

from ..errors import DataError

MOST_FILES = 5_000_000
MOST_RATIO = 100
SLACK = 1 << 20  # bytes that even the smallest archive may hold
_TORN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)
_FILTER = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4; the checks here come first


def unpack(archive: Path, target: Path) -> None:
    """Puts what ``archive`` holds under ``target.name`` at ``target``, a file (.gz) or a folder (.tar…, .zip).

    Raises DataError, naming the archive and the member, for what is torn, foreign or meant to harm.
    """
    budget = _Budget(archive)
    with _temporary_folder(target) as folder:
        try:
            alone = archive.suffix == ".gz" and not archive.stem.endswith(".tar")
            if not alone and _is_tar(archive):  # a gz of zeros would pass for an empty tar
                _unpack_tar(archive, folder, target.name, budget)
            elif zipfile.is_zipfile(archive):
                _unpack_zip(archive, folder, target.name, budget)
            elif alone:
                with gzip.open(archive) as source:
                    _copy(source, folder / target.name, budget)
            else:
                raise DataError(f"{archive}: expected a whole .tar, .tar.gz, .zip or .gz, but it is none of them")
        except _TORN as error:
            raise DataError(f"{archive}: it cannot be unpacked: {error}; it is torn, so fetch it again") from error
        except OSError as error:
            raise DataError(f"{archive}: it cannot be unpacked at {target}: {error.strerror or error}") from error
        if not (folder / target.name).exists():
            raise DataError(f"{archive}: expected it to hold {target.name!r}, but there is nothing of that name in it")
        try:
            (folder / target.name).rename(target)
        except OSError as error:
            if not target.exists():  # else another search unpacked the same archive meanwhile
                raise DataError(f"{target}: it cannot be written: {error.strerror}") from error


class _Budget:
    """Counts what an archive unfolds to."""

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        self.files = self.bytes = 0
        self.most = archive.stat().st_size * MOST_RATIO + SLACK

    def spend(self, size: int, files: int = 0) -> None:
        self.bytes += size
        self.files += files
        if self.bytes > self.most:
            raise DataError(
                f"{self.archive}: it unfolds to more than {MOST_RATIO} times its own size ({self.most:,} bytes), as a "
                "bomb does; it was not unpacked"
            )
        if self.files > MOST_FILES:
            raise DataError(f"{self.archive}: it holds more than {MOST_FILES:,} members; it was not unpacked")


class _Counted:
    """The bytes of a tar, counted as they are decompressed; between two members no more than ``SLACK`` of them.

    ``tarfile`` takes a long name or a comment into memory whole, of any length that a header announces.
    """

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget, self._left = stream, budget, SLACK

    def allow(self, size: int) -> None:
        """The next member has so many bytes."""
        self._left = size + SLACK

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._budget.spend(len(block))
        self._left -= len(block)
        if self._left < 0:
            raise DataError(
                f"{self._budget.archive}: a header of it is longer than {SLACK:,} bytes; it was not unpacked"
            )
        return block


_OPENED_BY: Mapping[bytes, Callable[[Path], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
"""What opens a compressed file, by how that begins."""


def _open_decompressed(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        first = file.read(6)
    opened = next((each for magic, each in _OPENED_BY.items() if first.startswith(magic)), None)
    return archive.open("rb") if opened is None else cast("IO[bytes]", opened(archive))


def _is_tar(archive: Path) -> bool:
    """By its first block alone: ``tarfile.is_tarfile`` reads as much as a header announces."""
    with _open_decompressed(archive) as stream:
        try:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
        except (tarfile.HeaderError, OSError, zlib.error, lzma.LZMAError, EOFError):
            return False
    return True


def _unpack_tar(archive: Path, folder: Path, top: str, budget: _Budget) -> None:
    with _open_decompressed(archive) as stream:
        counted = _Counted(stream, budget)
        with tarfile.open(fileobj=counted, mode="r|") as tar:  # type: ignore[call-overload]  # once: 24 GB are a stream
            for member in tar:
                _check_member(archive, member)
                budget.spend(0, files=1)
                counted.allow(member.size)
                if _is_below(member.name, top):
                    tar.extract(member, folder, set_attrs=False, **_FILTER)


def _check_member(archive: Path, member: tarfile.TarInfo) -> None:
    """Raises DataError for what is neither a plain file nor a folder below."""
    _check_name(archive, member.name)
    if not (member.isreg() or member.isdir()):
        what = "link" if member.issym() or member.islnk() else "device"
        raise DataError(f"{archive}: its member {member.name!r} is a {what}; it was not unpacked")
    if member.issparse() or member.size < 0:
        raise DataError(f"{archive}: its member {member.name!r} is sparse; it was not unpacked")


def _unpack_zip(archive: Path, folder: Path, top: str, budget: _Budget) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            _check_name(archive, member.filename)
            mode = member.external_attr >> 16
            if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
                what = "link" if stat.S_ISLNK(mode) else "device"
                raise DataError(f"{archive}: its member {member.filename!r} is a {what}; it was not unpacked")
            if member.flag_bits & 1:
                raise DataError(f"{archive}: its member {member.filename!r} is encrypted; it was not unpacked")
            budget.spend(0, files=1)
            if _is_below(member.filename, top) and not member.is_dir():
                with packed.open(member) as source:
                    _copy(source, folder / member.filename, budget)


def _copy(source: IO[bytes] | gzip.GzipFile, target: Path, budget: _Budget) -> None:
    """What is counted is what arrives, not what a header announces."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        while block := source.read(1 << 20):
            budget.spend(len(block))
            file.write(block)


def _check_name(archive: Path, name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or PureWindowsPath(name).drive:
        raise DataError(f"{archive}: its member {name!r} leads out of the folder; it was not unpacked")


def _is_below(name: str, top: str) -> bool:
    return PurePosixPath(name).parts[:1] == (top,)


@contextmanager
def _temporary_folder(target: Path) -> Iterator[Path]:
    """A temporary folder on the target's own disk."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    except OSError as error:
        raise DataError(
            f"{target.parent}: {target.name} must be unpacked there, but it cannot be written to: {error.strerror}; "
            "unpack it there yourself, or give another --data-path"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
