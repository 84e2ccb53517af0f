"""Yardsticks on the test rows: as on validation rows, had these been the same, and learnt from training rows alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.systems import small, space_of

from sparring.data import load_dataset, split_rows
from sparring.models import find_config
from sparring.report.yardsticks import Task, measure, prediction
from sparring.study.intervals import difference

SETS = {"aegan": {"n": 200}, "mlp_aae": {}, "aux_aae": {"n": 900}, "boost_vae": {"n": 900}}


def given(name, **changes):
    shown = space_of(name)
    data = load_dataset(shown.dataset, None, {**shown.data, **SETS[name]})
    values = {**small(name), **changes}
    split = split_rows(len(data), "75/15/10")
    return Task(model=name, config=find_config(name)(**values), fields=data.fields, split=split, tests=True)


def measured(task):
    found, complaints = measure(task)
    assert complaints == []
    return {each.name: each for each in found}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aegan", "mlp_aae", "aux_aae"])
def test_a_method_scores_on_test_rows_as_it_would_were_they_the_validation_rows(name):
    task = given(name)
    split = SimpleNamespace(train=task.split.train, valid=task.split.test, test=task.split.valid[:0])
    found, expected = measured(task), measured(replace(task, split=split, tests=False))
    for method, each in expected.items():
        assert each.test == {}
        values = {metric.replace("test/", "val/"): figure.value for metric, figure in found[method].test.items()}
        assert values == pytest.approx(each.figures, rel=1e-5, abs=1e-7)
        for figure in found[method].test.values():
            assert figure.low <= figure.value <= figure.high


@pytest.mark.slow
def test_a_generator_s_methods_are_compared_with_test_rows_by_as_many_draws():
    task = given("boost_vae", auc_rows=100)
    split = SimpleNamespace(train=task.split.train, valid=task.split.test, test=task.split.valid[:0])
    found, expected = measured(task), measured(replace(task, split=split, tests=False))
    for method, each in expected.items():
        rare = {f"test/{figure}_rare{share}" for figure in ("distance", "auc") for share in (10, 1)}
        assert set(found[method].test) == {"test/distance", "test/auc"} | rare
        for figure in ("auc", "auc_rare10", "auc_rare1"):
            assert found[method].test[f"test/{figure}"].value == pytest.approx(each.figures[f"val/{figure}"], abs=1e-9)
        distance = found[method].test["test/distance"]
        assert distance.value == pytest.approx(each.figures["val/distance"], abs=1e-5)
        assert distance.low <= distance.value <= distance.high
    worst, floor = found["independent columns"].test, found["floor: training rows, drawn again"].test
    assert difference(floor["test/distance"], worst["test/distance"]).high < 0


def test_rows_that_a_method_does_not_learn_from_are_said(monkeypatch):
    task = replace(given("aegan"), tests=False)
    assert [rival.name for rival in prediction.rivals(task)][2:] == [
        "5 nearest neighbours", "100 extremely randomised trees",
    ]  # fmt: skip
    monkeypatch.setattr(prediction, "MAX_ROWS", 100)
    assert [rival.name for rival in prediction.rivals(task)] == [
        "mean", "ridge", "5 nearest neighbours, 100 rows", "100 extremely randomised trees, 100 rows",
    ]  # fmt: skip
    assert len(prediction.thin(np.zeros((150, 2)), np.zeros((150, 1)), 0)[0]) == 100
