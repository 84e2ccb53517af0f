"""An Arrow stream that a stranger sent, read without Arrow: columns of plain numbers, and lists of them.

Of 400 streams in which some bytes had been turned, one ended a process that read them by pyarrow 26.0.1 (a segmentation
fault); and a compressed buffer, a dictionary or a run-length encoding may unfold to any size. So the few kinds that a
model reads are read here, with every offset checked, and the rest is refused. Source: Columnar.html, Schema.fbs and
Message.fbs of arrow.apache.org/docs/format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ...errors import DataError
from ..handover.schema import Schema
from .flatbuffer import Table, cut, read, root

CONTINUES = 0xFFFFFFFF
SCHEMA, BATCH = 1, 3
INT, FLOAT, BOOL, LIST, FIXED_LIST, LARGE_LIST = 2, 3, 6, 12, 16, 21
OPTIONS = b"sparring"
"""Key of the schema's metadata under which axes and seed may stand, as JSON."""
SPARE = 100
"""Columns beyond those that the model knows, which its guard names."""


class Kind(NamedTuple):
    """How a column's numbers lie."""

    dtype: np.dtype | None
    """None: bits."""
    list_of: int
    """0 if a row holds one number; FIXED_LIST, LIST or LARGE_LIST if it holds several."""
    size: int
    """Numbers of a row of a FIXED_LIST."""


class Columns:
    """Columns by name, some perhaps twice, as a table has them."""

    def __init__(self, names: list[str], values: list[np.ndarray]) -> None:
        self.column_names, self._values = names, dict(zip(names, values, strict=True))
        self._rows = len(values[0]) if values else 0

    def __getitem__(self, name: str) -> np.ndarray:
        return self._values[name]

    def __len__(self) -> int:
        return self._rows


def read_arrow(data: bytes, schema: Schema, most_rows: int) -> tuple[Columns | dict[str, np.ndarray], bytes]:
    """(columns, or arrays by field if each column is a field; the options' JSON or nothing).

    Raises DataError unless it is a whole stream of plain numbers. Reading ends once there are more than ``most_rows``.
    """
    messages = _messages(data)
    kind, header, _ = next(messages, (0, None, b""))
    if kind != SCHEMA or header is None:
        raise DataError("the body must be an Arrow stream, which begins with its schema, but this does not")
    shapes = {field.name: field.shape for field in schema.fields}
    fields = header.tables(1, SPARE + sum(max(1, len(field.columns)) for field in schema.fields))
    names = [_name(field) for field in fields]
    kinds = [_kind(name, field) for name, field in zip(names, fields, strict=True)]
    sizes = [int(np.prod(shapes.get(name, ()))) for name in names]
    batches: list[list[np.ndarray]] = []
    rows = 0
    for kind, batch, body in messages:
        if kind != BATCH or batch is None:
            raise DataError("the body must hold record batches of plain columns, but holds something else")
        batches.append(_batch(batch, body, names, kinds, sizes))
        rows += batch.number(0, "q")
        if rows > most_rows:  # who asked counts them, and refuses
            break
    values = [np.concatenate(parts) for parts in zip(*batches, strict=True)] if batches else [np.empty(0)] * len(names)
    options = next((entry.text(1) for entry in header.tables(2, SPARE) if entry.text(0) == OPTIONS), b"")
    if names and len(set(names)) == len(names) and set(names) <= shapes.keys():
        return {
            name: value.reshape(-1, *shapes[name]) if value.ndim > 1 else value
            for name, value in zip(names, values, strict=True)
        }, options
    return Columns(names, values), options


def _messages(data: bytes) -> Iterator[tuple[int, Table | None, bytes]]:
    """(kind, header, body) of each message."""
    place = 0
    while place < len(data):
        size = read(data, place, "I")
        place += 4
        if size == CONTINUES:
            size = read(data, place, "I")
            place += 4
        if size == 0:  # the end
            return
        message = root(cut(data, place, size))
        place += size
        length = message.number(3, "q")
        body = cut(data, place, length)
        place += length
        yield message.number(1, "B"), message.table(2), body


def _name(field: Table) -> str:
    return field.text(0).decode(errors="replace")


def _kind(name: str, field: Table, list_of: int = 0, size: int = 0) -> Kind:
    about, type_of = field.table(3), field.number(2, "B")
    if about is None or field.table(4) is not None:
        raise DataError(f"the body: column {name[:100]!r} must hold plain numbers, but holds a dictionary or nothing")
    if type_of in (LIST, FIXED_LIST, LARGE_LIST) and not list_of:
        for child in field.tables(5, 1):
            return _kind(name, child, type_of, about.number(0, "i") if type_of == FIXED_LIST else 0)
    if type_of == FLOAT:
        digits = about.number(0, "h")
        if 0 <= digits <= 2:
            return Kind(np.dtype(("<f2", "<f4", "<f8")[digits]), list_of, size)
    if type_of == INT:
        bits, sign = about.number(0, "i"), "i" if about.number(1, "B") else "u"
        if bits in (8, 16, 32, 64):
            return Kind(np.dtype(f"<{sign}{bits // 8}"), list_of, size)
    if type_of == BOOL:
        return Kind(None, list_of, size)
    raise DataError(f"the body: column {name[:100]!r} must hold numbers or lists of numbers, but holds something else")


def _batch(batch: Table, body: bytes, names: list[str], kinds: list[Kind], sizes: list[int]) -> list[np.ndarray]:
    """The columns of one record batch: (rows,), or of lists (rows, numbers)."""
    if batch.table(3) is not None:
        raise DataError("the body must not be compressed within Arrow; write it without compression")
    (nodes, first_node), (buffers, first_buffer) = batch.vector(1, 16), batch.vector(2, 16)
    wanted = sum(2 if kind.list_of else 1 for kind in kinds), sum(_buffers(kind) for kind in kinds)
    if (nodes, buffers) != wanted:
        raise DataError("the body must be an Arrow stream, but a batch has not the columns of the schema")
    rows = batch.number(0, "q")
    node, buffer, found = 0, 0, []

    def take(number: int) -> bytes:
        place = first_buffer + 16 * number
        return cut(body, read(batch.data, place, "q"), read(batch.data, place + 8, "q"))

    for name, kind, size in zip(names, kinds, sizes, strict=True):
        for number in range(node, node + 1 + bool(kind.list_of)):
            place = first_node + 16 * number
            if read(batch.data, place + 8, "q"):
                raise DataError(f"the body: column {name[:100]!r} must have every value, but some are missing")
        start, count = 0, rows
        if kind.list_of:
            start, count = _extent(name, kind, rows, size, b"" if kind.list_of == FIXED_LIST else take(buffer + 1))
        values = _numbers(take(buffer + _buffers(kind) - 1), kind.dtype, start, count)
        found.append(values.reshape(rows, size) if kind.list_of else values)
        node, buffer = node + 1 + bool(kind.list_of), buffer + _buffers(kind)
    return found


def _buffers(kind: Kind) -> int:
    """Validity and numbers; of a list its own validity before, and its offsets."""
    return 2 + (0 if not kind.list_of else 1 if kind.list_of == FIXED_LIST else 2)


def _extent(name: str, kind: Kind, rows: int, size: int, offsets: bytes) -> tuple[int, int]:
    """(the first, how many) of the numbers of a list column whose rows each have ``size`` of them."""
    if kind.list_of == FIXED_LIST:
        lengths, start = np.array([kind.size]), 0
    else:
        ends = _numbers(offsets, np.dtype("<i4" if kind.list_of == LIST else "<i8"), 0, rows + 1)
        lengths, start = np.diff(ends), int(ends[0])
    if (lengths != size).any():
        got = int(lengths[lengths != size][0])
        raise DataError(f"{name[:100]}: wants {size} numbers in each row, but got {got}")
    return start, rows * size


def _numbers(data: bytes, dtype: np.dtype | None, start: int, count: int) -> np.ndarray:
    if dtype is None:
        bits = np.unpackbits(np.frombuffer(cut(data, 0, (start + count + 7) // 8), np.uint8), bitorder="little")
        return bits[start : start + count].astype(bool)
    return np.frombuffer(cut(data, start * dtype.itemsize, count * dtype.itemsize), dtype)


def write_arrow(columns: Mapping[str, pa.Array], metadata: Mapping[str, str]) -> bytes:
    """A stream of one batch; metadata: of its schema."""
    table = pa.table(dict(columns)).replace_schema_metadata(dict(metadata))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
