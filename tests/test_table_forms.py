"""How a table is written, as programs and half of Europe write it: the right values, or the option that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import parquet

from sparring.data.readers import series, tables
from sparring.errors import DataError

VALUES = np.random.default_rng(0).normal(size=(20, 3)).round(4)
NAMES = ["a", "b", "c"]


def written(
    path: Path, *, names: list[str] | None = NAMES, separator: str = ",", index: str | None = None, comma: bool = False,
    encoding: str = "utf-8",
) -> Path:  # fmt: skip
    """index: what the column of row numbers before the others is called; comma: as decimal mark."""
    lines = [] if names is None else [separator.join(([index] if index is not None else []) + names)]
    for row, values in enumerate(VALUES):
        cells = [f"{value:.4f}".replace(".", "," if comma else ".") for value in values]
        lines.append(separator.join(([str(row + 7)] if index is not None else []) + cells))
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


@pytest.mark.parametrize(
    ("file", "how", "options"),
    [
        ("t.csv", {}, {}),
        ("t.tsv", {"separator": "\t"}, {}),
        ("t.csv", {"separator": "\t"}, {"separator": "tab"}),
        ("t.csv", {"separator": "\t"}, {"separator": "\\t"}),
        ("t.txt", {"separator": " "}, {"separator": "space"}),
        ("t.csv", {"separator": ";", "comma": True}, {"separator": ";", "decimal": ","}),
        ("t.tsv", {"separator": "\t", "comma": True}, {"decimal": ","}),
        ("t.csv", {"names": None}, {"header": False}),
        ("t.csv", {"names": ["7100", "7101", "7102"]}, {"header": True}),
        ("t.csv", {"names": ["0", "1", "2"], "index": ""}, {}),
        ("t.csv", {"index": ""}, {}),
        ("t.csv", {"index": '""'}, {}),
        ("t.csv", {"index": "Unnamed: 0"}, {}),
        ("t.csv", {"names": ["Länge", "b", "c"], "encoding": "cp1252"}, {"encoding": "cp1252"}),
        ("t.csv", {"encoding": "utf-16"}, {"encoding": "utf-16"}),
    ],
)
def test_every_form_of_a_text_gives_its_numbers_and_no_more(tmp_path, file, how, options):
    data = tables.read(written(tmp_path / file, **how), tables.Options(columns={"x": ["*"]}, **options))
    np.testing.assert_allclose(data.fields["x"], VALUES, rtol=1e-6)
    first = "7" if how.get("index") is not None else "row-1"
    assert data.ids[0] == first  # row numbers are names, and no feature
    one = series.Options(length=4, stride=1, test_share=0, valid_share=0.3, **options)
    windows = series.read(tmp_path / file, one)
    np.testing.assert_allclose(windows.fields["series"][0], VALUES[:4], rtol=1e-6)


@pytest.mark.parametrize(
    ("file", "how", "options", "words"),
    [
        ("t.csv", {"names": None}, {}, "its first line should name the columns, but holds numbers"),
        ("t.csv", {"names": None}, {}, "--set data.header=false"),
        ("t.csv", {"names": ["0", "0", "1"]}, {}, "if these are names, --set data.header=true"),
        ("t.csv", {"separator": "\t"}, {}, "no ',' stands in its first line, 'a\\tb\\tc'; if its columns end at tab, "
         "give --set data.separator=tab"),
        ("t.csv", {"separator": ";", "comma": True}, {}, "give --set data.separator=';', and for decimal commas --set "
         "data.decimal=,"),
        ("t.tsv", {}, {}, "no tab stands in its first line"),
        ("t.csv", {"separator": ";", "comma": True}, {"separator": ";"}, "for decimal commas give --set data.decim"),
        ("t.csv", {"names": ["Länge", "b", "c"], "encoding": "cp1252"}, {}, "its text is not UTF-8; save it as UTF-8, "
         "or say what it is, for instance with --set data.encoding=cp1252"),
        ("t.csv", {"encoding": "utf-16"}, {}, "its text is UTF-16"),
        ("t.csv", {}, {"encoding": "windows"}, "no encoding 'windows'"),
    ],
)  # fmt: skip
def test_what_could_be_read_wrongly_is_refused_with_the_option_that_reads_it(tmp_path, file, how, options, words):
    path = written(tmp_path / file, **how)
    for reader, more in ((tables, {"columns": {"x": ["*"]}}), (series, {})):
        with pytest.raises(DataError) as caught:
            reader.read(path, reader.Options(**more, **options))
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_names_of_rows_that_are_not_utf_8_are_refused_too(tmp_path):
    lines = [f"M\xfcon {row},{row * row},{row % 7}" for row in range(20)]
    (tmp_path / "t.csv").write_bytes("\n".join(["name,a,b", *lines]).encode("cp1252"))
    with pytest.raises(DataError, match="its text is not UTF-8"):
        tables.read(tmp_path / "t.csv", tables.Options(id="name"))
    data = tables.read(tmp_path / "t.csv", tables.Options(id="name", encoding="cp1252"))
    assert data.ids[3] == "Müon 3"


def parquet_of_pandas(path: Path, columns: dict[str, Any], index: str) -> Path:
    """As pandas writes a frame whose rows have names."""
    table = arrow.table(columns)
    said = f'{{"index_columns": ["{index}"], "columns": []}}'
    parquet.write_table(table.replace_schema_metadata({"pandas": said}), path)
    return path


def test_the_index_that_pandas_writes_into_parquet_names_the_rows(tmp_path):
    columns = {**dict(zip(NAMES, VALUES.T, strict=True)), "__index_level_0__": list(range(5, 25))}
    data = tables.read(parquet_of_pandas(tmp_path / "t.parquet", columns, "__index_level_0__"), tables.Options())
    np.testing.assert_allclose(data.fields["x"], VALUES, rtol=1e-6)
    assert data.ids[:2] == ("5", "6")
    repeated = {**columns, "__index_level_0__": [1] * 20}
    data = tables.read(parquet_of_pandas(tmp_path / "r.parquet", repeated, "__index_level_0__"), tables.Options())
    assert data.ids[:2] == ("row-1", "row-2")
    named = {**columns, "energy": VALUES[:, 0]}
    asked = tables.Options(columns={"x": ["energy", "a"]})
    data = tables.read(parquet_of_pandas(tmp_path / "n.parquet", named, "energy"), asked)
    assert data.shapes == {"x": (2,)}  # named, it is a column like any other


def test_a_column_of_several_words_may_stand_alone(tmp_path):
    (tmp_path / "t.csv").write_text("heart rate\n" + "\n".join(f"{value}" for value in VALUES[:, 0]))
    data = tables.read(tmp_path / "t.csv", tables.Options())
    np.testing.assert_allclose(data.fields["x"][:, 0], VALUES[:, 0], rtol=1e-6)
