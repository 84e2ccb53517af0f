"""Bytes into a file that is there whole or not at all, whatever dies in between.

Order of the calls after Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014): the file's fsync before
its name appears, the folder's fsync before the call returns.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def publish(data: bytes, final: Path) -> None:
    """Makes ``final`` appear with exactly ``data``, durably, and never over another file.

    Raises OSError (FileExistsError among them), and then neither ``final`` nor the temporary file is there, as far as
    the disk still obeys; if it was the folder's fsync that failed, a power cut may bring ``final`` back, whole. A
    failed fsync is never repeated on the same file: Linux reports such an error only once.
    """
    temporary = final.with_name(f".{final.name}.tmp")
    linked = False
    try:
        _write(temporary, data)
        if temporary.read_bytes() != data:
            raise OSError(errno.EIO, "the disk gave back other bytes than were written", str(temporary))
        os.link(temporary, final)
        linked = True
        os.unlink(temporary)
        sync_folder(final.parent)
    except BaseException:
        for path in (final, temporary) if linked else (temporary,):
            with suppress(OSError):  # the first failure is the one to report
                os.unlink(path)
        raise


def replace_file(data: bytes, final: Path) -> None:
    """``final`` holds exactly ``data`` in the place of what it held, or what it held before; never a part of either.

    Raises OSError; if it was the folder's fsync that failed, a power cut may bring back what it held before.
    """
    temporary = final.with_name(f".{final.name}.tmp")
    if temporary.exists():
        os.unlink(temporary)  # left by a process that died here
    _write(temporary, data)
    if temporary.read_bytes() != data:
        raise OSError(errno.EIO, "the disk gave back other bytes than were written", str(temporary))
    os.rename(temporary, final)
    sync_folder(final.parent)


def remove_file(path: Path) -> None:
    """The file is gone, durably, if it was there."""
    if path.exists():
        os.unlink(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Waits until the folder's names are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def swap_folder(folder: Path, new: Path, old: Path) -> None:
    """``new`` becomes ``folder``, which becomes ``old``. Between the two renames ``folder`` does not exist."""
    os.rename(folder, old)
    os.rename(new, folder)
    sync_folder(folder.parent)


def link(source: Path, target: Path) -> None:
    """One file under a second name. Not durable until the target's folder is synced."""
    os.link(source, target)


def rename(source: Path, target: Path) -> None:
    """Not durable until the folder is synced."""
    os.rename(source, target)


def make_folder(folder: Path) -> None:
    """Makes one folder, its parent must exist; an existing one is left as it is."""
    if not folder.is_dir():
        os.mkdir(folder)
        sync_folder(folder.parent)


def remove_folder(folder: Path) -> None:
    """Removes a folder with all it holds, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(data)
        while rest:  # a nearly full disk takes a part of the bytes first, and refuses only the next call
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(folder: Path, stem: str, packed: bytes) -> Path:
    """Durably stores the bytes as ``STEM-<16 digits>.safetensors``; returns the path. Raises OSError if it cannot.

    Storing the same bytes under the same stem again replaces the file: unlike ``publish``, this may be repeated.
    """
    final = folder / f"{stem}-{digest(packed)}.safetensors"
    folder.mkdir(exist_ok=True)
    temporary = folder / f".{final.name}.tmp"
    try:
        temporary.unlink(missing_ok=True)  # left by a process that died here
        _write(temporary, packed)
        os.replace(temporary, final)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return final


def newest_whole(paths: Sequence[Path]) -> bytes | None:
    """The bytes of the last file whose checksum holds; torn ones are passed over. None if there is none."""
    for path in reversed(paths):
        packed = path.read_bytes()
        if is_whole(path, packed):
            return packed
    return None


def is_whole(path: Path, packed: bytes) -> bool:
    """Whether the bytes have the checksum in the file's name."""
    return path.stem.rpartition("-")[2] == digest(packed)


def digest(packed: bytes) -> str:
    """The first 16 hexadecimal digits of the bytes' SHA-256."""
    return hashlib.sha256(packed).hexdigest()[:16]
