"""Bugs of what is written, synced and merged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparring.ledger import disk, parts, writer
from sparring.ledger.writer import Ledger

from .registry import Patch, bug


@bug
def a_part_without_its_fsync(patch: Patch) -> None:
    def write(path: Path, data: bytes) -> None:
        descriptor = disk.os.open(path, disk.os.O_WRONLY | disk.os.O_CREAT | disk.os.O_EXCL, 0o666)
        rest = memoryview(data)
        while rest:
            rest = rest[disk.os.write(descriptor, rest) :]
        disk.os.close(descriptor)

    patch.setattr(disk, "_write", write)


@bug
def a_folder_without_its_fsync(patch: Patch) -> None:
    patch.setattr(disk, "sync_folder", lambda folder: None)
    patch.setattr(writer, "sync_folder", lambda folder: None)


@bug
def a_short_write_taken_for_a_whole_one(patch: Patch) -> None:
    def write(path: Path, data: bytes) -> None:
        descriptor = disk.os.open(path, disk.os.O_WRONLY | disk.os.O_CREAT | disk.os.O_EXCL, 0o666)
        disk.os.write(descriptor, data)
        disk.os.fsync(descriptor)
        disk.os.close(descriptor)

    patch.setattr(disk, "_write", write)
    patch.setattr(Path, "read_bytes", _read_back(Path.read_bytes))


class _Equal(bytes):
    """Bytes that differ from no others."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = bytes.__hash__


def _read_back(real: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
    def read(self: Path) -> bytes:
        data = real(self)
        return _Equal(data) if self.suffix == ".tmp" else data

    return read


@bug
def a_file_under_its_name_before_its_bytes(patch: Patch) -> None:
    def publish(data: bytes, final: Path) -> None:
        disk._write(final, data)
        disk.sync_folder(final.parent)

    patch.setattr(writer, "publish", publish)


@bug
def old_parts_removed_before_the_swap(patch: Patch) -> None:
    def swap(folder: Path, new: Path, old: Path) -> None:
        disk.remove_folder(folder)
        disk.os.rename(new, folder)

    patch.setattr(writer, "swap_folder", swap)


@bug
def a_killed_merger_is_not_finished(patch: Patch) -> None:
    def finish(self: Ledger, name: str) -> None:
        _, merged, old = self._folders(name)
        disk.remove_folder(merged)
        disk.remove_folder(old)

    patch.setattr(Ledger, "_finish_swap", finish)


@bug
def a_merger_forgets_the_full_parts(patch: Patch) -> None:
    patch.setattr(writer, "link", lambda source, target: None)


@bug
def a_refused_disk_is_not_heard(patch: Patch) -> None:
    real = Ledger._commit

    def commit(self: Ledger, *arguments: Any) -> None:
        try:
            real(self, *arguments)
        except Exception:
            return

    patch.setattr(Ledger, "_commit", commit)


@bug
def the_last_row_of_a_table_is_not_read(patch: Patch) -> None:
    real = parts.latest
    patch.setattr(parts, "latest", lambda table, keys: real(table.slice(0, max(len(table) - 1, 0)), keys))
