"""One table's folder of parts: names, reading and packing. Paths and bytes only; which columns is ``schema``'s.

A part is called ``<seq>-<label>-<crc>.parquet``, such as ``00000042-t00007-a1-5f3a9c01.parquet``. The CRC-32 is of the
whole file: Parquet's own page checksums, written for other readers, leave the footer unguarded. Merged parts are called
``merged``, and ``full`` once they are so large that merging them again would cost more than it saves; in their footer
are the sequence numbers of all parts that they replace.
"""

from __future__ import annotations

import errno
import os
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import LedgerError
from ..untrusted.tables import read_parquet

FULL_BYTES = 1 << 20
"""A merged part of so many bytes is left alone from then on: merging all into one each time would rewrite five million
lines after 10,000 trials, at every 400th commit (docs/decisions/0008)."""

AT_ONCE = 100_000
"""Rows that are held before ``keep`` chooses among them: a choice costs Arrow more than a small part's reading."""

_NAME = re.compile(r"^(\d{8,})-([a-z0-9-]+)-([0-9a-f]{8})\.parquet$")
_REPLACED = b"sparring.replaced"
"""The footer's key of what a merged part replaces: sequence numbers with commas between."""
_DAMAGE = {errno.EIO, errno.EISDIR, errno.ELOOP}
"""Errors of opening that mean this part is bad, and not that the process may not or cannot read now."""


class Parts(NamedTuple):
    """What a table's folder held at one moment."""

    table: pa.Table
    """Unique and sorted by the table's keys."""
    sound: int
    """How many parts they were in."""
    sequences: frozenset[int]
    """Sequence numbers of these parts, and of those that they had replaced."""
    torn: Mapping[str, str]
    """File name -> what is wrong with it."""


def merged_folder(folder: Path) -> Path:
    """Where a table's single part is made before the folders are swapped."""
    return folder.with_name(f".{folder.name}.merged")


def old_folder(folder: Path) -> Path:
    """Where the former parts wait for their removal after the swap."""
    return folder.with_name(f".{folder.name}.old")


def pack(table: pa.Table, replaced: Collection[int] = ()) -> bytes:
    """The table as one Parquet file. replaced: sequence numbers of the parts whose place it takes."""
    many = table.num_rows > 1
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        # For one value per column they only add: without them 5.1 kB instead of 11, written and read in half the time.
        compression="zstd" if many else "none",
        use_dictionary=many,
        write_statistics=many,
        store_schema=False,  # Parquet's own types say all of ours
        write_page_checksum=True,
    ) as file:
        file.write_table(table)
        if replaced:
            file.add_key_value_metadata({_REPLACED.decode(): ",".join(map(str, sorted(replaced)))})
    data: bytes = sink.getvalue().to_pybytes()
    return data


def name_part(seq: int, label: str, data: bytes) -> str:
    """A part's file name: its sequence number, what is in it, and the CRC-32 of its bytes."""
    return f"{seq:08d}-{label}-{zlib.crc32(data):08x}.parquet"


def sequence_of(name: str) -> int:
    """The sequence number in a part's name; 0 for any other name."""
    match = _NAME.match(name)
    return int(match[1]) if match else 0


def name_merged(seq: int, data: bytes) -> str:
    """The file name of a merged part, which says whether it is merged again."""
    return name_part(seq, "full" if len(data) >= FULL_BYTES else "merged", data)


def replaced_by(path: Path) -> frozenset[int]:
    """Sequence numbers of the parts that a merged part has replaced, over all its mergers. Raises OSError."""
    return _replaced(pq.read_metadata(path).metadata)


def _replaced(metadata: Mapping[bytes, bytes] | None) -> frozenset[int]:
    text = (metadata or {}).get(_REPLACED, b"").decode()
    return frozenset(map(int, text.split(","))) if text else frozenset()


def is_full(name: str) -> bool:
    """Whether the name is that of a part so large that it is not merged again."""
    match = _NAME.match(name)
    return match is not None and match[2] == "full"


def list_parts(folder: Path) -> tuple[Path, list[str]]:
    """Where the parts are, and their names in order of commitment. No folder yet means no parts."""
    # Between the two renames of a compaction, also of a killed one, the rows are in the merged folder alone. If the
    # table's own folder is there at the second look, the merged one may be the next compaction's, and incomplete.
    for candidate in (folder, merged_folder(folder), folder):
        try:
            names = sorted(name for name in os.listdir(candidate) if name[0] not in "._")
        except FileNotFoundError:
            continue
        if candidate == folder or not folder.exists():
            return candidate, names
    return folder, []


def read_parts(
    folder: Path,
    schema: pa.Schema,
    keys: Sequence[str],
    *,
    keep: pc.Expression | None = None,
    without: Collection[str] = (),
) -> Parts:
    """All sound parts as one table of exactly ``schema``; torn ones are named. LedgerError if reading is denied.

    keep: only rows of which it is true, chosen some parts at a time; without: names of parts that are not to be read.
    """
    while True:
        parts_folder, names = list_parts(folder)
        tables, torn = [pa.Table.from_batches([], schema)], {}
        sequences: set[int] = set()
        sound, held, waiting = 0, 0, list[pa.Table]()
        try:
            for name in names:
                if name in without:
                    continue
                part = _read_part(parts_folder / name, schema)
                if isinstance(part, str):
                    torn[name] = part
                    continue
                sound += 1
                sequences |= {sequence_of(name), *_replaced(part.schema.metadata)}
                waiting.append(part.replace_schema_metadata())
                held += part.num_rows
                if held >= AT_ONCE:
                    tables.append(_chosen(waiting, keep))
                    waiting, held = [], 0
        except FileNotFoundError:
            continue  # the writer merged these parts meanwhile: list again
        if waiting:
            tables.append(_chosen(waiting, keep))
        return Parts(latest(pa.concat_tables(tables), keys), sound, frozenset(sequences), torn)


def _chosen(parts: Sequence[pa.Table], keep: pc.Expression | None) -> pa.Table:
    """The parts as one table, of which ``keep`` may choose rows."""
    whole = pa.concat_tables(parts)
    return whole if keep is None else whole.filter(keep)


def latest(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The row of greatest ``seq`` for each key, sorted by key."""
    order = [*((key, "ascending") for key in keys), ("seq", "descending")]
    table = table.sort_by(order).combine_chunks()
    if table.num_rows < 2:
        return table
    differs = reduce(pc.or_, (pc.not_equal(table[key][1:], table[key][:-1]) for key in keys))
    first = pc.is_valid(table["seq"][:1])  # true; as a list, it would have pyarrow import pandas, half a second
    return table.filter(pa.chunked_array([*first.chunks, *differs.chunks]))


def _read_part(path: Path, schema: pa.Schema) -> pa.Table | str:
    """The part's table, or what is wrong with it. Raises FileNotFoundError."""
    match = _NAME.match(path.name)
    if match is None:
        return "its name is not one the ledger gives"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            return "it is a link that leads nowhere"
        raise
    except OSError as error:
        if error.errno in _DAMAGE:
            return f"it cannot be read: {error.strerror}"
        raise LedgerError(f"{path}: a part of the ledger must be readable, but: {error.strerror}") from error
    if zlib.crc32(data) != int(match[3], 16):
        return f"its {len(data)} bytes do not have the checksum in its name"
    try:
        table = read_parquet(data, use_threads=False)
        return _conform(table, schema).replace_schema_metadata(table.schema.metadata)
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"it does not fit the study's columns: {error}"


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the columns of ``schema``: types widened, missing columns null, others dropped."""
    if table.schema.equals(schema):
        return table
    had = set(table.column_names)
    columns = [table[f.name].cast(f.type) if f.name in had else pa.nulls(len(table), f.type) for f in schema]
    return pa.table(columns, schema=schema)
