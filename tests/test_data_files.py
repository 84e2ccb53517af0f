"""Structure and spectrum files: what is read, what is tolerated, what is refused and in which words."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest

from sparring.data import last_read, load_dataset, split_dataset
from sparring.data.physics.wacsf import Structure
from sparring.data.readers import spectra
from sparring.data.readers.pair_files import read_spectrum, read_structure
from sparring.data.readers.spectra import Options, read
from sparring.errors import DataError

ENERGY = np.linspace(7100, 7110, 6)


def xyz(row: int) -> str:
    return f"3\ncomplex {row}\nFe 0 0 0\nO {1.9 + row / 100} 0.0 0.0\n7 0.0 -2.1 0.1\n"


def txt(row: int) -> str:
    lines = [f"{energy:.2f} {0.1 * row + 0.01 * place:.4E}" for place, energy in enumerate(ENERGY)]
    return "\n".join(["program", "energy <xanes>", *lines, ""])


@pytest.fixture
def pairs(tmp_path) -> Path:
    for row in range(12):
        (tmp_path / f"s{row:02d}.xyz").write_text(xyz(row))
        (tmp_path / f"s{row:02d}.txt").write_text(txt(row))
    return tmp_path


@pytest.fixture
def archive(tmp_path):
    def write(**changes: object) -> Path:
        rng = np.random.default_rng(0)
        content = {"x": rng.normal(size=(12, 4)), "y": rng.normal(size=(12, 6)), "energy": ENERGY, **changes}
        np.savez(tmp_path / "set.npz", **{key: value for key, value in content.items() if value is not None})
        return tmp_path / "set.npz"

    return write


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset("fe-xanes", path, options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_pairs_are_read_by_stem_in_sorted_order(pairs):
    data = load_dataset("fe-xanes", pairs)
    assert data.ids == tuple(f"s{row:02d}" for row in range(12))
    assert data.shapes == {"structure": (49,), "spectrum": (6,)}
    np.testing.assert_allclose(data.fields["spectrum"][3], 0.3 + 0.01 * np.arange(6), rtol=1e-6)
    np.testing.assert_allclose(data.axes["spectrum"], ENERGY)
    # G1 of two neighbours: the cut-off function at their distances
    near = np.array([1.9 + 3 / 100, np.hypot(2.1, 0.1)])
    assert data.fields["structure"][3, 0] == pytest.approx(((np.cos(np.pi * near / 6) + 1) / 2).sum(), rel=1e-6)


def test_the_two_kinds_of_files_may_lie_in_folders_of_any_name(pairs):
    before = load_dataset("fe-xanes", pairs)
    for folder, suffix in (("structures", ".xyz"), ("what I measured", ".txt")):
        (pairs / folder).mkdir()
        for file in pairs.glob(f"*{suffix}"):
            file.rename(pairs / folder / file.name)
    assert load_dataset("fe-xanes", pairs).sha256 == before.sha256


def test_folders_named_after_parts_are_the_parts_of_the_split(pairs):
    pool = load_dataset("fe-xanes", pairs)
    for kind, suffix in (("xyz", ".xyz"), ("xanes", ".txt")):
        for part in ("test", "train"):
            (pairs / f"{kind}_{part}").mkdir()
        for row, file in enumerate(sorted(pairs.glob(f"*{suffix}"))):
            file.rename(pairs / f"{kind}_{'test' if row < 2 else 'train'}" / file.name)
    data = load_dataset("fe-xanes", pairs)
    assert data.parts == {"train": 10, "test": 2}
    assert data.ids == (*(f"train/s{row:02d}" for row in range(2, 12)), "test/s00", "test/s01")
    np.testing.assert_array_equal(data.fields["spectrum"], np.roll(pool.fields["spectrum"], -2, axis=0))
    assert split_dataset(data).test.tolist() == [10, 11]  # 80/20 too: what was published to be tested on is
    # The same stem in two parts is two samples, but in one part it is one too many.
    (pairs / "xyz_test" / "s05.xyz").write_text(xyz(5))
    (pairs / "xanes_test" / "s05.txt").write_text(txt(5))
    assert load_dataset("fe-xanes", pairs).parts == {"train": 10, "test": 3}
    (pairs / "more").mkdir()
    (pairs / "xyz_test" / "s05.xyz").rename(pairs / "more" / "s05.xyz")
    assert "more holds samples and says no part; end its name in _train" in refusal(pairs)


def test_byte_order_marks_windows_lines_blank_ends_and_odd_comments_change_nothing(pairs):
    before = load_dataset("fe-xanes", pairs)
    for file in [*pairs.glob("s0*.xyz"), *pairs.glob("s0*.txt")]:
        text = file.read_text().replace("complex", "côte") + "\n \n"
        file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("latin-1"))
    assert load_dataset("fe-xanes", pairs).sha256 == before.sha256


def test_lines_after_the_announced_atoms_are_not_read(tmp_path):
    (tmp_path / "a.xyz").write_text(xyz(0) + "Fe 0 0 0\n")
    assert len(read_structure(tmp_path / "a.xyz").numbers) == 3


def test_elements_are_known_by_symbol_and_by_number(tmp_path):
    (tmp_path / "a.xyz").write_text("4\n\n26 0 0 0\nH 1 0 0\ncl 2 0 0\nOG 3 0 0 0.5\n")
    assert read_structure(tmp_path / "a.xyz").numbers.tolist() == [26, 1, 17, 118]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a.xyz: line 1 must say how many atoms follow, but got ''"),
        ("three\n\nFe 0 0 0\n", "line 1 must say how many atoms follow, but got 'three'"),
        ("0\n\n", "line 1 must say how many atoms"),
        (xyz(0).rsplit("\n", 2)[0], "line 1 announces 3 atoms, but 2 follow; the file is cut short"),
        (xyz(0).replace("-2.1 0.1", "-2.1"), "line 5 must hold an element, x, y and z, but got '7 0.0 -2.1'"),
        (xyz(0).replace("-2.1", "-2,1"), "line 5 must hold finite numbers, but got '0.0 -2,1 0.1'"),
        (xyz(0).replace("-2.1", "nan"), "line 5 must hold finite numbers, but got '0.0 nan 0.1'"),
        (xyz(0).replace("O ", "Xx "), "line 4 must begin with an element's symbol or atomic number, but got 'Xx'"),
        (xyz(0).replace("7 0", "119 0"), "line 5 must begin with an element's symbol or atomic number, but got '119'"),
        (xyz(0).replace("0.0 -2.1 0.1", "0 0 0"), "line 5 puts an atom onto the absorber"),
    ],
)
def test_a_structure_with_a_fault_is_refused_by_its_line(tmp_path, text, words):
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(DataError) as caught:
        read_structure(tmp_path / "a.xyz")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a.txt: at least 2 points are needed, but got 0"),
        (txt(0).replace("7104.00 ", ""), "line 5 must hold an energy and an intensity, but got '2.0000E-02'"),
        (txt(0).replace("7104.00", "7104.00 1"), "line 5 must hold an energy and an intensity"),
        (txt(0).replace("2.0000E-02", "2.0000D-02"), "line 5 must hold finite numbers, but got '7104.00 2.0000D-02'"),
        (txt(0).replace("2.0000E-02", "NaN"), "line 5 must hold finite numbers"),
        (txt(0).replace("2.0000E-02", "-inf"), "line 5 must hold finite numbers"),
    ],
)
def test_a_spectrum_with_a_fault_is_refused_by_its_line(tmp_path, text, words):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataError) as caught:
        read_spectrum(tmp_path / "a.txt")
    assert words in str(caught.value)


def test_spectra_on_different_grids_are_refused(pairs):
    (pairs / "s05.txt").write_text("\n".join(txt(5).splitlines()[:-1]))
    assert "s05.txt: all spectra need the same energies, but it has 5 points and s00.txt 6" in refusal(pairs)
    (pairs / "s05.txt").write_text(txt(5).replace("7104.00", "7104.50"))
    assert (
        "s05.txt: all spectra need the same energies, but point 3 lies at 7104.5 eV and in s00.txt at 7104 eV"
        in refusal(pairs)
    )


def test_files_without_a_partner_are_counted_and_named(pairs):
    for stem in ("s01", "s03", "s07", "s09"):
        (pairs / f"{stem}.txt").unlink()
    (pairs / "extra.txt").write_text(txt(0))
    message = refusal(pairs, strict=True)
    assert "4 .xyz without .txt (s01, s03, s07, …) and 1 .txt without .xyz (extra) beside 8 pairs" in message


def test_a_stem_that_occurs_twice_is_refused(pairs):
    (pairs / "again").mkdir()
    (pairs / "again" / "s04.xyz").write_text(xyz(4))
    assert "one .xyz per stem, but there are" in refusal(pairs)


@pytest.mark.fault(49)
def test_empty_folders_and_single_samples_are_refused(tmp_path):
    assert "or others of a kind that is read, here or one folder below, but found no structures" in refusal(tmp_path)
    (tmp_path / "s.xyz").write_text(xyz(0))
    (tmp_path / "s.txt").write_text(txt(0))
    assert "at least 10 samples to train and validate on, but got 1" in refusal(tmp_path)


def test_a_file_that_cannot_be_read_is_named(pairs, monkeypatch):
    def refuse(path: Path, **_: object) -> str:
        raise PermissionError(13, "OneDnnMatmul denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse, raising=True)
    # The card is read the same way, so the reader is called alone.
    with pytest.raises(DataError, match=r"s00\.xyz: cannot be read: OneDnnMatmul denied"):
        read(pairs, Options())


@pytest.fixture
def parsed(pairs, monkeypatch) -> list[Path]:
    """The structures that are read from here on; all files are an hour old."""
    for path in pairs.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    seen: list[Path] = []

    def see(path: Path, *form: object) -> Structure:
        seen.append(path)
        return read_structure(path)

    monkeypatch.setattr(spectra, "read_structure", see)
    return seen


def test_files_that_are_read_again_and_again_come_from_memory(pairs, parsed):
    sets = [read(pairs, Options(r_max=r_max)) for r_max in (6.0, 5.0, 5.0, 6.0)]
    assert len(parsed) == 2 * 12, "the first time nothing is kept"
    assert sets[0].sha256 == sets[3].sha256 != sets[1].sha256 == sets[2].sha256


def test_a_file_that_has_changed_is_read_again(pairs, parsed):
    before = [read(pairs, Options()) for _ in range(3)][-1]
    (pairs / "s03.txt").write_text(txt(4))
    after = read(pairs, Options())
    assert len(parsed) == 3 * 12
    assert not np.array_equal(before.fields["spectrum"][3], after.fields["spectrum"][3])


@pytest.mark.parametrize(("limit", "value"), [("SETTLED_S", 7200.0), ("MOST_BYTES", 2000)])
def test_files_that_are_new_or_large_are_not_kept(pairs, parsed, monkeypatch, limit, value):
    monkeypatch.setattr(last_read, limit, value)
    for _ in range(3):
        read(pairs, Options())
    assert len(parsed) == 3 * 12


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "set.csv").write_text("1,2\n")
    assert "expected a folder of .xyz and .txt files or one .npz, but got neither" in refusal(tmp_path / "set.csv")


def test_an_archive_needs_only_x_and_y(archive):
    data = load_dataset("fe-xanes", archive(energy=None))
    assert data.shapes == {"structure": (4,), "spectrum": (6,)}
    assert data.ids[:2] == ("row-1", "row-2")
    assert data.axes == {}
    named = load_dataset("fe-xanes", archive(energy=None, e=ENERGY, ids=np.array(list("abcdefghijkl"))))
    assert named.ids[:2] == ("a", "b")
    np.testing.assert_allclose(named.axes["spectrum"], ENERGY)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y": None}, "expected arrays x (structure) and y (spectrum), but got x, energy"),
        ({"x": np.ones(12)}, "x must be a table of real numbers, one row per sample, but got shape (12,)"),
        ({"x": np.full((12, 4), "a")}, "x must be a table of real numbers"),
        ({"y": np.full((12, 6), None)}, "no objects, no pickles"),
        ({"ids": np.array([None] * 12)}, "no objects, no pickles"),
        ({"energy": ENERGY[:5]}, "needs one energy per point, but got 5 for 6 points"),
        ({"energy": np.tile(ENERGY, (12, 1))}, "energy must be one row of numbers, but got shape (12, 6)"),
        ({"y": np.ones((11, 6))}, "rows: structure 12, spectrum 11, ids 12"),
        ({"x": np.full((12, 4), np.nan)}, "structure: values must be finite"),
    ],
)
def test_an_archive_with_a_fault_is_refused(archive, changes, words):
    assert words in refusal(archive(**changes))


def test_an_archive_leaves_no_choice_of_descriptor(archive):
    assert "an .npz already holds descriptors, so r_max cannot be chosen" in refusal(archive(), r_max=5.0)


class Explosive:
    """What unpickling it would do shows in ``fired``."""

    fired = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return setattr, (Explosive, "fired", True)


@pytest.mark.fault(54)
def test_nothing_unpickles_and_torn_archives_are_refused(archive, tmp_path):
    whole = archive().read_bytes()
    path = tmp_path / "set.npz"
    npy = tmp_path / "plain.npy"
    np.save(npy, np.ones((12, 4)))
    for content in (pickle.dumps(Explosive()), whole[: len(whole) // 2], b"", b"PK\x03\x04 torn", npy.read_bytes()):
        path.write_bytes(content)
        assert "expected an .npz of plain arrays" in refusal(path)
    assert not Explosive.fired
