"""A model in production in somebody's program: by arrays, by tables, by the command line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import sparring
from sparring.errors import DataError, UnknownName, UsageError
from sparring.production.handover import streaming
from sparring.production.handover.manifest import seal
from sparring.production.registry import Registry


@pytest.fixture(scope="module")
def models(original, tmp_path_factory) -> Path:
    """Two versions of an AEGAN, which are the same, and an AuxAAE; the second is current."""
    place = tmp_path_factory.mktemp("models")
    registry = Registry(address=str(place))
    for name in ("aegan", "aegan", "aux_aae"):
        files = {path.name: path.read_bytes() for path in original(name).iterdir()}
        registry.promote(name, lambda version, name=name, files=files: seal(name, version, files),
                         seen=registry.current(name))  # fmt: skip
    return place


@pytest.fixture(scope="module")
def rows(candidate) -> dict[str, np.ndarray]:
    return {name: values.numpy() for name, values in candidate("aegan").probe(12).items()}


def table_of(rows, name):
    return {f"{name}_{number}": rows[name][:, number] for number in range(rows[name].shape[1])}


def test_the_current_version_answers_as_the_trained_model_does(models, rows, candidate):
    model = sparring.load(str(models / "aegan"))
    assert (model.name, model.version) == ("aegan", 2)
    answer = model.predict({"structure": rows["structure"]})
    known = candidate("aegan").source.able("predict").predict(candidate("aegan").probe(12))
    np.testing.assert_allclose(answer["spectrum"], known["spectrum"].numpy(), rtol=1e-5, atol=1e-6)
    assert answer["spectrum"].dtype == np.float32
    assert (answer.model, answer.version) == ("aegan", 2)
    assert answer.fields["spectrum"].unit == "1/Å^2"
    assert len(answer.fields["spectrum"].axis.values) == answer["spectrum"].shape[1] == 226
    assert answer.values.keys() == {"spectrum"}


def test_a_version_is_had_by_its_number_or_its_folder(models):
    assert sparring.load(str(models / "aegan"), 1).version == 1
    assert sparring.load(f"{models}/aegan/1/").version == 1


def test_a_bundle_without_a_registry_is_checked_against_its_manifest(models, tmp_path):
    alone = shutil.copytree(models / "aegan" / "2", tmp_path / "alone")
    assert sparring.load(str(alone)).version == 2
    (alone / "config.json").write_text("{}")
    with pytest.raises(DataError, match=r"config.json: must have"):
        sparring.load(str(alone))


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.table])
def test_columns_are_found_by_their_names_in_any_order(kind, models, rows):
    model = sparring.load(str(models / "aegan"))
    columns = table_of(rows, "structure")
    turned = kind(dict(reversed(columns.items())))
    expected = model.predict({"structure": rows["structure"]})
    assert np.array_equal(model.predict(turned)["spectrum"], expected["spectrum"])
    with pytest.raises(DataError, match="structure has 49 columns, but 'structure_0' is not there"):
        model.predict(kind({name: values for name, values in columns.items() if name != "structure_0"}))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "predict: wants structure or spectrum, but got nothing"),
        ({"energy": [1.0]}, "predict: no field 'energy'; there are: structure, spectrum"),
        ({"structure": np.zeros((2, 48))}, r"structure: wants the shape \(rows, 49\), but got \(2, 48\)"),
        ({"structure": np.zeros(49)}, "give one sample as a row of its own"),
        ({"structure": np.zeros((0, 49))}, "wants 1 to 100,000 rows in one call, but got 0"),
        ({"structure": np.full((2, 49), "1")}, "structure: wants numbers, but got <U1"),
        ({"structure": [[1.0] * 48 + [np.nan]]}, "row 1 has nan in structure_48; correct or remove it"),
        ([[1.0]], r"wants arrays by field, such as \{'structure': array\}, or a table, but got list"),
    ],
)
def test_what_the_model_cannot_read_is_refused_in_one_sentence(given, words, models):
    with pytest.raises(DataError, match=words) as refusal:
        sparring.load(str(models / "aegan")).predict(given)
    assert "\n" not in str(refusal.value)


def test_another_grid_is_refused(models, rows):
    model = sparring.load(str(models / "aegan"))
    grid = np.array(model.schema.field("spectrum").axis.values)
    given = {"spectrum": rows["spectrum"]}
    model.predict(given, axes={"spectrum": grid})
    with pytest.raises(DataError, match=r"the model reads 226 points from 2 to 10 .* but got 226 from 3 to 11"):
        model.predict(given, axes={"spectrum": grid + 1})


def test_every_verb_of_the_system_answers_and_no_other(models, candidate):
    model = sparring.load(str(models / "aux_aae"))
    assert set(model.schema.verbs) == {"reconstruct", "sample", "encode"}
    drawn = model.sample(5, seed=3)
    (name,) = drawn.values
    assert len(drawn[name]) == 5
    assert np.array_equal(drawn[name], model.sample(5, seed=3)[name])
    given = {field: values.numpy() for field, values in candidate("aux_aae").probe(5).items()}
    assert model.reconstruct(given)[name].shape == drawn[name].shape
    assert {"codes", "draws"} <= model.encode(given, seed=1).values.keys()
    with pytest.raises(UsageError, match="predict: aux_aae cannot; it can reconstruct, sample, encode"):
        model.predict(given)
    with pytest.raises(DataError, match="from 1 to 100,000, but got 0"):
        model.sample(0)


@pytest.mark.slow
def test_the_verbs_of_the_command_line_take_a_model_in_production(models, tmp_path, monkeypatch, run_verb, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(models.rglob("*"))
    assert run_verb("predict", models / "aegan", "--rows", "3") == 0
    assert "aegan-2/predictions" in capsys.readouterr().out
    assert (tmp_path / "aegan-2" / "predictions" / "predictions.npz").is_file()
    assert run_verb("sample", models / "aux_aae" / "1", "-n", "3", "-o", tmp_path / "drawn") == 0
    assert sorted(models.rglob("*")) == before, "nothing is written beside a bundle"


def parquet(path, columns):
    pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=100)
    return path


def test_a_file_of_any_length_is_answered_in_parts(models, rows, tmp_path, monkeypatch, run_verb, capsys):
    monkeypatch.setattr(streaming, "ROWS", 64)
    many = {"structure": np.tile(rows["structure"], (25, 1))}
    source = parquet(tmp_path / "rows.parquet", {**table_of(many, "structure"), "id": np.arange(300)})
    out = tmp_path / "answers.parquet"
    assert run_verb("predict", models / "aegan", "--input", source, "--keep", "id", "-o", out) == 0
    assert f"Predictions of 300 rows by aegan version 2: {out}" in " ".join(capsys.readouterr().out.split())
    table = pyarrow.parquet.read_table(out)
    assert table["id"].to_pylist() == list(range(300))
    expected = sparring.load(str(models / "aegan")).predict(many)["spectrum"]
    found = np.stack([table[f"spectrum_{number}"].to_numpy() for number in range(226)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.parquet", "rows.parquet"]


def test_a_file_with_a_bad_row_says_where_and_leaves_the_old_answers(
    models, rows, tmp_path, monkeypatch, run_verb, capsys
):
    monkeypatch.setattr(streaming, "ROWS", 5)
    columns = table_of(rows, "structure")
    columns["structure_3"] = columns["structure_3"].copy()
    columns["structure_3"][7] = np.nan
    out = tmp_path / "answers.parquet"
    out.write_text("old")
    source = parquet(tmp_path / "rows.parquet", columns)
    assert run_verb("predict", models / "aegan", "--input", source, "-o", out) == 2
    assert "rows 6 to 10: structure: values must be finite" in capsys.readouterr().err
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.parquet", "rows.parquet"]


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        (lambda columns: columns | {"id": columns["structure_0"]}, [], "no column 'id'"),
        (lambda columns: columns, ["--keep", "id"], "has no column 'id'; leave it out"),
        (lambda columns: {name: values[:0] for name, values in columns.items()}, [], "holds no row"),
        (lambda columns: columns, ["--rows", "3"], "so leave out --rows"),
    ],
)
def test_a_file_that_cannot_be_answered_is_refused(change, more, words, models, rows, tmp_path, run_verb, capsys):
    source = parquet(tmp_path / "rows.parquet", change(table_of(rows, "structure")))
    assert run_verb("predict", models / "aegan", "--input", source, "-o", tmp_path / "out.parquet", *more) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out.parquet").exists()


def test_a_file_that_is_no_parquet_or_a_model_that_is_not_in_production_is_refused(
    models, original, tmp_path, run_verb, capsys
):
    (tmp_path / "rows.parquet").write_text("a,b")
    into = ["-o", tmp_path / "out.parquet"]
    assert run_verb("predict", models / "aegan", "--input", tmp_path / "rows.parquet", *into) == 2
    assert "must be Parquet" in capsys.readouterr().err
    assert run_verb("predict", models / "aegan", "--input", tmp_path / "rows.parquet") == 2
    assert "wants -o OUT.parquet" in capsys.readouterr().err
    assert run_verb("predict", tmp_path, "--input", tmp_path / "rows.parquet", *into) == 2
    assert "wants a model in production" in capsys.readouterr().err


def test_a_damaged_model_in_production_answers_nothing(models, tmp_path, run_verb, capsys):
    copied = shutil.copytree(models, tmp_path / "models")
    weights = copied / "aegan" / "2" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert run_verb("predict", copied / "aegan", "--rows", "3") == 2
    assert "model.safetensors: must have the SHA-256 that was written down with it, but" in capsys.readouterr().err


def test_what_is_not_there_is_told_with_what_is(models):
    with pytest.raises(UnknownName, match=r"no model in production at .*/auxgan; there are: .*/aegan, .*/aux_aae"):
        sparring.load(str(models / "auxgan"))
    with pytest.raises(UnknownName, match=r"aegan: no version 9 at .*; there are: 1, 2"):
        sparring.load(str(models / "aegan"), 9)


def test_sparring_itself_is_imported_without_anything_else():
    code = "import sys, sparring; print({'torch', 'numpy', 'pydantic'} & set(sys.modules), callable(sparring.load))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() True"
