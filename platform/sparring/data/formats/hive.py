"""Parquet in folders named for values, as Hive, Spark and pandas write them: ``element=Fe/year=2024/part-0.parquet``.

Each name before a ``=`` is a column more. Of hidden files and those that begin with ``_``, as Spark's own, none is
read, and links are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ...errors import DataError
from ...untrusted.tables import read_parquet

if TYPE_CHECKING:
    from pyarrow import Table

MOST_FILES = 100_000
NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""What stands for a missing value in a folder's name."""


def read_hive(path: Path) -> Table:
    """The rows of all files below a folder, sorted by path. Raises DataError, OSError, or what Arrow raises."""
    import pyarrow as arrow

    files = _files(path)
    keys = [_keys(path, file) for file in files]
    names = list(dict(keys[0]))
    for file, own in zip(files, keys, strict=True):
        if list(dict(own)) != names:
            raise DataError(
                f"{path}: all files must lie below folders of the same names, {'=…/'.join(names) or 'none'}, but "
                f"{file} lies below {'=…/'.join(dict(own)) or 'none'}; move it"
            )
    tables = []
    for file in files:
        table = read_parquet(file)
        if lacking := {*names} & {*table.column_names}:
            raise DataError(f"{file}: column {min(lacking)!r} stands in the file and in a folder's name; remove one")
        tables.append(table.replace_schema_metadata())
    try:
        whole = arrow.concat_tables(tables, promote_options="permissive")
    except arrow.ArrowException as error:
        raise DataError(f"{path}: its files must have the same columns, but: {' '.join(str(error).split())}") from error
    counts = [table.num_rows for table in tables]
    for place, name in enumerate(names):
        values = _typed([own[place][1] for own in keys])
        rows = [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
        whole = whole.append_column(name, arrow.array(rows))
    return whole


def _files(path: Path) -> list[Path]:
    found: list[Path] = []
    for parent, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name[0] not in "._"]
        found += [Path(parent, name) for name in names if name.lower().endswith(".parquet") and name[0] not in "._"]
        if len(found) > MOST_FILES:
            raise DataError(f"{path}: a table has at most {MOST_FILES:,} files, but there are more; join some")
    if not found:
        raise DataError(f"{path}: expected .parquet files in this folder or below, but found none")
    return sorted(file for file in found if not file.is_symlink())


def _keys(path: Path, file: Path) -> list[tuple[str, str]]:
    parts = [part.partition("=") for part in file.relative_to(path).parts[:-1]]
    return [(name, unquote(value)) for name, equals, value in parts if equals]


def _typed(values: Sequence[str]) -> list[Any]:
    """Whole numbers where all are, else numbers, else texts; None where nothing stands."""
    for kind in (int, float):
        try:
            return [None if value == NOTHING else kind(value) for value in values]
        except ValueError:
            continue
    return [None if value == NOTHING else value for value in values]
