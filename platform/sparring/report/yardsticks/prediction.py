"""Yardsticks of a system that predicts one field from another.

Four of them, from scikit-learn with the settings the field quotes: the mean of the training rows, ridge regression, the
5 nearest neighbours and 100 extremely randomised trees (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from ...errors import DataError
from ...resources import available_cpus
from .rival import Rival, Task, library_call

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
    flat = {name: array.reshape(len(array), -1) for name, array in fields.items()}
    return [Rival(name=name, figures=partial(_figures, predict, flat, task)) for name, predict in _methods(task.seed)]


def _figures(predict: Predict, fields: Mapping[str, np.ndarray], task: Task) -> Mapping[str, float]:
    errors, shares = {}, []
    for metric, (source, target) in task.config.predictions.items():
        known, truth = fields[target][task.split.train], fields[target][task.split.valid].astype(np.float64)
        guess = predict(fields[source][task.split.train], known, fields[source][task.split.valid])
        variance = float(known.astype(np.float64).var(axis=0).mean())
        if not variance:
            raise DataError(f"{target} has the same values in all training rows, so nothing is to be predicted")
        errors[metric] = float(np.mean((guess - truth) ** 2))
        shares.append(errors[metric] / variance)
    return {SCORE: float(np.mean(shares)), **errors}


def _methods(seed: int) -> Iterator[tuple[str, Predict]]:
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
    yield "5 nearest neighbours", neighbours
    yield "100 extremely randomised trees", trees


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
