"""Errors by column: the figures are scikit-learn's, the names those of the user's table, and the file has them all."""

from __future__ import annotations

import io

import numpy as np
import pandas
import pytest
from rich.console import Console
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from sparring.data import FieldCard
from sparring.production.inference.answers import Answered
from sparring.production.inference.column_errors import FILE, column_errors, print_errors, write_columns

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(40, 3)).astype(np.float32) * (1, 10, 0)
ANSWERS = TRUTH + RNG.normal(size=(40, 3)).astype(np.float32) / 5
NAMES = {"image": ("height", "width", "mass")}
CARDS = {"image": FieldCard(meaning="measurements", unit="cm")}


@pytest.fixture
def answered() -> Answered:
    grey = RNG.random((40, 1, 2, 2))
    return Answered(truths={"image": TRUTH, "grey": grey}, answers={"image": ANSWERS, "grey": grey})


def test_every_column_has_scikit_learns_figures(answered):
    found = column_errors(answered, names=NAMES, axes={}, cards=CARDS)
    assert [(each.field, each.column, each.unit) for each in found] == [
        ("image", "height", "cm"),
        ("image", "width", "cm"),
        ("image", "mass", "cm"),
    ]
    for name, figure in (("mse", mean_squared_error), ("mae", mean_absolute_error)):
        known = figure(TRUTH, ANSWERS, multioutput="raw_values")
        np.testing.assert_allclose([getattr(each, name) for each in found], known)
    known = r2_score(TRUTH[:, :2], ANSWERS[:, :2], multioutput="raw_values")
    np.testing.assert_allclose([each.r2 for each in found[:2]], known)
    assert np.isnan(found[2].r2), "nothing varies there"


@pytest.mark.parametrize(
    ("axes", "called"), [({"image": np.array([1.5, 2.0, 2.5])}, ["1.5", "2", "2.5"]), ({}, ["1", "2", "3"])]
)
def test_a_column_without_a_name_is_called_by_its_place(answered, axes, called):
    found = column_errors(answered, names={}, axes=axes, cards={})
    assert [each.column for each in found] == called
    assert {each.unit for each in found} == {"-"}


def test_the_console_shows_columns_that_have_names_and_the_file_all(answered, tmp_path):
    errors = column_errors(answered, names=NAMES, axes={}, cards=CARDS)
    write_columns(tmp_path, errors)
    table = pandas.read_parquet(tmp_path / FILE)
    assert list(table) == ["field", "column", "unit", "mse", "mae", "r2"]
    assert table["mae"].tolist() == [each.mae for each in errors]
    for named, shown in ((NAMES, ["height", "width", "mass"]), ({}, [])):
        console = Console(file=io.StringIO(), width=80)
        print_errors(console, answered, errors, named)
        lines = [line.split() for line in console.file.getvalue().splitlines()]
        assert [line[0] for line in lines if line[0] in NAMES["image"]] == shown
        assert [line[:2] for line in lines if line[0] in ("image", "grey")] == [["image", "cm"], ["grey", "-"]]
    write_columns(tmp_path / "nowhere", [])
    assert not (tmp_path / "nowhere").exists()
