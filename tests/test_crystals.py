"""Crystals from POSCAR and .cif: the absorber sees periodic images, and what is torn is refused in one sentence."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from sparring.data import load_dataset
from sparring.data.formats import crystals
from sparring.data.physics.wacsf import Grid, Structure, describe
from sparring.data.readers.pair_files import PairForm, named_structures, read_structure
from sparring.errors import DataError

needs_ase = pytest.mark.skipif(importlib.util.find_spec("ase") is None, reason=".cif files need ASE: pip install ase")

WUSTITE = 4.33
"""Å, the edge of FeO's cubic cell."""
FCC = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]


def poscar(edge: float = WUSTITE, scale: float = 1.0, selective: bool = False) -> str:
    cell = "".join(" ".join(f"{edge * (row == column):.6f}" for column in range(3)) + "\n" for row in range(3))
    shifted = [tuple((part + 0.5 * (axis == 0)) % 1 for axis, part in enumerate(place)) for place in FCC]
    flags = " T T F" if selective else ""
    places = "".join(f"{x} {y} {z}{flags}\n" for x, y, z in [*FCC, *shifted])
    return f"FeO\n{scale}\n{cell}Fe O\n4 4\n{'Selective dynamics' + chr(10) if selective else ''}Direct\n{places}"


def cif(edge: float = WUSTITE, occupancy: str = "1.0", sites: int = 1) -> str:
    lengths = "".join(
        f"_cell_length_{axis} {edge}\n_cell_angle_{angle} 90\n"
        for axis, angle in zip("abc", ("alpha", "beta", "gamma"), strict=True)
    )
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    loop = "loop_\n" + "".join(f"_atom_site_{column}\n" for column in columns)
    rows = "".join(f"Fe{row} Fe {row / sites} 0 0 1.0\n" for row in range(sites)) + f"O1 O 0.5 0.5 0.5 {occupancy}\n"
    return f"data_feo\n{lengths}_space_group_name_H-M_alt 'F m -3 m'\n_space_group_IT_number 225\n{loop}{rows}"


def cluster(edge: float, cells: int = 3) -> Structure:
    """FeO cut out of the crystal around an iron, built by stepping through half edges."""
    steps = np.stack(np.meshgrid(*[np.arange(-2 * cells, 2 * cells + 1)] * 3, indexing="ij"), -1).reshape(-1, 3)
    steps = steps[np.argsort(np.abs(steps).sum(1), kind="stable")]
    return Structure(np.where(steps.sum(1) % 2 == 0, 26, 8), steps * edge / 2)


@pytest.mark.parametrize(
    "text",
    [
        poscar(),
        poscar(selective=True),
        poscar(1.0, scale=WUSTITE),
        poscar(scale=-(WUSTITE**3)),
        poscar().replace("Direct", "Cartesian").replace(" 0.5", f" {WUSTITE / 2}").replace("0.5 ", f"{WUSTITE / 2} "),
    ],
)
def test_a_poscar_is_the_crystal_around_its_first_atom(tmp_path, text):
    (tmp_path / "a.vasp").write_text(text)
    features = describe([read_structure(tmp_path / "a.vasp")], Grid())
    np.testing.assert_allclose(features, describe([cluster(WUSTITE)], Grid()), rtol=1e-5)


@needs_ase
def test_a_cif_is_the_crystal_with_its_symmetry(tmp_path):
    (tmp_path / "a.cif").write_text(cif())
    structure = read_structure(tmp_path / "a.cif")
    assert (len(structure.numbers), structure.numbers[0]) == (8, 26)
    np.testing.assert_allclose(describe([structure], Grid()), describe([cluster(WUSTITE)], Grid()), rtol=1e-6)
    oxygen = read_structure(tmp_path / "a.cif", PairForm(absorber="O"))
    assert oxygen.numbers[0] == 8
    assert describe([oxygen], Grid())[0, 1] > describe([structure], Grid())[0, 1]  # six irons weigh more than oxygens


@needs_ase
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (cif(occupancy="0.5"), "1 are occupied in part, such as by 0.5"),
        (cif(sites=200), r"201 sites times 192 symmetry operations may be 20,000, but are 38,592"),
        (cif() + cif().replace("data_feo", "data_other"), "must hold one structure, but has 2"),
        (cif().replace("4.33", "nan"), "a.cif"),
        ("data_x\nloop_\n_atom", "a.cif"),
        ("data_x\n" + "#" * crystals.MOST_BYTES, "has at most 1,048,576 bytes"),
    ],
)
def test_a_cif_that_means_no_one_structure_or_takes_too_long_is_refused(tmp_path, text, words):
    (tmp_path / "a.cif").write_text(text)
    with pytest.raises(DataError, match=words):
        read_structure(tmp_path / "a.cif")


def test_a_cif_without_ase_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ase.io.cif", None)
    (tmp_path / "a.cif").write_text(cif())
    with pytest.raises(DataError, match=r"\.cif files need ASE; pip install ase"):
        read_structure(tmp_path / "a.cif")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            poscar().replace("4 4", "4 9999999"),
            "line 7 announces 10,000,003 atoms, but 8 follow; the file is cut short",
        ),
        (poscar().replace("Fe O\n", ""), "line 6 must name the elements, as VASP 5 writes them, but got '4 4'"),
        (poscar(edge=0.0), "must span a cell of some volume"),
        (poscar().replace("0.5 0.5 0\n", "0.5 0.5\n"), "line 12 must hold three numbers"),
        ("FeO\n1.0\n", "a POSCAR has at least 9 lines, but got 2"),
    ],
)
def test_a_poscar_with_a_fault_is_refused_by_its_line(tmp_path, text, words):
    (tmp_path / "POSCAR").write_text(text)
    with pytest.raises(DataError, match=words):
        read_structure(tmp_path / "POSCAR")


def test_a_cell_too_thin_to_be_meant_is_refused(tmp_path):
    (tmp_path / "a.vasp").write_text(poscar(0.05))
    with pytest.raises(DataError, match=r"more than 2,000,000; lower data.r_max, or see whether its lengths are in Å"):
        describe([read_structure(tmp_path / "a.vasp")], Grid())


def test_a_folder_of_calculations_pairs_each_poscar_by_the_name_of_its_folder(tmp_path):
    energy = np.arange(7100, 7120)
    for row in range(12):
        folder = tmp_path / f"run{row:02d}"
        folder.mkdir()
        (folder / "POSCAR").write_text(poscar(4.2 + row / 100))
        (tmp_path / f"run{row:02d}.txt").write_text("".join(f"{each} {row * each}\n" for each in energy))
    data = load_dataset("fe-xanes", tmp_path)
    assert data.ids == tuple(f"run{row:02d}" for row in range(12)) == tuple(named_structures(tmp_path))
    np.testing.assert_allclose(data.fields["structure"][3], describe([cluster(4.23)], Grid())[0], rtol=1e-5)


def test_the_absorber_is_the_first_atom_of_its_element(tmp_path):
    (tmp_path / "a.xyz").write_text("3\n\nO 0 0 0\nFe 1 1 1\nFe 2 2 2\n")
    structure = read_structure(tmp_path / "a.xyz", PairForm(absorber="Fe"))
    np.testing.assert_array_equal(structure.numbers, [26, 8, 26])
    np.testing.assert_array_equal(structure.positions[0], [1, 1, 1])
    with pytest.raises(DataError, match=r"the absorber is Ni, but it holds none; set data.absorber"):
        read_structure(tmp_path / "a.xyz", PairForm(absorber="Ni"))
