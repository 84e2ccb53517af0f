"""Muons: the surrogate set, its rareness, and the readers of the user's own files."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import boxcox, kstest, truncnorm

from sparring.data import load_dataset
from sparring.data.embedded.muons import BOX_COX, draw
from sparring.data.physics.kinematics import (
    FIRST,
    HIGH,
    LAST,
    LOW,
    POLAR,
    SKEWED,
    from_box,
    to_box,
    to_cartesian,
    to_polar,
)
from sparring.data.physics.rareness import rareness
from sparring.errors import DataError


@pytest.fixture(scope="module")
def muons() -> np.ndarray:
    return draw(20_000, np.random.default_rng(7))


# -- coordinates ------------------------------------------------------------------------------------------------------


def test_the_published_angle_counts_from_the_y_axis():
    along_x, along_y = (np.array([[1, x, y, 0, y, x, 50]], dtype=float) for x, y in ((2, 0), (0, 2)))
    r, theta, _, pt, theta_pt, pz = to_polar(along_x)[0]
    assert (r, theta, pt, theta_pt, pz) == (2, np.pi / 2, 2, 0, 50)
    assert to_polar(along_y)[0, 1] == 0


def test_polar_and_cartesian_are_each_others_inverse(muons):
    polar = to_polar(muons)
    np.testing.assert_allclose(to_cartesian(polar, muons[:, 0]), muons, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(to_polar(to_cartesian(polar, muons[:, 0])), polar, rtol=1e-13, atol=1e-13)


def test_the_ends_of_the_box_lie_where_they_were_published():
    ends = to_box(np.stack([LOW, HIGH]))
    assert ends[0].tolist() == [-0.97, -0.97, -1.0, -0.97, -0.97, -0.97]
    np.testing.assert_allclose(ends[1], 0.97, rtol=1e-14)
    np.testing.assert_allclose(from_box(ends), np.stack([LOW, HIGH]), rtol=1e-14)
    assert dict(zip(POLAR, HIGH, strict=True))["r"] == 15.0


# -- the surrogate ----------------------------------------------------------------------------------------------------

PUBLISHED = {  # physical values at -1, 0 and +1 deviations of the published transforms; cm and GeV
    "r": (4.20, 5.00, 5.80),
    "z": (-7079, -7067, -7047),
    "pt": (0.19, 0.39, 0.68),
    "pz": (24.8, 36.1, 58.5),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_quantiles_are_those_the_published_transforms_imply(muons, name):
    found = np.quantile(to_polar(muons)[:, POLAR.index(name)], [0.1587, 0.5, 0.8413])
    # Draws outside the box are left out (7 in 100), which moves quantiles inwards: z by 1.4 cm, others by up to 5 %.
    np.testing.assert_allclose(found, PUBLISHED[name], rtol=0 if name == "z" else 0.06, atol=2.0 if name == "z" else 0)


@pytest.mark.parametrize("place", range(4))
def test_each_skewed_column_is_normal_after_its_box_cox_cut_off_at_the_box(place):
    # One column alone: with the others, leaving the box in one would tilt it a little.
    power, mean, variance = BOX_COX[place]
    boxed = to_box(to_polar(draw(20_000, np.random.default_rng(3))))[:, SKEWED[place]]
    normal = (boxcox((boxed + 1) / 2.4 + 0.1, power) - mean) / np.sqrt(variance)
    ends = boxcox((np.array([FIRST[SKEWED[place]], LAST]) + 1) / 2.4 + 0.1, power)
    low, high = (ends - mean) / np.sqrt(variance)
    assert kstest(normal, truncnorm(low, high).cdf).statistic < 0.04
    assert normal.min() >= low - 1e-9
    assert normal.max() <= high + 1e-9


def test_angles_are_uniform_and_charges_balanced(muons):
    for column in (1, 4):
        assert kstest(to_polar(muons)[:, column], "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 0.01
    assert set(muons[:, 0]) == {-1.0, 1.0}
    assert abs(muons[:, 0].mean()) < 4 / np.sqrt(len(muons))


def test_no_value_piles_up_at_the_edge_of_the_box(muons):
    assert all(len(np.unique(column)) == len(muons) for column in to_polar(muons).T)


def test_the_same_seed_gives_the_same_muons_and_another_seed_others():
    first, same, other = (load_dataset("muons", options={"n": 100, "seed": seed}) for seed in (0, 0, 1))
    assert first.sha256 == same.sha256 != other.sha256


# -- rareness ---------------------------------------------------------------------------------------------------------


def test_rareness_is_the_mean_distance_to_three_neighbours_of_the_reference(muons):
    rows, reference = muons[:5], muons[100:700]
    a, b = (to_box(to_polar(each))[:, SKEWED] for each in (rows, reference))
    for row in range(5):
        for place in range(4):
            nearest = np.sort(np.abs(a[row, place] - b[:, place]))[:3]
            assert rareness(rows, reference)[row, place] == pytest.approx(nearest.mean(), rel=1e-9)
        nearest = np.sort(np.sqrt(((a[row] - b) ** 2).sum(1)))[:3]
        assert rareness(rows, reference)[row, 4] == pytest.approx(nearest.mean(), rel=1e-9)


def test_larger_is_rarer(muons):
    common, odd = muons[:1].copy(), muons[:1].copy()
    common[0, 1:] = np.median(muons[:, 1:], axis=0)
    common[0, 1:3] = (5, 0)
    odd[0, 4:6] = (6.0, 6.0)
    found = rareness(np.concatenate([common, odd]), muons[1000:])
    assert found[1, 2] > 20 * found[0, 2]
    assert found[1, 4] > 5 * found[0, 4]


# -- the user's files -------------------------------------------------------------------------------------------------


def save(path: Path, table: np.ndarray) -> Path:
    np.save(path, table)
    return path


def test_seven_columns_are_read_and_their_reference_is_left_out(tmp_path, muons):
    path = save(tmp_path / "mine.npy", muons[:500])
    data = load_dataset("muon-files", path, {"reference": 200})
    assert data.shapes == {"muons": (7,), "rareness": (5,)}
    assert len(data) == 300
    numbers = np.array([int(name.removeprefix("mine-")) - 1 for name in data.ids])
    np.testing.assert_array_equal(data.fields["muons"], muons[numbers].astype(np.float32))
    known = muons[np.setdiff1d(np.arange(500), numbers)]
    np.testing.assert_allclose(data.fields["rareness"], rareness(muons[numbers], known), rtol=1e-5)
    assert (data.fields["rareness"][:, 4] > 0).all()


@pytest.mark.parametrize("form", ["boxed", "unit"])
def test_the_published_twelve_columns_are_read_in_both_their_forms(tmp_path, muons, form):
    boxed = to_box(to_polar(muons[:50]))
    aux = np.abs(np.random.default_rng(0).standard_normal((50, 5)))
    kept = boxed if form == "boxed" else (boxed + 1) / 2
    path = save(tmp_path / "train.npy", np.hstack([muons[:50, :1], kept, aux]).astype(np.float32))
    data = load_dataset("muon-files", path)
    order = [int(name.removeprefix("train-")) - 1 for name in data.ids]
    np.testing.assert_array_equal(data.fields["rareness"], aux[order].astype(np.float32))
    np.testing.assert_allclose(data.fields["muons"], muons[order], rtol=1e-4, atol=1e-4)


def test_smearing_adds_the_published_ring_at_every_angle_alike(tmp_path, muons):
    still = np.zeros((20_000, 7))
    still[:] = muons[0]
    still[:, 1:3] = (3.0, -2.0)
    still[:, 5] = np.arange(20_000) / 1000  # a set of muons that are all the same is refused
    path = save(tmp_path / "mine.npy", still)
    data = load_dataset("muon-files", path, {"smear": [5.0, 0.8], "reference": 100})
    rows = [int(name.removeprefix("mine-")) - 1 for name in data.ids]
    x, y = (data.fields["muons"][:, [1, 2]] - (3.0, -2.0)).T
    radius = np.hypot(x, y)
    assert kstest(radius, "norm", args=(5.0, 0.8)).pvalue > 0.01
    assert kstest(np.arctan2(y, x), "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 0.01
    assert abs(np.corrcoef(radius, np.arctan2(y, x))[0, 1]) < 4 / np.sqrt(len(data))
    others = [0, 3, 4, 5, 6]
    np.testing.assert_array_equal(data.fields["muons"][:, others], still[rows][:, others].astype(np.float32))


def test_smearing_is_off_unless_asked_for_and_the_same_in_every_run(tmp_path, muons):
    path = save(tmp_path / "mine.npy", muons[:400])
    asked = {"smear": (5, 0.8), "reference": 100}
    plain, first, again, other = (
        load_dataset("muon-files", path, options)
        for options in ({"reference": 100}, asked, asked, {**asked, "seed": 1})
    )
    assert first.sha256 == again.sha256
    assert load_dataset("muon-files", path, {"reference": 100, "smear": (0, 0)}).sha256 == plain.sha256
    moved = dict(zip(first.ids, first.fields["muons"], strict=True))
    fewer = load_dataset("muon-files", path, {**asked, "reference": 200, "most": 50})
    for name, muon in zip(fewer.ids, fewer.fields["muons"], strict=True):
        np.testing.assert_array_equal(muon, moved[name])  # whatever else is left out
    both = [name for name in other.ids if name in moved]
    assert not np.array_equal([moved[name] for name in both], other.fields["muons"][[other.ids.index(n) for n in both]])


def test_rareness_is_that_of_smeared_muons_among_smeared_ones(tmp_path, muons):
    point = muons[:500].copy()
    point[:, 1:3] = 0
    data = load_dataset("muon-files", save(tmp_path / "mine.npy", point), {"reference": 200, "smear": [5, 0.8]})
    # Among muons still at the origin the nearest neighbours in r would be 5 of the box's 15 cm away, 0.65 of its units.
    assert np.median(data.fields["rareness"][:, 0]) < 0.01


@pytest.mark.parametrize("smear", [[-5, 0.8], [5], [5, float("inf")], "much"])
def test_a_beam_of_no_width_that_could_be_is_refused(tmp_path, muons, smear):
    with pytest.raises(DataError, match="data set muon-files: options: smear"):
        load_dataset("muon-files", save(tmp_path / "mine.npy", muons[:400]), {"smear": smear})


def test_published_columns_are_not_smeared_twice(tmp_path, muons):
    path = save(tmp_path / "train.npy", np.hstack([muons[:50, :1], to_box(to_polar(muons[:50])), np.ones((50, 5))]))
    with pytest.raises(DataError, match=r"train\.npy: the published 12 columns are smeared already; leave smear out"):
        load_dataset("muon-files", path, {"smear": [5, 0.8]})


def test_a_folder_of_tables_is_one_set(tmp_path, muons):
    save(tmp_path / "a.npy", muons[:80])
    save(tmp_path / "b.npy", muons[80:160])
    data = load_dataset("muon-files", tmp_path, {"reference": 100, "most": 20})
    assert len(data) == 20
    assert {name[0] for name in data.ids} == {"a", "b"}


@pytest.mark.parametrize("kind", ["mktree", "mkrntuple"])
def test_a_root_tree_is_read_and_a_pdg_code_becomes_a_charge(tmp_path, muons, kind):
    uproot = pytest.importorskip("uproot", reason="reading .root needs uproot: pip install uproot")
    names = ("id", "x", "y", "z", "px", "py", "pz")
    columns = np.hstack([-13 * muons[:300, :1], muons[:300, 1:]])
    with uproot.recreate(tmp_path / "mine.root") as file:
        branches = dict(zip(names, columns.T, strict=True))
        getattr(file, kind)("muons", {name: column.dtype for name, column in branches.items()}).extend(branches)
    data = load_dataset("muon-files", tmp_path / "mine.root", {"reference": 100})
    rows = [int(name.removeprefix("mine-")) - 1 for name in data.ids]
    np.testing.assert_allclose(data.fields["muons"], muons[rows], rtol=1e-6)
    with uproot.recreate(tmp_path / "bare.root") as file:
        getattr(file, kind)("hits", {"x": np.float64}).extend({"x": np.arange(300.0)})
    with pytest.raises(DataError, match=r"bare\.root: a tree of muons has charge, .*, but lacks y, .*charge \(or id\)"):
        load_dataset("muon-files", tmp_path / "bare.root")


def test_a_mistake_of_ours_is_not_blamed_on_the_root_file(tmp_path, monkeypatch):
    uproot = pytest.importorskip("uproot", reason="reading .root needs uproot: pip install uproot")
    with uproot.recreate(tmp_path / "mine.root") as file:
        file.mktree("muons", {"x": np.float64}).extend({"x": np.arange(300.0)})
    reader = importlib.import_module("sparring.data.readers.muon_files")
    monkeypatch.setattr(reader, "COLUMNS", None)
    with pytest.raises(TypeError, match="not subscriptable"):
        reader.read(tmp_path / "mine.root", reader.Options())


def test_a_torn_root_file_is_refused(tmp_path):
    pytest.importorskip("uproot", reason="reading .root needs uproot: pip install uproot")
    (tmp_path / "mine.root").write_bytes(b"root and then nothing")
    reader = importlib.import_module("sparring.data.readers.muon_files")
    with pytest.raises(DataError, match=r"mine\.root: expected a \.root file with a tree"):
        reader.read(tmp_path / "mine.root", reader.Options())


def test_without_uproot_a_root_file_is_refused_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "mine.root").write_bytes(b"root")
    monkeypatch.setitem(sys.modules, "uproot", None)
    reader = importlib.import_module("sparring.data.readers.muon_files")
    with pytest.raises(DataError, match=r"mine\.root: \.root files need uproot; pip install uproot"):
        reader.read(tmp_path / "mine.root", reader.Options())


@pytest.mark.parametrize(
    ("table", "options", "complaint"),
    [
        (
            np.ones((50, 6)),
            {},
            r"mine\.npy: a table of muons has 7 columns .* or the published 12, but got .*\(50, 6\)",
        ),
        (np.ones((50, 7), dtype=complex), {}, r"but got shape \(50, 7\) of complex128"),
        (np.ones((105, 7)), {"reference": 100}, r"100 muons are set aside .* but got 105"),
        (np.full((300, 7), 0.5), {"reference": 100}, r"a muon's charge \(first column\) is -1 or 1, but got 0\.5"),
        (np.vstack([np.ones((300, 7)), np.full((1, 7), np.nan)]), {"reference": 100}, r"row 301 has charge=nan"),
        (np.full((50, 12), 40.0), {}, r"published rows lie within -1 and 1, but one has r=79"),
        (np.full((50, 12), np.inf), {}, r"published rows are finite, but 50 are not"),
    ],
)
def test_tables_that_are_no_muons_are_refused(tmp_path, table, options, complaint):
    with pytest.raises(DataError, match=complaint):
        load_dataset("muon-files", save(tmp_path / "mine.npy", table), options)


def test_files_that_are_no_tables_are_refused(tmp_path):
    (tmp_path / "torn.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"torn\.npy: expected a \.npy of plain numbers, but it cannot be read"):
        load_dataset("muon-files", tmp_path / "torn.npy")
    (tmp_path / "mine.txt").write_text("1 2 3")
    with pytest.raises(DataError, match=r"expected a \.npy table, a folder of them or a \.root file"):
        load_dataset("muon-files", tmp_path / "mine.txt")
    folder = tmp_path / "mixed"
    folder.mkdir()
    save(folder / "a.npy", np.ones((50, 7)))
    save(folder / "b.npy", np.ones((50, 12)))
    with pytest.raises(DataError, match=r"all tables need equally many columns, but got \{'a': 7, 'b': 12\}"):
        load_dataset("muon-files", folder)
