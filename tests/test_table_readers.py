"""The reader of tables on small files in the real formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import csv, parquet

from sparring.data.dataset import Dataset
from sparring.data.readers import tables
from sparring.errors import DataError

ROWS = 20
RNG = np.random.default_rng(0)
COLUMNS: dict[str, Any] = {
    "name": [f"sample {row}" for row in range(ROWS)],
    "g1": RNG.normal(size=ROWS),
    "g2": RNG.integers(0, 9, ROWS),
    "energy": RNG.normal(size=ROWS).astype(np.float32),
    "part": ["test" if row % 5 == 0 else "train" for row in range(ROWS)],
}


def write(path: Path, columns: dict[str, Any] = COLUMNS) -> Path:
    table = arrow.table(columns)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        csv.write_csv(table, path)
    return path


def read(path: Path, **options: Any) -> Dataset:
    return tables.read(path, tables.Options(**options))


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_columns_become_fields_by_name_and_by_pattern(tmp_path, suffix):
    path = write(tmp_path / f"t.{suffix}")
    data = read(path, columns={"structure": ["g*"], "spectrum": ["energy"]}, id="name")
    assert data.shapes == {"structure": (2,), "spectrum": (1,)}
    assert data.ids[3] == "sample 3"
    np.testing.assert_allclose(data.fields["structure"][:, 0], COLUMNS["g1"], rtol=1e-6)
    np.testing.assert_array_equal(data.fields["structure"][:, 1], COLUMNS["g2"])
    assert data.parts == {}
    reverse = read(path, columns={"structure": ["g2", "g1"]}, id="name")
    np.testing.assert_array_equal(reverse.fields["structure"], data.fields["structure"][:, ::-1])


def test_a_column_may_say_which_part_a_row_is_of(tmp_path):
    data = read(write(tmp_path / "t.parquet"), columns={"x": ["g1"]}, id="name", part="part")
    assert data.parts == {"train": 16, "test": 4}
    assert data.ids[16:] == ("sample 0", "sample 5", "sample 10", "sample 15")
    np.testing.assert_allclose(data.fields["x"][16, 0], COLUMNS["g1"][0], rtol=1e-6)
    wrong = write(tmp_path / "w.parquet", COLUMNS | {"part": ["train"] * 19 + ["exam"]})
    message = refusal(read, wrong, columns={"x": ["g1"]}, part="part")
    assert "column 'part' must say train, valid, test, but says 'exam' in row 20" in message


def test_without_options_all_columns_are_one_field_and_a_folder_holds_the_file(tmp_path):
    numbers = {name: COLUMNS[name] for name in ("g1", "g2", "energy")}
    write(tmp_path / "t.csv", numbers)
    assert read(tmp_path / "t.csv").shapes == {"x": (3,)}
    assert read(tmp_path, file="t.csv").sha256 == read(tmp_path / "t.csv").sha256


def test_byte_order_marks_windows_lines_and_other_separators_change_nothing(tmp_path):
    path = write(tmp_path / "t.csv", {"g1": COLUMNS["g1"], "g2": COLUMNS["g2"]})
    before = read(path).sha256
    text = path.read_text().replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read(path).sha256 == before
    path.write_text(text.replace(",", ";"))
    assert read(path, separator=";").sha256 == before


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": ["1"] * 19 + ["x"]}, "column 'a' must hold numbers, but got 'x' in row 20"),
        ({"a": [1.0] * 12 + [None] * 8}, "column 'a' has no number in row 13"),
        ({"a": [1.0] * 12 + [float("inf")] * 8}, "sample 'row-13' (row 13) has inf in column 1"),
        ({"b": [1.0] * 20}, "no column is called 'a'; there are: b, c"),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_bad_column_is_refused_by_its_name_and_row(tmp_path, columns, words, suffix):
    path = write(tmp_path / f"t.{suffix}", columns | {"c": list(range(20))})
    assert words in refusal(read, path, columns={"x": ["a"]})


@pytest.mark.fault(51)
def test_torn_and_foreign_tables_are_refused(tmp_path):
    whole = write(tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[: len(whole) // 2])
    assert "it cannot be read as a table: " in refusal(read, tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n1,2,3\n")
    assert "Expected 2 columns, got 3: 1,2,3" in refusal(read, tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("")
    assert "Empty CSV file" in refusal(read, tmp_path / "t.csv")
    assert "cannot be read as a table" in refusal(read, tmp_path / "no.csv")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    assert "expected a .parquet, .csv, .h5 or .root file, but got none of these" in refusal(read, tmp_path / "t.xlsx")
    (tmp_path / "t.csv").write_text("a,a\n1,2\n")
    assert "one column must be called 'a', but there are: a, a" in refusal(
        read, tmp_path / "t.csv", columns={"x": ["a"]}
    )
