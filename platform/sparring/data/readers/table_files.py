"""The file of a table: Parquet, HDF5, ROOT, or text whose separator, decimal mark and encoding may be said.

What a table does not say is not guessed where a wrong guess would pass unseen: a first line of numbers, a line without
the separator, bytes of another encoding are refused with the option that says what they are. The row numbers that
pandas and R write beside the columns (``NUMBERING``) are no column; they become the names of the rows.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ...errors import DataError
from ...untrusted.tables import read_parquet
from ..formats.hdf5_tables import SUFFIXES, read_hdf5
from ..formats.hive import read_hive
from ..formats.root_trees import number_branches, open_tree, read_branches

if TYPE_CHECKING:
    from pyarrow import Table

NUMBERING = ("", "Unnamed: 0")
"""What the first column of a text is called if it holds row numbers: as pandas and R write it, and once read again."""
SEPARATORS = {"tab": "\t", "\\t": "\t", "space": " "}
"""Characters that a command line loses, by a word for them."""
LEFT_OUT = b"left out"
TEXT = (".csv", ".tsv", ".txt")
LONGEST_LINE = 1 << 24
"""Bytes in which the first line must end."""


class TextForm(BaseModel):
    """How a table is written as text, and where in a file of several it lies. Parquet says all of it itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    separator: (
        Annotated[
            str,
            BeforeValidator(lambda value: SEPARATORS.get(value, value) if isinstance(value, str) else value),
            Field(min_length=1, max_length=1),
        ]
        | None
    ) = None
    """Between the columns of a text: one character, or the word tab or space. None: a tab in .tsv, else a comma."""
    decimal: Literal[".", ","] = "."
    """Before the fraction of a number in a text."""
    encoding: Annotated[str, Field(min_length=1)] = "utf-8"
    """Of a text, as Python calls it: utf-8, cp1252, utf-16."""
    header: bool | None = None
    """Does a text begin with a line of names? None: yes, but a first line of numbers is refused until you say so."""
    tree: str | None = None
    """The table in a file of several: a tree's name in ROOT, GROUP or GROUP/ARRAY in HDF5; None: the only one, or the
    arrays at the top."""


PLAIN = TextForm()


def read_table(path: Path, form: TextForm = PLAIN, keep: Collection[str] = ()) -> tuple[Table, list[str] | None]:
    """An Arrow table from a .parquet, .csv (.tsv, .txt), .h5 or .root file or from a folder of Parquet, and the names
    of its rows where it numbers them. What lies in the file and is no column stands under LEFT_OUT in its metadata.

    keep: columns that stay columns whatever they are called. Raises DataError, with the option that helps, for what
    cannot be read or could be read in two ways.
    """
    import pyarrow as arrow

    try:
        if path.suffix.lower() == ".parquet":
            table = read_parquet(path)
            return _without(table, [name for name in _index_columns(table) if name not in keep])
        if path.is_dir():
            return read_hive(path), None
        if path.suffix.lower() in SUFFIXES:
            return _noting(*read_hdf5(path, form.tree)), None
        if path.suffix.lower() == ".root":
            return _noting(*_read_root(path, form.tree)), None
        if path.suffix.lower() in TEXT:
            table = _read_text(path, form)
            is_numbered = form.header is not False and table.column_names[0] in {*NUMBERING} - {*keep}
            return _without(table, table.column_names[:1] if is_numbered else [])
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {_other_encoding(form)}") from error
    except (OSError, ValueError, arrow.ArrowException) as error:
        if "UTF8" in str(error):
            raise DataError(f"{path}: {_other_encoding(form)}") from error
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: it cannot be read as a table: {reason}") from error
    raise DataError(f"{path}: expected a .parquet, .csv, .h5 or .root file, but got none of these")


def left_out(table: Table) -> str:
    """What lay beside the columns and is none, by name; empty if nothing did."""
    return ((table.schema.metadata or {}).get(LEFT_OUT) or b"").decode()


def _noting(table: Table, others: Sequence[str]) -> Table:
    shown = ", ".join(others[:8]) + (", …" if len(others) > 8 else "")
    return (
        table.replace_schema_metadata({LEFT_OUT: f"{len(others)} that are no column of numbers ({shown})"})
        if others
        else table
    )


def _read_root(path: Path, name: str | None) -> tuple[Table, list[str]]:
    import pyarrow as arrow

    with open_tree(path, name) as tree:
        names, others = number_branches(path, tree)
        if not names:
            raise DataError(
                f"{path}: branches of one number per row are needed, but there are: {', '.join(others[:8])}"
            )
        return arrow.table(read_branches(path, tree, names)), others


def _read_text(path: Path, form: TextForm) -> Table:
    import pyarrow as arrow
    from pyarrow import csv

    separator = form.separator or ("\t" if path.suffix.lower() == ".tsv" else ",")
    _check_first_line(path, *_first_lines(path, form), separator, form.header)
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(autogenerate_column_names=form.header is False, encoding=form.encoding),
        parse_options=csv.ParseOptions(delimiter=separator),
        convert_options=csv.ConvertOptions(decimal_point=form.decimal),
    )
    if any(arrow.types.is_binary(dtype) for dtype in table.schema.types):  # Arrow's word for text that is no UTF-8
        raise DataError(f"{path}: {_other_encoding(form)}")
    return table


def _first_lines(path: Path, form: TextForm) -> tuple[str, str]:
    """The first two that are not blank. Raises DataError or UnicodeDecodeError if they are none, OSError."""
    try:
        codecs.lookup(form.encoding)
    except LookupError:
        raise DataError(
            f"encoding: no encoding {form.encoding!r}; give utf-8, cp1252 or utf-16, for instance"
        ) from None
    with path.open("rb") as file:
        start = file.read(2)
    if form.encoding == "utf-8" and start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise DataError(f"{path}: its text is UTF-16; save it as UTF-8, or give --set data.encoding=utf-16")
    with path.open(encoding="utf-8-sig" if form.encoding == "utf-8" else form.encoding) as file:
        filled = (line.rstrip("\r\n") for line in iter(lambda: file.readline(LONGEST_LINE), "") if line.strip())
        lines = list(islice(filled, 2))
    first, second, *_ = (*lines, "", "")
    return first, second


def _check_first_line(path: Path, line: str, second: str, separator: str, header: bool | None) -> None:
    """Raises DataError if it holds another separator, or if it is doubtful whether it names the columns."""
    # One column may have a name of several words, but then its numbers have none of these.
    others = [other for other in (";", "\t", ",", "|", " ") if other in line.strip() and other in second.strip()]
    if separator not in line and others:
        words = {"\t": "tab", " ": "space"}
        decimal = ", and for decimal commas --set data.decimal=," if "," in second and others[0] != "," else ""
        raise DataError(
            f"{path}: no {_shown(separator)} stands in its first line, {line[:60]!r}; if its columns end at "
            f"{_shown(others[0])}, give --set data.separator={words.get(others[0], repr(others[0]))}{decimal}"
        )
    cells = [cell.strip().strip("\"'") for cell in line.split(separator)]
    is_numbered = cells[0] in NUMBERING and cells[1:] == [str(column) for column in range(len(cells) - 1)]
    numeric = sum(map(_is_finite, cells))
    if header is None and not is_numbered and 2 * numeric > len(cells):
        raise DataError(
            f"{path}: its first line should name the columns, but holds numbers, {line[:60]!r}; if it is a sample, "
            "give --set data.header=false, and if these are names, --set data.header=true"
        )


def _index_columns(table: Table) -> list[str]:
    """Columns of a Parquet file in which pandas keeps the names of the rows."""
    kept: Sequence[object] = (table.schema.pandas_metadata or {}).get("index_columns", ())
    return [name for name in kept if isinstance(name, str) and name in table.column_names]


def _without(table: Table, names: Sequence[str]) -> tuple[Table, list[str] | None]:
    """The table without these columns, and what they call the rows; None unless every row has a name of its own."""
    if not names:
        return table, None
    values = [table.column(table.column_names.index(name)).to_pylist() for name in names]
    rest = [column for column, name in enumerate(table.column_names) if name not in names]
    called = ["/".join(map(str, row)) for row in zip(*values, strict=True)]
    return table.select(rest), called if len(set(called)) == len(called) else None


def _other_encoding(form: TextForm) -> str:
    return (
        f"its text is not {form.encoding.upper()}; save it as UTF-8, or say what it is, for instance with "
        "--set data.encoding=cp1252"
    )


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace(",", ".")))
    except ValueError:
        return False


def _shown(separator: str) -> str:
    return {"\t": "tab", " ": "space"}.get(separator, f"'{separator}'")
