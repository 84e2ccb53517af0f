"""The yardsticks against closed forms written out in numpy."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from sparring.report.yardsticks import Task, measure, prediction

PREDICTIONS = {
    "val/mse_predict_structure": ("spectrum", "structure"),
    "val/mse_predict_spectrum": ("structure", "spectrum"),
}


@pytest.fixture(scope="module")
def fields():
    draw = np.random.default_rng(1)
    structure = draw.normal(size=(300, 6)) * [1, 2, 3, 4, 5, 0] + 7  # the last column never moves
    spectrum = np.tanh(structure @ draw.normal(size=(6, 11)) / 4) + 0.1 * draw.normal(size=(300, 11))
    return {"structure": structure.astype(np.float32), "spectrum": spectrum.astype(np.float32)}


@pytest.fixture(scope="module")
def split():
    rows = np.random.default_rng(2).permutation(300)
    return SimpleNamespace(train=rows[:220], valid=rows[220:280], test=rows[280:])


@pytest.fixture(scope="module")
def measured(fields, split):
    return predicted(fields, split)


def predicted(fields, split):
    config = SimpleNamespace(yardsticks="prediction", predictions=PREDICTIONS)
    found, complaints = measure(Task(model="aegan", config=config, fields=fields, split=split))
    assert complaints == []
    return {each.name: each for each in found}


def pair(fields, split, source, target):
    x, y = fields[source].astype(float), fields[target].astype(float)
    return x[split.train], y[split.train], x[split.valid], y[split.valid]


def standardise(known, new):
    scale = known.std(axis=0)
    scale[scale == 0] = 1
    return (known - known.mean(axis=0)) / scale, (new - known.mean(axis=0)) / scale


def test_the_mean_scores_its_variance_on_the_validation_rows(fields, split, measured):
    shares = []
    for source, target in PREDICTIONS.values():
        _, known, _, truth = pair(fields, split, source, target)
        shares.append(((truth - known.mean(axis=0)) ** 2).mean() / known.var(axis=0).mean())
    assert measured["mean"].figures["val/score"] == pytest.approx(np.mean(shares), rel=1e-5)
    assert measured["mean"].figures["val/score"] == pytest.approx(1.0, abs=0.15)


def test_ridge_solves_the_normal_equations(fields, split, measured):
    for metric, (source, target) in PREDICTIONS.items():
        x, y, new, truth = pair(fields, split, source, target)
        x, new = standardise(x, new)
        weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ (y - y.mean(axis=0)))
        error = ((new @ weights + y.mean(axis=0) - truth) ** 2).mean()
        assert measured["ridge"].figures[metric] == pytest.approx(error, rel=1e-5)


def test_neighbours_are_the_five_closest_standardised_rows(fields, split, measured):
    for metric, (source, target) in PREDICTIONS.items():
        x, y, new, truth = pair(fields, split, source, target)
        x, new = standardise(x, new)
        closest = np.argsort(((new[:, None] - x[None]) ** 2).sum(axis=-1), axis=1)[:, :5]
        error = ((y[closest].mean(axis=1) - truth) ** 2).mean()
        assert measured["5 nearest neighbours"].figures[metric] == pytest.approx(error, rel=1e-4)


def test_trees_reach_what_their_own_average_reaches(fields, split, measured):
    # Independent of the ensemble: 100 single extra trees, averaged here.
    from sklearn.tree import ExtraTreeRegressor

    x, y, new, truth = pair(fields, split, "structure", "spectrum")
    guess = np.mean([ExtraTreeRegressor(random_state=seed).fit(x, y).predict(new) for seed in range(100)], axis=0)
    error = ((guess - truth) ** 2).mean()
    trees = measured["100 extremely randomised trees"]
    assert trees.figures["val/mse_predict_spectrum"] == pytest.approx(error, rel=0.1)


def test_the_score_is_the_mean_share_of_the_targets_variance(fields, split, measured):
    for each in measured.values():
        shares = [
            each.figures[metric] / fields[target][split.train].astype(float).var(axis=0).mean()
            for metric, (_, target) in PREDICTIONS.items()
        ]
        assert each.figures["val/score"] == pytest.approx(np.mean(shares), rel=1e-6)
        assert each.figure("val/score") == each.figures["val/score"]
        assert each.figure("val/mse_predict_spectrum") == each.figures["val/mse_predict_spectrum"]
        assert each.figure("val/mse_recon_spectrum") is None


def test_the_test_rows_change_nothing(fields, split, measured):
    spoilt = {name: array.copy() for name, array in fields.items()}
    for array in spoilt.values():
        array[split.test] = np.nan
    assert {name: each.figures["val/score"] for name, each in predicted(spoilt, split).items()} == {
        name: each.figures["val/score"] for name, each in measured.items()
    }


def test_large_sets_are_thinned_for_neighbours_and_trees_only(fields, split, measured, monkeypatch):
    monkeypatch.setattr(prediction, "MAX_ROWS", 40)
    thinned = predicted(fields, split)
    assert thinned["ridge"].figures == measured["ridge"].figures
    for name in ("5 nearest neighbours", "100 extremely randomised trees"):
        assert thinned[f"{name}, 40 rows"].figures["val/score"] > measured[name].figures["val/score"]


def task_of(fields, split):
    """To predict the spectrum from the structure, and nothing else."""
    predictions = {"val/mse_predict_spectrum": ("structure", "spectrum")}
    config = SimpleNamespace(yardsticks="prediction", predictions=predictions)
    return Task(model="aegan", config=config, fields=fields, split=split)


def test_what_a_library_refuses_is_a_sentence_and_the_other_methods_go_on(fields, split):
    infinite = dict(fields, structure=np.where(fields["structure"] == fields["structure"][split.train[0]], np.inf, 0))
    yardsticks, complaints = measure(task_of(infinite, split))
    assert [each.name for each in yardsticks] == ["mean"]
    assert len(complaints) == 3
    assert all(re.match(r"no yardstick .*: Input X contains infinity", sentence) for sentence in complaints)


def test_a_target_that_never_varies_is_named(fields, split):
    still = dict(fields, spectrum=np.ones((300, 2), dtype=np.float32))
    yardsticks, complaints = measure(task_of(still, split))
    assert yardsticks == []
    assert complaints[0] == (
        "no yardstick mean: spectrum has the same values in all training rows, so nothing is to be predicted"
    )


@pytest.mark.parametrize("error", [ValueError("shapes (3,2) and (3,2) not aligned"), RuntimeError("size mismatch")])
def test_a_mistake_of_ours_surfaces(fields, split, monkeypatch, error):
    def wrong(*_: object) -> None:
        raise error

    monkeypatch.setattr(prediction, "thin", wrong)
    with pytest.raises(type(error), match=str(error)[:5]):
        predicted(fields, split)


def test_no_memory_for_torch_is_a_sentence(fields, split, monkeypatch):
    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(prediction, "thin", full)
    yardsticks, complaints = measure(task_of(fields, split))
    assert [each.name for each in yardsticks] == ["mean", "ridge"]
    assert all("can't allocate memory" in sentence for sentence in complaints)
