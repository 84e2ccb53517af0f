"""Parquet of strangers: a table may not unfold to a thousand times its file.

A run of one value costs a file nothing: 112 kB hold 30 million rows, and 1 kB a text of a megabyte in 100,000 of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyarrow import Table

MOST_RATIO = 1000
"""Bytes in memory, as a multiple of the file's."""

FLOOR = 1 << 26
"""Bytes that the smallest file may unfold to: 64 MiB."""

WIDTH = 8
"""Bytes of a value in memory."""


def read_parquet(source: Path | bytes, **options: Any) -> Table:
    """The table in a Parquet file, or in the bytes of one. options: of ``ParquetFile.read``.

    Raises ValueError if it unfolds to too much, and what Arrow raises if it cannot be read.
    """
    import pyarrow as arrow
    from pyarrow import parquet

    def opened(**how: Any) -> parquet.ParquetFile:
        whole = arrow.BufferReader(source) if isinstance(source, bytes) else source
        return parquet.ParquetFile(whole, page_checksum_verification=True, **how)

    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    most = size * MOST_RATIO + FLOOR
    with opened() as file:
        about, schema = file.metadata, file.schema_arrow
        chunks = [
            (max(group.num_rows, group.column(column).num_values), group.column(column).total_uncompressed_size)
            for group in map(about.row_group, range(about.num_row_groups))
            for column in range(about.num_columns)
        ]
        _check(sum(values for values, _ in chunks) * WIDTH, most)
        if sum(values * max(kept, 0) for values, kept in chunks) <= most:  # were each value as long as all of them
            return file.read(**options)
        texts = [each.name for each in schema if arrow.types.is_string(each.type) or arrow.types.is_binary(each.type)]
    with opened(read_dictionary=texts) as file:
        table = file.read(**options)
    _check(table.nbytes + sum(_unfolded(table.column(name)) for name in texts if name in table.column_names), most)
    for name in texts:  # each text stood once in memory until here
        for place in (place for place, other in enumerate(table.column_names) if other == name):
            table = table.set_column(place, schema.field(name), table.column(place).cast(schema.field(name).type))
    return table


def _unfolded(column: Any) -> int:
    """Bytes of a column's texts, one per row."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    if not arrow.types.is_dictionary(column.type):
        return 0
    lengths = (compute.binary_length(chunk.dictionary).take(chunk.indices) for chunk in column.chunks)
    return sum(compute.sum(each.cast(arrow.int64())).as_py() or 0 for each in lengths)


def _check(needed: int, most: int) -> None:
    if needed > most:
        raise ValueError(f"it unfolds to {needed:,} bytes, as a bomb does, where its size allows {most:,}")
