"""A model and a file that is not its own: columns by name, grids compared, folders read as training reads them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as arrow
import pytest
import torch
from pyarrow import csv

from sparring.data import load_dataset
from sparring.errors import DataError
from sparring.production import About, Loaded
from sparring.production.inference.commands import axes_of
from sparring.production.inference.samples import read_rows, read_spectra, read_structures

NAMES = tuple("abcdef")
VALUES = np.random.default_rng(0).normal(size=(40, 6)) * [1, 10, 100, 1, 5, 50]
ENERGY = 7100.0 + np.arange(8)


def loaded(dataset: str, path: Path, fields: tuple[str, ...], **more: Any) -> Loaded:
    """What the verbs see of a model that was trained on this file."""
    data = load_dataset(dataset, path)
    about = About(
        model="mlp_aae", dataset=dataset, data_path=str(path), split="80/20", sha256=data.sha256, version="",
        shapes={name: data.shapes[name] for name in fields}, columns=data.columns,
        axes={name: tuple(axis.tolist()) for name, axis in data.axes.items()}, **more,
    )  # fmt: skip
    model = cast("Any", SimpleNamespace(config=SimpleNamespace(fields=fields)))
    return Loaded(folder=path.parent, about=about, model=model, device=torch.device("cpu"))


def table(path: Path, names: tuple[str, ...], values: np.ndarray = VALUES) -> Path:
    csv.write_csv(arrow.table(dict(zip(names, values.T, strict=True))), path)
    return path


def test_columns_in_another_order_are_found_by_their_names(tmp_path):
    model = loaded("table", table(tmp_path / "own.csv", NAMES), ("image",))
    turned = table(tmp_path / "turned.csv", NAMES[::-1], VALUES[:, ::-1])
    more = table(tmp_path / "more.csv", ("z", *NAMES), np.c_[VALUES[:, :1], VALUES])
    for path in (turned, more):
        rows = read_rows(model, dataset="table", data_path=path)
        order = [int(name.removeprefix("row-")) - 1 for name in rows.ids]
        np.testing.assert_allclose(rows.fields["image"], VALUES[order], rtol=1e-6)


def test_a_column_of_another_name_is_refused(tmp_path):
    model = loaded("table", table(tmp_path / "own.csv", NAMES), ("image",))
    other = table(tmp_path / "other.csv", (*NAMES[:5], "g"), VALUES + 1)
    words = r"image: the model was trained on a column 'f', but there is none .*; columns that it does not know: g; "
    with pytest.raises(DataError, match=words):
        read_rows(model, dataset="table", data_path=other)


def pairs(path: Path, energy: np.ndarray) -> Path:
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.normal(size=(20, 3)), y=rng.normal(size=(20, 8)), energy=energy)
    return path


@pytest.mark.parametrize("energy", [7300 - np.arange(8.0), ENERGY[::-1].copy(), ENERGY + 0.5])
def test_spectra_on_another_grid_are_refused_with_both_ranges(tmp_path, energy):
    model = loaded("fe-xanes", pairs(tmp_path / "own.npz", ENERGY), ("structure", "spectrum"))
    words = f"spectrum: the model reads 8 points from 7100 to 7107, but got 8 from {energy[0]:g} to {energy[-1]:g}"
    with pytest.raises(DataError, match=words):
        read_rows(model, dataset="fe-xanes", data_path=pairs(tmp_path / "other.npz", energy))


def test_what_is_predicted_lies_where_the_model_learned(tmp_path):
    model = loaded("fe-xanes", pairs(tmp_path / "own.npz", ENERGY), ("structure", "spectrum"))
    rows = read_rows(model, dataset="fe-xanes", data_path=pairs(tmp_path / "rounded.npz", ENERGY + 0.004))
    np.testing.assert_array_equal(axes_of(model, rows)["spectrum"], ENERGY)


def test_a_folder_in_sub_folders_with_hidden_files_is_read_as_training_reads_it(tmp_path):
    place = tmp_path / "pairs"
    for kind in ("xyz", "xanes"):
        (place / kind).mkdir(parents=True)
    for row in range(12):
        (place / "xyz" / f"m{row:02d}.XYZ").write_text(f"2\n\nFe 0 0 0\nO 0 0 {1.9 + row / 100}\n")
        text = "\n".join(f"{energy} {np.cos(energy + row):.6f}" for energy in ENERGY)
        (place / "xanes" / f"m{row:02d}.txt").write_text("energy xanes\n" + text)
    (place / "xyz" / "._m00.XYZ").write_bytes(b"\0\5\26\7")
    model = loaded("fe-xanes", place, ("structure", "spectrum"))
    data = load_dataset("fe-xanes", place)
    for name, read in (("structure", read_structures), ("spectrum", read_spectra)):
        rows = read(model, place)
        assert rows.ids == data.ids
        np.testing.assert_allclose(rows.fields[name], data.fields[name], rtol=1e-6)
