"""Structures and spectra as programs and shared disks leave them: headers of any length, hidden files, sub-folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sparring.data import load_dataset
from sparring.data.readers.pair_files import named_spectra, named_structures, read_spectrum, read_structure
from sparring.errors import DataError

ENERGY = 7100 + 0.5 * np.arange(6)
POINTS = [f"{energy:.2f} {0.1 * place:.6f}" for place, energy in enumerate(ENERGY)]
HIDDEN = b"\0\5\26\7 what macOS leaves on shared disks"


def written(path: Path, *headers: str) -> Path:
    path.write_text("\n".join([*headers, *POINTS, ""]))
    return path


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("energy xanes",),
        ("program", "energy <xanes>"),
        ("program", "30", "energy <xanes>"),
        ("# 7000 12", "# energy intensity"),
        ("program 3.1 of 2024", "energy", "", "and more"),
    ],
)
def test_all_points_are_read_whatever_stands_before_them(tmp_path, headers):
    points = read_spectrum(written(tmp_path / "a.txt", *headers))
    np.testing.assert_allclose(points[:, 0], ENERGY)
    np.testing.assert_allclose(points[:, 1], 0.1 * np.arange(6))


@pytest.mark.parametrize("headers", [("program", "3 30"), ("3 30", "energy xanes"), ("3 30",)])
def test_a_header_that_could_be_a_point_is_refused(tmp_path, headers):
    with pytest.raises(DataError, match="may not be two numbers, but got '3 30'; remove it, or put a # before it"):
        read_spectrum(written(tmp_path / "a.txt", *headers))


@pytest.mark.parametrize("line", ["7100,5 0,1", "nan 0.1", "7100.5"])
def test_a_torn_first_point_is_no_header(tmp_path, line):
    (tmp_path / "a.txt").write_text("\n".join(["program", "energy xanes", line, *POINTS]))
    with pytest.raises(DataError, match=r"a\.txt: line 3 must hold"):
        read_spectrum(tmp_path / "a.txt")


def test_a_structure_of_several_frames_is_refused(tmp_path):
    frame = "2\nframe\nFe 0 0 0\nO 0 0 2\n"
    (tmp_path / "a.xyz").write_text(2 * frame)
    with pytest.raises(DataError, match="must hold one structure, but line 5 announces another"):
        read_structure(tmp_path / "a.xyz")


def laid(folder: Path, count: int = 12, structures: str = ".", spectra: str = ".") -> Path:
    for name in (structures, spectra):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for row in range(count):
        (folder / structures / f"m{row:02d}.xyz").write_text(f"2\n\nFe 0 0 0\nO 0 0 {1.9 + row / 100}\n")
        text = "\n".join([f"{energy:.2f} {0.1 * place + row:.6f}" for place, energy in enumerate(ENERGY)])
        (folder / spectra / f"m{row:02d}.txt").write_text("program\nenergy xanes\n" + text)
    return folder


def test_files_are_named_as_the_rows_of_the_data_set_that_they_make(tmp_path):
    flat = laid(tmp_path / "flat")
    (flat / "._m00.xyz").write_bytes(HIDDEN)
    (flat / "._m00.txt").write_bytes(HIDDEN)
    (flat / "m01.xyz").rename(flat / "m01.XYZ")
    split = laid(tmp_path / "split", structures="xyz", spectra="xanes")
    parts = laid(tmp_path / "parts", 10, structures="train", spectra="train")
    laid(parts, 3, structures="test", spectra="test")
    for folder in (flat, split, parts):
        ids = sorted(load_dataset("fe-xanes", folder).ids)
        for named in (named_structures, named_spectra):
            assert sorted(named(folder)) == ids
