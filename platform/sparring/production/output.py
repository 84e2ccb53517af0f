"""The folder that an answer goes to, and the tables in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import UsageError


def open_folder(folder: Path) -> None:
    """Makes the folder; raises UsageError if that, or writing into it, cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"-o: {folder} cannot be a folder: {error.strerror}; name another") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"-o: {folder} cannot be written to; name another")


def write_table(path: Path, columns: Mapping[str, Sequence[object] | np.ndarray]) -> Path:
    """A Parquet table; returns its path."""
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table(dict(columns)), path)
    return path
