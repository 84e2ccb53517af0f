"""Tables in files of other programs: HDF5, ROOT trees, folders of Parquet; and the larger files of MedMNIST."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from sparring.data import load_dataset
from sparring.data.doubts import doubts
from sparring.errors import DataError

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=24), RNG.integers(0, 9, 24)


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset("table", path, options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def hdf5(tmp_path):
    h5py = pytest.importorskip("h5py", reason="HDF5 files need h5py: pip install h5py")
    with h5py.File(tmp_path / "t.h5", "w") as file:
        run = file.create_group("run/one")
        run["a"], run["b"] = A.astype(">f8"), B
        run["name"] = [f"s{row}" for row in range(24)]
        run["matrix"] = np.stack([A, B], axis=1)
        run["short"] = h5py.SoftLink("/run/one/a")
        file["records"] = np.rec.fromarrays([A, B], names="a,b")
        file["outside"] = h5py.ExternalLink("/etc/other.h5", "/a")
        file["grid"] = np.arange(3)
        file.create_dataset("huge", shape=(1 << 34,), chunks=(1 << 20,), dtype="f8")
    return tmp_path / "t.h5"


@pytest.mark.parametrize("place", ["run/one", "records", "run/one/matrix"])
def test_columns_of_hdf5_are_arrays_of_a_group_members_of_records_or_columns_of_an_array(hdf5, place):
    options = {"tree": place} | ({"id": "name"} if place == "run/one" else {})
    data = load_dataset("table", hdf5, options)
    np.testing.assert_allclose(data.fields["image"], np.stack([A, B], axis=1), rtol=1e-6)
    if place == "run/one":
        assert (data.ids[3], data.columns["image"]) == ("s3", ("a", "b"))


def test_what_hdf5_holds_beside_is_not_followed_and_not_read(hdf5):
    assert "group or an array, but at 'two' are: one" in refusal(hdf5, tree="run/two")
    assert "data.tree=outside must lead to a group or an array" in refusal(hdf5, tree="outside")
    assert "unfold to 137,438,953,472 bytes, as a bomb's do" in refusal(hdf5, tree="huge")
    assert "columns need equally many rows, but in / are: grid 3, huge" in refusal(hdf5)
    hdf5.write_bytes(hdf5.read_bytes()[:-400])
    assert "cannot be read as HDF5" in refusal(hdf5)


@pytest.mark.parametrize("kind", ["external", "virtual"])
def test_numbers_of_another_file_are_not_read_through_hdf5(tmp_path, kind):
    h5py = pytest.importorskip("h5py", reason="HDF5 files need h5py: pip install h5py")
    with h5py.File(tmp_path / "t.h5", "w") as file:
        if kind == "external":
            file.create_dataset("a", shape=(24, 2), dtype="f8", external=[(str(tmp_path / "secret"), 0, 24 * 16)])
        else:
            layout = h5py.VirtualLayout(shape=(24, 2), dtype="f8")
            layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "a", shape=(24, 2))
            file.create_virtual_dataset("a", layout)
    assert "/a must lie in the file, but leads out of it" in refusal(tmp_path / "t.h5", tree="a")


def test_hdf5_without_h5py_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "t.h5").write_bytes(b"")
    assert "HDF5 files need h5py; pip install h5py" in refusal(tmp_path / "t.h5")


@pytest.fixture
def root(tmp_path):
    uproot = pytest.importorskip("uproot")
    awkward = pytest.importorskip("awkward")
    with uproot.recreate(tmp_path / "t.root") as file:
        file["events"] = {
            "a": A, "b": B.astype(np.int32), "jets": awkward.Array([[1.0] * (row % 3) for row in range(24)])
        }  # fmt: skip
        file["other"] = {"c": A}
    return tmp_path / "t.root"


def test_a_tree_is_a_table_of_its_branches_of_one_number(root):
    data = load_dataset("table", root, {"tree": "events"})
    assert data.columns["image"][:2] == ("a", "b")
    np.testing.assert_allclose(data.fields["image"][:, :2], np.stack([A, B], axis=1), rtol=1e-6)
    assert "left out are" in doubts(data)[0]
    assert "jets" in doubts(data)[0]


def test_of_several_trees_one_must_be_named(root):
    assert "one tree must be named, but there are: events, other; use --set data.tree=events" in refusal(root)


def hive(folder: Path, *places: str) -> Path:
    for row, place in enumerate(places):
        (folder / place).mkdir(parents=True, exist_ok=True)
        rows = slice(12 * row, 12 * row + 12)
        parquet.write_table(arrow.table({"a": A[rows], "b": B[rows]}), folder / place / f"part-{row}.parquet")
    return folder


def test_folders_named_for_values_are_columns(tmp_path):
    folder = hive(tmp_path / "set", "part=train/year=2023", "part=test/year=2024")
    (folder / "_SUCCESS").write_text("")
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "torn.parquet").write_text("")
    data = load_dataset("table", folder, {"part": "part"})
    assert data.columns["image"] == ("a", "b", "year")
    assert data.parts == {"train": 12, "test": 12}
    np.testing.assert_allclose(data.fields["image"], np.stack([A, B, np.repeat([2023, 2024], 12)], axis=1), rtol=1e-6)


def test_folders_that_do_not_agree_are_refused(tmp_path):
    assert "folders of the same names, part, but" in refusal(hive(tmp_path / "one", "part=a", "year=3"))
    assert "column 'a' stands in the file and in a folder's name" in refusal(hive(tmp_path / "two", "a=1", "a=2"))
    (tmp_path / "none").mkdir()
    assert "expected .parquet files in this folder or below, but found none" in refusal(tmp_path / "none")


@pytest.mark.parametrize("side", [64, 224])
def test_a_larger_file_of_medmnist_is_images_in_the_published_parts(tmp_path, side):
    arrays = {}
    for part, rows in (("train", 10), ("val", 3), ("test", 2)):
        arrays[f"{part}_images"] = RNG.integers(0, 255, (rows, side, side, 3), dtype=np.uint8)
        arrays[f"{part}_labels"] = RNG.integers(0, 2, (rows, 1))
    np.savez(tmp_path / f"pathmnist_{side}.npz", **arrays)
    data = load_dataset("arrays", tmp_path / f"pathmnist_{side}.npz", {"side": 32})
    assert data.shapes == {"image": (3, 32, 32)}
    assert data.parts == {"train": 10, "valid": 3, "test": 2}
    whole = load_dataset("arrays", tmp_path / f"pathmnist_{side}.npz")
    np.testing.assert_array_equal(whole.fields["image"][11], arrays["val_images"][1].transpose(2, 0, 1))


def test_folders_of_classes_label_their_images(tmp_path):
    for place, count in (("a_train/cat", 9), ("a_train/dog", 7), ("a_test/dog", 2)):
        (tmp_path / place).mkdir(parents=True)
        for row in range(count):
            Image.fromarray(RNG.integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(tmp_path / place / f"{row}.png")
    data = load_dataset("image-folders", tmp_path, {"side": 8})
    assert data.labels == ("cat",) * 9 + ("dog",) * 9
    assert data.parts == {"train": 16, "test": 2}
