"""docs/recipes/ray_data.py: a folder of Parquet answered on a Ray cluster as ``sparring predict`` answers its rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from support.promoted import candidate_of, searched, staged
from support.served import put

from sparring.production.handover.bundle import read_files
from sparring.production.registry import Registry

FILES, ROWS = 3, 200


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a model in ``production`` and ``rows`` for it: three files and one without a row."""
    place = tmp_path_factory.mktemp("batches")
    candidate = candidate_of(searched(place, "aegan"))
    put(Registry(address=str(place / "production")), "aegan", read_files(staged(candidate, place / "bundle")))
    structures = candidate.probe(FILES * ROWS)["structure"].numpy()
    columns = {f"structure_{number}": structures[:, number] for number in range(structures.shape[1])}
    table = pa.table({**columns, "id": [f"row-{number:03d}" for number in range(len(structures))]})
    (place / "rows").mkdir()
    for number in range(FILES):
        write(table.slice(number * ROWS, ROWS), place / "rows" / f"{number}.parquet")
    write(table.slice(0, 0), place / "rows" / "none.parquet")
    write(table, place / "rows.parquet")
    return place


def write(table: pa.Table, path: Path) -> None:
    pyarrow.parquet.write_table(table, path)


@pytest.fixture(scope="module")
def recipe(ray_cluster, checkout, place):
    """Runs the recipe with these words on the test's cluster, from the folder that holds the model."""
    environment = os.environ | {"RAY_ADDRESS": ray_cluster.address_info["address"]}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(checkout / "docs" / "recipes" / "ray_data.py"), *words]
        return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.slow
def test_a_folder_is_answered_as_predict_answers_its_rows(recipe, place, run_verb):
    done = recipe("production/aegan", "rows", "answers", "--keep", "id", "--models", "1")
    assert done.returncode == 0, done.stderr[-3000:]
    words = ("--input", place / "rows.parquet", "--keep", "id", "-o", place / "one.parquet")
    assert run_verb("predict", place / "production" / "aegan", *words) == 0
    found, expected = (pyarrow.parquet.read_table(place / name).sort_by("id") for name in ("answers", "one.parquet"))
    assert set(found.column_names) == set(expected.column_names)
    assert found["id"].to_pylist() == expected["id"].to_pylist()
    for name in expected.column_names[1:]:
        # The rows reach the net in other company, which moves the last digits.
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)

    again = recipe("production/aegan", "rows", "answers", "--keep", "id")
    assert again.returncode != 0
    assert "answers already exists" in again.stderr


@pytest.mark.slow
def test_a_row_that_the_model_cannot_read_ends_it_with_the_model_s_own_sentence(recipe, place):
    broken = pyarrow.parquet.read_table(place / "rows" / "1.parquet")
    values = broken["structure_3"].to_numpy().copy()
    values[7] = np.nan
    (place / "broken").mkdir()
    write(broken.set_column(3, "structure_3", pa.array(values)), place / "broken" / "1.parquet")
    done = recipe("production/aegan", "broken", "half", "--keep", "id", "--models", "1")
    assert done.returncode != 0
    assert "row 8 has nan in structure_3; correct or remove it" in done.stderr
    assert not list(place.glob("half/*.parquet"))


def test_a_column_to_keep_that_is_not_there_is_told(recipe):
    done = recipe("production/aegan", "rows", "never", "--keep", "name")
    assert done.returncode == 2
    assert "--keep: rows has no column 'name'" in done.stderr
