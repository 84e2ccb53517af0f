"""Arrays and tables whose headers announce what their files do not hold, and those that hold it a thousandfold."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.bounded import run_attacks

from sparring.data.readers import muon_files, npy, npz, series, spectra, tables
from sparring.untrusted.tables import read_parquet

ROWS = 10**13
MILLION = 10**6


def npy_of(shape: tuple[int, ...], dtype: str = "<f8", version: int = 1) -> bytes:
    """A .npy of 64 bytes whose header says otherwise."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    header += b" " * (64 - (11 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY" + bytes((version, 0)) + len(header).to_bytes(2, "little") + header + bytes(64)


def lay_npz(folder: Path, **arrays: bytes) -> Path:
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", array)
    return folder / "a.npz"


def lay_bomb(folder: Path) -> Path:
    """100 MB of zeros, as the header says."""
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x.npy", "w") as file:
            file.write(npy_of((100 * MILLION,), "|u1")[:-64])
            for _ in range(100):
                file.write(bytes(MILLION))
        archive.writestr("y.npy", npy_of((8,)))
    return folder / "a.npz"


def lay_parquet(folder: Path, column: pa.Array, groups: int, **options: object) -> Path:
    table = pa.table({"a": column})
    with pq.ParquetWriter(folder / "a.parquet", table.schema, compression="zstd", **options) as writer:
        for _ in range(groups):
            writer.write_table(table)
    return folder / "a.parquet"


def repeated_text(rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), ["a" * MILLION])


def read_images(folder: Path, shape: tuple[int, ...], dtype: str = "|u1") -> None:
    (folder / "a.npy").write_bytes(npy_of(shape, dtype))
    npy.read(folder / "a.npy", npy.Options())


def read_muons(folder: Path, content: bytes) -> None:
    (folder / "a.npy").write_bytes(content)
    muon_files.read(folder / "a.npy", muon_files.Options())


def attack_images(folder):
    read_images(folder, (ROWS, 1, 8, 8))


def attack_images_beyond_64_bits(folder):
    read_images(folder, (10**40, 1, 8, 8))


def attack_images_of_nothing(folder):
    read_images(folder, (ROWS, 1, 8, 8), "|V0")


def attack_fewer_than_no_images(folder):
    read_images(folder, (-1, -1, 8, 8))


def attack_muons(folder):
    read_muons(folder, npy_of((ROWS, 7)))


def attack_muons_beyond_64_bits(folder):
    read_muons(folder, npy_of((10**40, 7)))


def attack_muons_of_a_later_format(folder):
    read_muons(folder, npy_of((ROWS, 7), version=3))


def attack_series(folder):
    (folder / "a.npy").write_bytes(npy_of((ROWS, 7)))
    series.read(folder / "a.npy", series.Options())


def attack_an_npz(folder):
    npz.read(lay_npz(folder, x=npy_of((ROWS, 7))), npz.Options())


def attack_an_npz_beyond_64_bits(folder):
    npz.read(lay_npz(folder, x=npy_of((10**40, 7))), npz.Options())


def attack_an_npz_that_unfolds(folder):
    npz.read(lay_bomb(folder), npz.Options())


def attack_spectra(folder):
    spectra.read(lay_npz(folder, x=npy_of((ROWS, 7)), y=npy_of((ROWS, 7))), spectra.Options())


def attack_spectra_that_unfold(folder):
    spectra.read(lay_bomb(folder), spectra.Options())


def attack_a_table_of_one_number(folder):
    tables.read(lay_parquet(folder, pa.nulls(MILLION, pa.float64()), 16), tables.Options())


def attack_a_table_of_lists(folder):
    lists = pa.ListArray.from_arrays([0, MILLION], pa.nulls(MILLION, pa.float64()))
    tables.read(lay_parquet(folder, lists, 10), tables.Options())


def attack_a_table_of_one_text(folder):
    tables.read(lay_parquet(folder, repeated_text(100_000), 1, store_schema=False), tables.Options())


def attack_bytes_of_a_table(folder):
    read_parquet(lay_parquet(folder, pa.nulls(MILLION), 16).read_bytes(), use_threads=False)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return run_attacks(__file__, tmp_path_factory.mktemp("arrays"))


ANNOUNCES = "its header announces "
BOMB = "bytes, as a bomb"


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("images", ANNOUNCES + "640,000,000,000,000 bytes of shape (10000000000000, 1, 8, 8), but 64 follow"),
        ("images_beyond_64_bits", ANNOUNCES),
        ("images_of_nothing", ANNOUNCES),
        ("fewer_than_no_images", ANNOUNCES),
        ("muons", ANNOUNCES),
        ("muons_beyond_64_bits", ANNOUNCES),
        ("muons_of_a_later_format", "its format is 3, but that of numbers is 1 or 2"),
        ("series", ANNOUNCES),
        ("an_npz", ANNOUNCES),
        ("an_npz_beyond_64_bits", ANNOUNCES),
        ("an_npz_that_unfolds", BOMB),
        ("spectra", ANNOUNCES),
        ("spectra_that_unfold", BOMB),
        (
            "a_table_of_one_number",
            "a.parquet: it cannot be read as a table: it unfolds to 128,000,000 bytes, as a bomb",
        ),
        ("a_table_of_lists", BOMB),
        ("a_table_of_one_text", BOMB),
    ],
)
def test_what_a_header_announces_is_not_believed(outcomes, attack, words):
    outcome = outcomes[f"attack_{attack}"]
    assert (outcome.kind, words in outcome.words) == ("DataError", True), outcome
    assert outcome.seconds < 10
    assert outcome.peak_mb < 100


def test_a_table_in_memory_unfolds_to_no_more_than_one_on_disk(outcomes):
    outcome = outcomes["attack_bytes_of_a_table"]
    assert (outcome.kind, BOMB in outcome.words) == ("ValueError", True), outcome
    assert outcome.peak_mb < 100


def test_texts_that_repeat_stay_the_texts_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("sparring.untrusted.tables.FLOOR", 0)
    table = pa.table({"n": [1.5, 2.5] * 40, "id": ["a" * 50, "é"] * 40, "raw": [b"x", None] * 40})
    pq.write_table(table, tmp_path / "a.parquet")
    monkeypatch.setattr("sparring.untrusted.tables.MOST_RATIO", 4)  # texts are looked at one by one
    assert read_parquet(tmp_path / "a.parquet").equals(table)
