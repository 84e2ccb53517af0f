"""Yardsticks of a system that predicts one field from another.

Four of them, from scikit-learn with the settings the field quotes: the mean of the training rows, ridge regression, the
5 nearest neighbours and 100 extremely randomised trees (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...resources import available_cpus
from .rival import Rival, Task

SCORE = "val/score"
"""The mean over the predictions of MSE / variance of the target on the training rows; 1.0 is about the mean."""

MAX_ROWS = 10_000
"""Neighbours and trees are fitted on at most so many training rows, drawn with the seed; 10,000 x 49 -> 226 stays
within about a minute on two cores."""

Predict = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]]
"""(training inputs, training targets, inputs) -> predictions."""


def rivals(task: Task) -> Sequence[Rival]:
    """Each is fitted anew for every prediction of the system, and scored by ``val/score`` and the errors in raw units.

    Arrays are flattened to (n, d) float32. Standardisation uses the training rows only.
    """
    names = {name for pair in task.config.predictions.values() for name in pair}
    fields = {name: np.asarray(task.fields[name], dtype=np.float32) for name in names}
    flat = {name: array.reshape(len(array), -1) for name, array in fields.items()}
    return [Rival(name=name, figures=partial(_figures, predict, flat, task)) for name, predict in _methods(task.seed)]


def _figures(predict: Predict, fields: Mapping[str, NDArray[Any]], task: Task) -> Mapping[str, float]:
    errors, shares = {}, []
    for metric, (source, target) in task.config.predictions.items():
        known, truth = fields[target][task.split.train], fields[target][task.split.valid].astype(np.float64)
        guess = predict(fields[source][task.split.train], known, fields[source][task.split.valid])
        errors[metric] = float(np.mean((guess - truth) ** 2))
        shares.append(errors[metric] / float(known.astype(np.float64).var(axis=0).mean()))
    return {SCORE: float(np.mean(shares)), **errors}


def _methods(seed: int) -> Iterator[tuple[str, Predict]]:
    # scikit-learn costs 0.7 s to import; the report pays it only when it measures.
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def mean(x: NDArray[Any], y: NDArray[Any], inputs: NDArray[Any]) -> NDArray[Any]:
        return np.broadcast_to(y.mean(axis=0, dtype=np.float64), (len(inputs), y.shape[1]))

    def ridge(x: NDArray[Any], y: NDArray[Any], inputs: NDArray[Any]) -> NDArray[Any]:
        # Double precision: neighbouring points of a spectrum are nearly collinear (condition number above 1e5).
        fitted = make_pipeline(StandardScaler(), Ridge(alpha=1.0)).fit(x.astype(np.float64), y.astype(np.float64))
        guess: NDArray[Any] = fitted.predict(inputs.astype(np.float64))
        return guess.reshape(len(inputs), -1)

    def neighbours(x: NDArray[Any], y: NDArray[Any], inputs: NDArray[Any]) -> NDArray[Any]:
        x, y = _thin(x, y, seed)
        search = KNeighborsRegressor(n_neighbors=min(5, len(x)), algorithm="brute")
        guess: NDArray[Any] = make_pipeline(StandardScaler(), search).fit(x, y).predict(inputs)
        return guess

    def trees(x: NDArray[Any], y: NDArray[Any], inputs: NDArray[Any]) -> NDArray[Any]:
        x, y = _thin(x, y, seed)
        forest = ExtraTreesRegressor(n_estimators=100, random_state=seed, n_jobs=available_cpus())
        guess: NDArray[Any] = forest.fit(x, y).predict(inputs)
        return guess.reshape(len(inputs), -1)

    yield "mean", mean
    yield "ridge", ridge
    yield "5 nearest neighbours", neighbours
    yield "100 extremely randomised trees", trees


def _thin(x: NDArray[Any], y: NDArray[Any], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(x) <= MAX_ROWS:
        return x, y
    rows = np.sort(np.random.default_rng(seed).choice(len(x), MAX_ROWS, replace=False))
    return x[rows], y[rows]
