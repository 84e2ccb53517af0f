"""Codes as a table: each sample's own, under its name and class; a map; and the way between two."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as parquet
import pytest

from sparring.data import load_dataset
from sparring.production import read_trained
from sparring.production.inference.codes import codes_of
from sparring.production.inference.samples import read_rows

pytestmark = pytest.mark.slow  # all together


def test_codes_stand_under_the_names_and_classes_of_their_samples(trained, tmp_path, run_verb):
    folder = trained("mlp_aae")
    assert run_verb("encode", folder, "--rows", 30, "-o", tmp_path / "c") == 0
    table = parquet.read_table(tmp_path / "c" / "codes.parquet")
    loaded = read_trained(folder)
    rows = read_rows(loaded, n=30)
    codes = codes_of(loaded, rows)["codes"]
    assert table["id"].to_pylist() == [*rows.ids]
    np.testing.assert_array_equal(np.stack([table[f"codes_{n + 1}"] for n in range(codes.shape[1])], axis=1), codes)
    data = load_dataset(loaded.about.dataset, options=loaded.about.data)
    assert table["label"].to_pylist() == [data.labels[data.ids.index(name)] for name in rows.ids]
    assert (tmp_path / "c" / "codes-map.png").is_file()


def test_the_way_between_two_samples_begins_and_ends_with_what_they_come_back_as(trained, tmp_path, run_verb, capsys):
    folder = trained("mlp_aae")
    loaded = read_trained(folder)
    rows = read_rows(loaded, n=5)
    asked = ("encode", folder, "--rows", 5, "-o", tmp_path / "c")
    assert run_verb(*asked, "--between", rows.ids[1], rows.ids[4], "--steps", 6) == 0
    back = loaded.model.reconstruct(rows.fields)["image"].numpy()
    with np.load(tmp_path / "c" / "between" / "between.npz") as way:
        np.testing.assert_allclose(way["image"][[0, 5]], back[[1, 4]], atol=1e-5)
    assert run_verb(*asked, "--between", rows.ids[1], "nobody") == 2
    assert "no sample 'nobody' among the 5 that are encoded" in capsys.readouterr().err


def test_each_field_of_an_aegan_has_a_code_and_a_gan_has_none(trained, tmp_path, run_verb, capsys):
    assert run_verb("encode", trained("aegan"), "--rows", 6, "-o", tmp_path / "a") == 0
    names = parquet.read_schema(tmp_path / "a" / "codes.parquet").names
    assert {"structure_1", "spectrum_1"} <= {*names}
    assert run_verb("encode", trained("auxgan"), "-o", tmp_path / "no") == 2
    assert "the model auxgan has no encoder" in capsys.readouterr().err
