"""Predictions for a Parquet file of any length: so many rows are read, answered and written at a time.

The output appears under its name when it is whole; what a refused row leaves behind is removed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ...display import progress_of
from ...errors import DataError, UsageError
from .asking import ProductionModel

ROWS = 4096
"""Read, answered and written at a time."""
GROUP = 65_536
"""Rows of a row group of the output."""


def predict_file(
    model: ProductionModel, source: Path, target: Path, *, keep: Sequence[str] = (), console: Console
) -> int:
    """Writes the predictions of every row of ``source`` to ``target``; returns how many rows there were.

    source: Parquet, with the columns that the model's schema names, in any order. keep: further columns of it, which
    are copied. Raises DataError for a row that the model cannot read, UsageError for a file that cannot be read or
    written; then there is no ``target`` but the one that was there before.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with pyarrow.parquet.ParquetFile(source) as file:
            total = int(file.metadata.num_rows)
            if not total:
                raise DataError(f"{source}: holds no row; there is nothing to predict")
            names = _columns(source, file.schema_arrow.names, keep)
            _write(temporary, _answered(model, source, file, names, keep), total, console)
        os.replace(temporary, target)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"--input: {source} must be Parquet, and -o: {target} a file to write, but: {reason}"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return total


def _columns(source: Path, names: Sequence[str], keep: Sequence[str]) -> list[str]:
    """The columns for the model: all but the kept ones."""
    if missing := [name for name in keep if name not in names]:
        raise UsageError(f"--keep: {source} has no column {missing[0]!r}; leave it out")
    return [name for name in names if name not in keep]


def _answered(
    model: ProductionModel, source: Path, file: pyarrow.parquet.ParquetFile, names: Sequence[str], keep: Sequence[str]
) -> Iterator[pa.Table]:
    done = 0
    columns = [*keep, *names]
    # A row group at a time: asked for all of them at once, Arrow keeps what it has read.
    groups = (file.iter_batches(batch_size=ROWS, row_groups=[n], columns=columns) for n in range(file.num_row_groups))
    for batch in chain.from_iterable(groups):
        table = pa.Table.from_batches([batch])
        try:
            answer = model.predict(table.select(names))
        except DataError as error:
            where = f"{source}: rows {done + 1:,} to {done + len(table):,}"
            raise DataError(f"{where}: {error}{_hint(error)}") from error
        done += len(table)
        yield pa.table({**{name: table[name] for name in keep}, **answer.columns()})


def _hint(error: DataError) -> str:
    return "; copy it as it is with --keep" if "no column" in str(error) else ""


def _write(path: Path, tables: Iterator[pa.Table], total: int, console: Console) -> None:
    told = progress_of(console)
    bar = Progress(
        TextColumn("[bold]predict"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
        TimeRemainingColumn(), console=told, transient=True, disable=told.quiet or not told.is_terminal,
    )  # fmt: skip
    first = next(tables)
    with bar, pyarrow.parquet.ParquetWriter(path, first.schema, use_dictionary=False) as writer:
        task = bar.add_task("predict", total=total)
        for table in chain([first], tables):
            for batch in table.combine_chunks().to_batches():
                writer.write_batch(batch, row_group_size=GROUP)  # each group is remembered to the end
            bar.advance(task, len(table))
