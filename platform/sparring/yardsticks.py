"""What plain methods reach on the same objective and the same split: the numbers a searched network has to beat.

Four of them, from scikit-learn with the settings the field quotes: the mean of the training rows, ridge regression, the
5 nearest neighbours and 100 extremely randomised trees (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1). Nothing
here is searched or tuned; the point of a yardstick is that it does not move.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SCORE = "val/score"
"""The metric that ``Yardstick.score`` is comparable with; its definition stands in ``sparring.metrics``."""

MAX_ROWS = 10_000
"""Neighbours and trees are fitted on at most so many training rows, drawn with the seed; 10,000 x 49 -> 226 stays
within about a minute on two cores."""


class Rows(Protocol):
    """Row numbers of a split; ``sparring.data`` gives one."""

    @property
    def train(self) -> NDArray[Any]: ...
    @property
    def valid(self) -> NDArray[Any]: ...


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """What one plain method reaches on the validation rows."""

    name: str
    mse: Mapping[str, float]
    """Mean squared error in raw units, by the metric's name."""
    score: float
    """Mean over the predictions of MSE / variance of the target on the training rows; 1.0 is about the mean."""
    seconds: float
    """Fitting and predicting, all predictions together."""

    def figure(self, metric: str) -> float | None:
        """What the method reaches on ``metric``; None where the metric is not a prediction's error."""
        return self.score if metric == SCORE else self.mse.get(metric)


def measure(
    fields: Mapping[str, NDArray[Any]], split: Rows, predictions: Mapping[str, tuple[str, str]], seed: int = 0
) -> list[Yardstick]:
    """Fits every yardstick on the training rows and scores it on the validation rows; the test rows stay untouched.

    fields: arrays (n, …) by name; predictions: metric -> (input field, target field). Arrays are flattened to (n, d)
    float32. Standardisation uses the training rows only.
    """
    fields = {name: np.asarray(array, dtype=np.float32).reshape(len(array), -1) for name, array in fields.items()}
    return [_measure_one(name, predict, fields, split, predictions) for name, predict in _methods(seed)]


Predict = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]]
"""(training inputs, training targets, inputs) -> predictions."""


def _measure_one(
    name: str,
    predict: Predict,
    fields: Mapping[str, NDArray[Any]],
    split: Rows,
    predictions: Mapping[str, tuple[str, str]],
) -> Yardstick:
    start = time.perf_counter()
    errors, shares = {}, []
    for metric, (source, target) in predictions.items():
        known, truth = fields[target][split.train], fields[target][split.valid].astype(np.float64)
        guess = predict(fields[source][split.train], known, fields[source][split.valid])
        errors[metric] = float(np.mean((guess - truth) ** 2))
        shares.append(errors[metric] / float(known.astype(np.float64).var(axis=0).mean()))
    return Yardstick(name=name, mse=errors, score=float(np.mean(shares)), seconds=time.perf_counter() - start)


def _methods(seed: int) -> Iterator[tuple[str, Predict]]:
    # scikit-learn costs 0.7 s to import; the report pays it only when it measures.
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

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
        forest = ExtraTreesRegressor(n_estimators=100, random_state=seed, n_jobs=cores)
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
