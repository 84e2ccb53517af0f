"""How well trees tell generated muons from real ones: the figure of an epoch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from support.muon_figures import EPOCHS, SMALL

from sparring.data import load_dataset, split_rows
from sparring.data.physics.kinematics import to_box, to_polar
from sparring.errors import DataError, UsageError
from sparring.models import find_model
from sparring.models.metrics.classifier_auc import Detection
from sparring.models.metrics.two_sample import share_above
from sparring.records import Objective, Trial
from sparring.report.yardsticks import Task, measure
from sparring.study import prepare
from sparring.training.loop import TrialTraining


def told_apart(learn: tuple[Any, Any], score: tuple[Any, Any]) -> float:
    """The published figure by scikit-learn alone: first against second of both pairs."""
    trees = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_depth=4, early_stopping=False, random_state=0
    )
    trees.fit(np.concatenate(learn), np.repeat([1, 0], [len(each) for each in learn]))
    labels = np.repeat([1, 0], [len(each) for each in score])
    return float(roc_auc_score(labels, trees.predict_proba(np.concatenate(score))[:, 1]))


def test_shares_above_average_to_the_area_under_the_curve_ties_too():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 30, 500) / 30, rng.integers(0, 25, 400) / 30
    labels = np.repeat([1, 0], [500, 400])
    expected = roc_auc_score(labels, np.concatenate([first, second]))
    assert share_above(first, second).mean() == pytest.approx(expected, abs=1e-12)


def test_batches_add_up_to_what_scikit_learn_finds():
    rng = np.random.default_rng(1)
    real, known, generated = rng.normal(size=(700, 3)), rng.normal(size=(300, 3)), rng.normal(0.3, 1, size=(600, 3))
    detection = Detection(300)
    detection.fit(torch.tensor(known))
    a, b, c = (torch.tensor(each, dtype=torch.float32) for each in (real, known, generated))
    total = sum(float(detection.sums(part, b, c)["auc"]) for part in a.split(250))
    a, b, c = (each.numpy() for each in (a, b, c))
    assert total / 700 == pytest.approx(told_apart((b, c[:300]), (a, c[300:])), abs=1e-9)
    # Other rows, other trees: those of before would still be fooled where these are not.
    other = np.concatenate([c[:300] + 1, c[300:]])
    later = float(detection.sums(torch.tensor(a), torch.tensor(b), torch.tensor(other))["auc"])
    assert later / 700 == pytest.approx(told_apart((b, other[:300]), (a, other[300:])), abs=1e-9)
    assert later != total


def test_what_is_not_finite_has_no_figure_and_too_few_rows_no_trees():
    detection = Detection(100)
    rows = torch.zeros(40, 2)
    rows[3, 1] = torch.nan
    assert math.isnan(float(detection.sums(torch.zeros(5, 2), torch.zeros(20, 2), rows)["auc"]))
    with pytest.raises(DataError, match=r"auc_rows: trees learn from at least 20 training rows, but got 19"):
        detection.fit(torch.zeros(19, 2))


def solo(name: str, **fields: Any) -> TrialTraining:
    data = load_dataset("muons", options={"n": 500, "reference": 500})
    split = split_rows(len(data))
    parts = [
        {field: torch.from_numpy(data.fields[field][index]) for field in find_model(name).Config.fields}
        for index in (split.train, split.valid)
    ]
    config = find_model(name).Config(**SMALL[name], batch_size=50, epochs=EPOCHS, **fields)
    metric = "val/auc" if "auc_rows" in fields else "val/distance"
    return TrialTraining(
        find_model(name), config, *parts, trial=Trial(number=0, params={}, seed=2), objective=Objective(metric=metric)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_figure_of_an_epoch_is_the_trees_on_rows_that_nobody_learned_from(name):
    run = solo(name, auc_rows=400)
    figure = run.run_epoch().metrics["val/auc"]
    model: Any = run.model.eval()
    given, known = run.rows.valid, run.rows.train
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        if name == "aux_aae":
            scored, learned = (model.encode(rows, seed=0)["codes"].numpy() for rows in (given, known))
            drawn = torch.randn(800, 4, generator=generator).abs().numpy()
        else:
            drawn = to_box(to_polar(model.draw(800, generator=generator).numpy()))
            scored, learned = (to_box(to_polar(rows["muons"].numpy())) for rows in (given, known))
    # Trees only see the order within a column, but their bins' edges are rounded elsewhere in another frame.
    assert figure == pytest.approx(told_apart((learned, drawn[:400]), (scored, drawn[400:])), abs=0.02)


@pytest.mark.slow
def test_as_the_objective_it_says_which_weights_are_kept():
    run = solo("boost_vae", auc_rows=200, lr_gen=0.02)
    figures, states = [], []
    for _ in range(6):
        figures.append(run.run_epoch().metrics["val/auc"])
        states.append({key: tensor.clone() for key, tensor in run.model.state_dict().items()})
    best = int(np.argmin(figures))
    assert best < 5, "else the last weights would do as well"
    assert (run.best.epoch, run.best.value) == (best + 1, figures[best])
    assert all(tensor.equal(states[best][key]) for key, tensor in run.best.state.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_measuring_it_changes_nothing_else_and_is_off_by_default(name):
    on, off = solo(name, auc_rows=50), solo(name)
    for _ in range(2):
        with_figure, without = dict(on.run_epoch().metrics), off.run_epoch().metrics
        figures = ("val/auc",) if name == "aux_aae" else ("val/auc", "val/auc_rare10", "val/auc_rare1")
        assert all(with_figure.pop(figure) > 0 for figure in figures)
        assert with_figure == without


def test_as_an_objective_it_has_to_be_switched_on(tmp_path):
    with pytest.raises(UsageError, match=r"val/auc is measured only where auc_rows is set.*--set auc_rows"):
        prepare("boost_vae", objectives=["val/auc"], results=tmp_path)
    study = prepare("boost_vae", objectives=["val/auc"], settings=["auc_rows=100"], results=tmp_path)
    assert study.spec.objective.metric == "val/auc"
    assert study.spec.objective.goal == "minimize"


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_plain_methods_are_measured_by_it_too_where_it_is_on(name):
    data = load_dataset("muons", options={"n": 1500, "reference": 500})
    config = find_model(name).Config(**SMALL[name] | ({"aux_steps": 1} if name == "auxgan" else {}), auc_rows=600)
    fields = {field: data.fields[field] for field in config.fields}
    found, complaints = measure(Task(model=name, config=config, fields=fields, split=split_rows(len(data))))
    assert complaints == []
    figures = {each.name: each.figure("val/auc") for each in found}
    (floor,) = [figures[each.name] for each in found if each.is_floor]
    plain = figures["the values themselves" if name == "aux_aae" else "independent columns"]
    assert floor < 0.55 < plain
