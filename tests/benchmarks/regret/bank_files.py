"""The bank's files: one part per training, merged into one file per system; safe against a kill at any moment.

    FOLDER/SYSTEM.parquet         every merged training, one row per epoch
    FOLDER/parts/SYSTEM/NAME.parquet   trainings that are not merged yet
    FOLDER/locks                  one byte range per training; a dead process holds none

A part is renamed into place once it is whole. A merge renames the merged file into place before it removes the parts,
and drops what it has already, so a kill between the two makes no row twice.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    {
        "training": pa.string(),  # the number, the seed and a digest of what was trained: a training's identity
        "number": pa.int32(),
        "kind": pa.string(),
        "seed": pa.int32(),
        "epoch": pa.int32(),
        "value": pa.float64(),  # the leading objective as measured; NaN ends a training that diverged
        "cpu_s": pa.float64(),  # the process's CPU seconds of this epoch; the first one's with building the model
        "outcome": pa.string(),  # completed, diverged, infeasible
        "params": pa.string(),  # JSON: the searched values that apply
        "config": pa.string(),  # JSON: the Config's fields that are not at their defaults
        "setup": pa.string(),  # JSON: what must be equal for two curves to be compared
        "space": pa.string(),  # the fingerprint of the space, its first ten digits
    }
)


class Bank:
    """The folder of a bank. Several processes may hold one each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._locks = os.open(folder / "locks", os.O_RDWR | os.O_CREAT)  # closing it would free its locks
        self._merged: dict[str, tuple[int, set[str]]] = {}

    def file(self, system: str) -> Path:
        return self._folder / f"{system}.parquet"

    def has(self, system: str, training: str) -> bool:
        """Whether the training is in the bank. A part is looked for first: merges remove parts last."""
        if self._part(system, training).exists():
            return True
        try:
            changed = self.file(system).stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if self._merged.get(system, (0, set()))[0] != changed:
            names = pq.read_table(self.file(system), columns=["training"])["training"]
            self._merged[system] = changed, set(names.unique().to_pylist())
        return training in self._merged[system][1]

    @contextmanager
    def claim(self, system: str, training: str) -> Iterator[bool]:
        """Whether this process is to train it: nobody else does at the moment, and it is not in the bank."""
        byte = 1 + zlib.crc32(f"{system}/{training}".encode())
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except BlockingIOError:
            yield False
            return
        try:
            yield not self.has(system, training)
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, byte)

    def add(self, system: str, training: str, rows: list[dict[str, object]]) -> None:
        """Writes a training's rows."""
        part = self._part(system, training)
        part.parent.mkdir(parents=True, exist_ok=True)
        _write(pa.Table.from_pylist(rows, SCHEMA), part)

    def merge(self, system: str) -> int:
        """Moves the parts into the system's file; how many trainings that now holds."""
        fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, 0)
        try:
            parts = sorted((self._folder / "parts" / system).glob("*.parquet"))
            file = self.file(system)
            table = pq.read_table(file, schema=SCHEMA) if file.exists() else SCHEMA.empty_table()
            held = set(table["training"].unique().to_pylist())
            new = [pq.read_table(part, schema=SCHEMA) for part in parts if part.stem not in held]
            if new:
                table = pa.concat_tables([table, *new])
                by = [(name, "ascending") for name in ("number", "seed", "training", "epoch")]
                _write(table.sort_by(by), file)
            for part in parts:
                part.unlink()
            return int(pc.count_distinct(table["training"]).as_py())
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, 0)

    def _part(self, system: str, training: str) -> Path:
        return self._folder / "parts" / system / f"{training}.parquet"


def _write(table: pa.Table, path: Path) -> None:
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(table, beside, compression="zstd", compression_level=9)
    os.replace(beside, path)
