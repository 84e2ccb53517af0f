"""Spectra as FDMNES, ORCA and Athena write them: the right column, energies in eV, one sentence for what is amiss."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from sparring.data import load_dataset
from sparring.data.doubts import doubts
from sparring.data.readers.pair_files import PairForm, named_spectra, read_spectra, read_spectrum
from sparring.errors import DataError

ENERGY = 7100 + 0.5 * np.arange(60)
EDGE = 7110.0


def curve(row: int) -> np.ndarray:
    return 1 / (1 + np.exp(-(ENERGY - EDGE - row / 20))) + 0.02 * np.sin(ENERGY + row)


def lines(*columns: np.ndarray) -> str:
    return "".join("  ".join(f"{value:.8E}" for value in row) + "\n" for row in zip(*columns, strict=True))


def fdmnes(row: int) -> str:
    return "    Energy    <xanes>    <xanes>_01\n" + lines(ENERGY, curve(row), 0 * ENERGY + 9)


def relative(row: int) -> str:
    head = f"  {EDGE:.3f}  26  1  0  1.2E-02  = E_edge, Z, n_edge, j_edge, Abs_before_edge\n    Energy    <xanes>\n"
    return head + lines(ENERGY - EDGE, curve(row))


def orca(row: int) -> str:
    return lines(ENERGY, curve(row), curve(row) / 2, curve(row) / 4, curve(row) / 4)


def xdi(names: str, *columns: np.ndarray, unit: str = "eV") -> str:
    head = f"# XDI/1.0  Demeter/0.9.26\n# Column.1: energy {unit}\n# Element.symbol: Fe\n# ///\n#-----\n"
    return f"{head}#  energy  {names}\n" + lines(*columns)


def nor(row: int) -> str:
    return xdi("norm  nbkg  flat  fbkg", ENERGY, curve(row), 0 * ENERGY, 0 * ENERGY + 5, 0 * ENERGY)


def xmu(row: int) -> str:
    columns = (ENERGY / 1000, curve(row), 0 * ENERGY, 0 * ENERGY - 1, 0 * ENERGY + 1)
    return xdi("xmu  bkg  pre_edge  post_edge", *columns, unit="keV")


def structures(folder: Path, count: int = 12) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for row in range(count):
        (folder / f"m{row:02d}.xyz").write_text(f"2\n\nFe 0 0 0\nO 0 0 {1.9 + row / 100}\n")
    return folder


def perl(values: np.ndarray) -> str:
    return "(" + ",".join(f"'{value:.8f}'" for value in values) + ")"


def group(label: str, energy: np.ndarray, mu: np.ndarray, **args: object) -> str:
    ranges = {"bkg_e0": EDGE, "bkg_pre1": -10, "bkg_pre2": -4, "bkg_nor1": 6, "bkg_nor2": 19, "bkg_nnorm": 2, **args}
    flat = ",".join(f"'{key}','{value}'" for key, value in {"label": label, "datatype": "xmu", **ranges}.items())
    return f"$old_group = 'abcd';\n@args = ({flat});\n@x = {perl(energy)};\n@y = {perl(mu)};\n[record]\n\n"


def project(path: Path, *groups: str) -> Path:
    text = "# Athena project file -- Demeter version 0.9.26\n\n" + "".join(groups) + "@journal = ('it''s fine');\n1;\n"
    path.write_bytes(gzip.compress(text.encode()))
    return path


@pytest.mark.parametrize(
    ("ending", "write"),
    [("_conv.txt", fdmnes), ("_conv.txt", relative), (".out.abs.dat", orca), (".nor", nor), (".xmu", xmu)],
)
def test_every_kind_pairs_by_stem_and_gives_its_intensity_on_energies_in_ev(tmp_path, ending, write):
    folder = structures(tmp_path / "set")
    for row in range(12):
        (folder / f"m{row:02d}{ending}").write_text(write(row))
    data = load_dataset("fe-xanes", folder)
    assert data.ids == tuple(f"m{row:02d}" for row in range(12))
    np.testing.assert_allclose(data.axes["spectrum"], ENERGY, atol=1e-4)
    np.testing.assert_allclose(data.fields["spectrum"], [curve(row) for row in range(12)], atol=1e-6)


def test_what_fdmnes_writes_beside_the_convolved_spectra_is_not_taken(tmp_path):
    folder = structures(tmp_path / "set")
    for row in range(12):
        (folder / f"m{row:02d}_conv.txt").write_text(fdmnes(row))
        (folder / f"m{row:02d}.txt").write_text("unconvolved\nenergy xanes\n" + lines(ENERGY, 0 * ENERGY + row))
    np.testing.assert_allclose(load_dataset("fe-xanes", folder).fields["spectrum"][3], curve(3), atol=1e-6)
    plain = load_dataset("fe-xanes", folder, {"spectra": ".txt", "energies": (7100, 7101, 3), "strict": False})
    assert plain.fields["spectrum"].max() == 11


def test_a_project_is_normalised_by_its_own_settings(tmp_path):
    # μ(E) = 2 + (E - 7000)/1000 before the edge, and 3 times the normalised curve more: a step of 3 by its own ranges
    step = np.where(ENERGY > EDGE, 1.0, 0.0)
    line = 2 + (ENERGY - 7000) / 1000
    path = project(tmp_path / "beam.prj", group("Fe, foil", ENERGY, line + 3 * step), group("b", ENERGY, line + step))
    sources = named_spectra(path)
    assert [*sources] == ["Fe, foil", "b"]
    for points in read_spectra(sources.values()):
        np.testing.assert_allclose(points[:, 1], step, atol=1e-6)
    raw = read_spectra(sources.values(), PairForm(normalise=False))
    np.testing.assert_allclose(raw[0][:, 1], line + 3 * step, atol=1e-6)


def test_groups_of_a_project_are_the_spectra_of_structures_called_so_on_one_grid(tmp_path):
    folder = structures(tmp_path / "set")
    shifted = [
        group(f"m{row:02d}", ENERGY[row % 3 :] - 0.25, curve(row)[row % 3 :], bkg_eshift=0.25, datatype="norm")
        for row in range(11)
    ]
    project(folder / "beam.prj", *shifted)
    data = load_dataset("fe-xanes", folder, {"energies": (7102, 7120, 37)})
    assert len(data) == 11
    np.testing.assert_allclose(data.axes["spectrum"], np.linspace(7102, 7120, 37))
    np.testing.assert_allclose(data.fields["spectrum"][5], curve(5)[4:41], atol=1e-6)
    assert doubts(data)[0].endswith("11 pairs are taken, and left out are 1 .xyz without .prj (m11)")


def test_a_file_of_several_groups_gives_each(tmp_path):
    (tmp_path / "all.nor").write_text(xdi("a  b", ENERGY, curve(0), curve(1)))
    first, second = read_spectra(named_spectra(tmp_path).values())
    np.testing.assert_allclose([first[:, 1], second[:, 1]], [curve(0), curve(1)], atol=1e-6)


def test_wave_numbers_become_ev_if_it_is_said_and_are_refused_if_not(tmp_path):
    (tmp_path / "a.dat").write_text(lines(ENERGY * 8065.543937, curve(0)))
    with pytest.raises(
        DataError, match=r"where no edge lies; if they are wave numbers, give --set data.energy_unit=cm-1"
    ):
        read_spectrum(tmp_path / "a.dat")
    np.testing.assert_allclose(read_spectrum(tmp_path / "a.dat", PairForm(energy_unit="cm-1"))[:, 0], ENERGY, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "a.nor",
            xdi("e0 flat", ENERGY, ENERGY, ENERGY),
            r"a column norm is needed, but there are 3: energy, e0, flat",
        ),
        ("a.nor", xdi("norm", ENERGY, ENERGY, unit="deg"), "its header says 'deg'; convert them"),
        ("a.nor", nor(0).rstrip().rpartition(" ")[0], "must hold 5 numbers like the first"),
        ("a.xmu", "", "at least 2 points are needed, but got 0"),
        ("a.dat", lines(ENERGY, ENERGY, ENERGY), "2 columns, or the 5 of orca_mapspc, is needed, but there are 3"),
        ("a_conv.txt", fdmnes(0).replace("7.1", "7..1", 1), "must hold finite numbers"),
    ],
)
def test_a_file_with_a_fault_is_refused_in_one_sentence(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        read_spectrum(tmp_path / name)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ((), "groups of @args, @x and @y, but found none"),
        ((group("a", ENERGY, ENERGY, datatype="chi"),), "group 'a' is chi"),
        ((group("a", ENERGY, ENERGY[:-1]),), "as many finite energies as values, 2 at least, but got 60 and 59"),
        ((group("a", ENERGY, ENERGY).replace("'7100.00000000'", "'system(1)'", 1),), "must hold numbers"),
        ((group("a", ENERGY, -ENERGY * 0),), "cannot be normalised, for its step at the edge is"),
        ((group("a", ENERGY, ENERGY, bkg_pre1=-900, bkg_pre2=-800),), "0 points lie in its range before the edge"),
        ((group("a", ENERGY, curve(0)), group("a", ENERGY, curve(0))), "there are two called 'a'"),
    ],
)
def test_a_project_with_a_fault_is_refused_by_its_group(tmp_path, groups, words):
    project(tmp_path / "a.prj", *groups)
    with pytest.raises(DataError, match=words):
        read_spectra(named_spectra(tmp_path).values())


def test_a_project_that_unfolds_to_far_more_than_its_size_is_not_read(tmp_path):
    with gzip.open(tmp_path / "a.prj", "wb", compresslevel=1) as file:
        for _ in range(40):
            file.write(b"\0" * (1 << 20))
    with pytest.raises(DataError, match=r"unfolds to more than .* as a bomb does"):
        named_spectra(tmp_path)
    (tmp_path / "a.prj").write_bytes(gzip.compress(group("a", ENERGY, ENERGY).encode())[:-20])
    with pytest.raises(DataError, match="it is torn"):
        named_spectra(tmp_path)


def test_spectra_that_do_not_reach_the_grid_are_refused(tmp_path):
    (tmp_path / "a.nor").write_text(nor(0))
    with pytest.raises(
        DataError, match=r"reaches from 7100 to 7129.5 eV, which does not hold data.energies, 7000 to 7120"
    ):
        read_spectrum(tmp_path / "a.nor", PairForm(energies=(7000, 7120, 5)))
