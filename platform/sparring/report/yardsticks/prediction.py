"""Yardsticks of a system that predicts one field from another.

Four of them, from scikit-learn with the settings the field quotes: the mean of the training rows, ridge regression, the
5 nearest neighbours and 100 extremely randomised trees (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch

from ...errors import DataError
from ...ledger.looks import test_name
from ...records import Interval
from ...resources import available_cpus
from ...study.intervals import blocks_of
from ...study.row_intervals import resample
from .rival import Figures, Rival, Task, library_call

SCORE = "val/score"
"""Mean over the predictions of MSE / variance of the target on the training rows; predicting the mean gets about 1."""

MAX_ROWS = 10_000
"""Most training rows for neighbours and trees, drawn with the seed; 10,000 x 49 -> 226 takes about a minute on two
cores."""

Predict = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(training inputs, training targets, inputs) -> predictions."""


def rivals(task: Task) -> Sequence[Rival]:
    """Four methods, each fitted anew for every prediction and scored by ``val/score`` and the errors in raw units.

    Arrays are flattened to (n, d) float32. Standardisation uses the training rows only.
    """
    names = {name for pair in task.config.predictions.values() for name in pair}
    fields = {name: np.asarray(task.fields[name], dtype=np.float32) for name in names}
    few = f", {MAX_ROWS:,} rows" if len(task.split.train) > MAX_ROWS else ""
    flat = {name: array.reshape(len(array), -1) for name, array in fields.items()}
    return [
        Rival(name=name, figures=partial(_figures, predict, flat, task)) for name, predict in _methods(task.seed, few)
    ]


def _figures(predict: Predict, fields: Mapping[str, np.ndarray], task: Task) -> Figures:
    train, valid = task.split.train, task.split.valid
    tested = task.split.test if task.tests else valid[:0]
    rows = np.concatenate([valid, tested])
    errors: dict[str, np.ndarray] = {}
    variances = {}
    for metric, (source, target) in task.config.predictions.items():
        known, truth = fields[target][train], fields[target][rows].astype(np.float64)
        guess = predict(fields[source][train], known, fields[source][rows])
        variances[metric] = float(known.astype(np.float64).var(axis=0).mean())
        if not variances[metric]:
            raise DataError(f"{target} has the same values in all training rows, so nothing is to be predicted")
        errors[metric] = np.mean((guess - truth) ** 2, axis=1)
    means = {metric: float(np.mean(each[: len(valid)])) for metric, each in errors.items()}
    found: dict[str, float | Interval] = {**_with_score(means, variances)}
    if task.tests:
        own = {metric: torch.from_numpy(each[len(valid) :]) for metric, each in errors.items()}
        blocks = blocks_of(np.arange(len(tested)))
        sums = {metric: torch.stack([each[block].sum() for block in blocks]) for metric, each in own.items()}
        sums["n"] = torch.tensor([float(len(block)) for block in blocks], dtype=torch.float64)

        def figures(sums: Mapping[str, torch.Tensor]) -> dict[str, float]:
            return _with_score({metric: float(sums[metric] / sums["n"]) for metric in errors}, variances)

        found |= {test_name(name): figure for name, figure in resample(sums, figures).items()}
    return found


def _with_score(errors: Mapping[str, float], variances: Mapping[str, float]) -> dict[str, float]:
    return {SCORE: float(np.mean([error / variances[metric] for metric, error in errors.items()])), **errors}


def _methods(seed: int, few: str) -> Iterator[tuple[str, Predict]]:
    """By name. few: what is added to the names of those that learn from fewer rows than the winner."""
    # scikit-learn costs 0.7 s to import; the report pays it only when it measures.
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def mean(x: np.ndarray, y: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        return np.broadcast_to(y.mean(axis=0, dtype=np.float64), (len(inputs), y.shape[1]))

    def ridge(x: np.ndarray, y: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        # Double precision: neighbouring points of a spectrum are nearly collinear (condition number above 1e5).
        x, y, inputs = (rows.astype(np.float64) for rows in (x, y, inputs))
        return _fit_and_predict(make_pipeline(StandardScaler(), Ridge(alpha=1.0)), x, y, inputs)

    def neighbours(x: np.ndarray, y: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        x, y = thin(x, y, seed)
        search = KNeighborsRegressor(n_neighbors=min(5, len(x)), algorithm="brute")
        return _fit_and_predict(make_pipeline(StandardScaler(), search), x, y, inputs)

    def trees(x: np.ndarray, y: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        x, y = thin(x, y, seed)
        forest = ExtraTreesRegressor(n_estimators=100, random_state=seed, n_jobs=available_cpus())
        return _fit_and_predict(forest, x, y, inputs)

    yield "mean", mean
    yield "ridge", ridge
    yield f"5 nearest neighbours{few}", neighbours
    yield f"100 extremely randomised trees{few}", trees


class _Regressor(Protocol):
    """What scikit-learn calls one."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> object: ...
    def predict(self, X: np.ndarray) -> np.ndarray: ...


def _fit_and_predict(method: _Regressor, x: np.ndarray, y: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Predictions (len(inputs), columns of y); raises DataError where scikit-learn refuses the data."""
    with library_call():
        method.fit(x, y)
        return method.predict(inputs).reshape(len(inputs), -1)


def thin(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same ``MAX_ROWS`` rows of both, drawn with the seed; all where there are no more."""
    if len(x) <= MAX_ROWS:
        return x, y
    rows = np.sort(np.random.default_rng(seed).choice(len(x), MAX_ROWS, replace=False))
    return x[rows], y[rows]
