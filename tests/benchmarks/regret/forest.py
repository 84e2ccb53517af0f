"""A random forest fitted to the bank: the curve of any configuration of the space, so that samplers can be replayed.

The forest learns log(objective) at every epoch, a second one the seconds of an epoch and whether the training diverges.
A curve drawn from it is what they predict plus the seed noise that was measured: the whole residual curve of one seed
about the mean of its configuration's, so noise is as correlated over the epochs as it is. The truth of a configuration
is its curve without noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold

from sparring.errors import SpaceError
from sparring.models.config import Config
from sparring.records import Value
from sparring.space import Dimension, Space

from .configurations import draw
from .curves import Curve, Known, Table, make_curve

TREES, FOLDS = 100, 5


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How well a forest predicts configurations that it was not fitted to (``FOLDS`` folds)."""

    configurations: int
    r2: float
    """Of the logarithm of the end."""
    tau: float
    """Kendall's, of the end."""
    r2_seconds: float
    """Of the logarithm of an epoch's seconds."""
    seed_noise: float
    """Standard deviation of the logarithm of the end over seeds."""


class Forest:
    """Curves of one system. Raises ValueError if fewer than ``FOLDS`` configurations of the table lie in the space."""

    def __init__(self, table: Table, space: Space[Config], *, trees: int = TREES, seed: int = 0) -> None:
        self.table, self.space, self.epochs = table, space, table.epochs
        self._scale = _Scale.of(table)
        found = [(known, params) for known in table.known if (params := params_in(space, known)) is not None]
        if len(found) < FOLDS:
            raise ValueError(f"{table.system}: a forest needs {FOLDS} configurations of the space, got {len(found)}")
        self.known = [params for _, params in found]
        features = np.array([self.features(params) for params in self.known])
        curves = np.array([self._mean_curve(known) for known, _ in found])
        ends = np.array([_ends(known) for known, _ in found])
        self._noise = [noise for known, _ in found for noise in self._residuals(known)]
        self.fit = _cross_validated(features, curves, ends, trees, seed, table.seed_noise)
        self._curves = _Trees(features, curves, trees, seed)
        self._ends = _Trees(features, ends, trees, seed)

    def features(self, params: Mapping[str, Value]) -> np.ndarray:
        """(features,) of a configuration: numbers as shares of their range, choices one by one; -1 stands for none."""
        return np.concatenate([_encode(dimension, params.get(dimension.name)) for dimension in self.space.dimensions])

    def curve(self, params: Mapping[str, Value], rng: np.random.Generator) -> Curve:
        """A training of this configuration: the prediction, and the noise of a seed."""
        features = self.features(params)
        mean = self._curves.predict(features)
        noise = self._noise[rng.integers(len(self._noise))] if self._noise else 0.0
        log_epoch_s, diverges = self._ends.predict(features)
        values = self._scale.undo(mean + noise)
        is_whole = rng.random() >= diverges
        if not is_whole:
            values = values[: rng.integers(1, self.epochs + 1)].copy()
            values[-1] = math.nan
        seconds = np.full(len(values), math.exp(log_epoch_s))
        return make_curve(values, seconds, is_whole=bool(is_whole), truth=float(self._scale.undo(mean).min()))

    def truth(self, params: Mapping[str, Value]) -> float:
        """What the configuration reaches at the end, without noise."""
        return float(self._scale.undo(self._curves.predict(self.features(params))).min())

    def best(self, draws: int = 5000, rounds: int = 4, seed: int = 0) -> float:
        """The best truth found by drawing, then near the best thirty again and again."""
        rng = np.random.default_rng(seed)
        tried = [(self.truth(params), params) for params in self.known]
        tried += [(self.truth(params), params) for params in (draw(self.space, rng) for _ in range(draws))]
        for _ in range(rounds):
            tried = sorted(tried, key=lambda pair: pair[0])[:30]
            near = [draw(self.space, rng, near=params) for _, params in tried for _ in range(draws // 150)]
            tried += [(self.truth(params), params) for params in near]
        return min(truth for truth, _ in tried)

    def _mean_curve(self, known: Known) -> np.ndarray:
        """(epochs,) the mean over its seeds, scaled; after a NaN what the worst of the table are then."""
        return np.asarray(np.mean([self._scale.do(values) for values in known.values.values()], axis=0))

    def _residuals(self, known: Known) -> list[np.ndarray]:
        """Of each seed that was whole, if there are several: its curve about their mean, as wide as the seeds are."""
        whole = [seed for seed, curve in known.curves.items() if curve.is_whole and curve.epochs == self.epochs]
        if len(whole) < 2:
            return []
        curves = np.array([self._scale.do(known.values[seed]) for seed in whole])
        return list((curves - curves.mean(0)) * math.sqrt(len(whole) / (len(whole) - 1)))


def params_in(space: Space[Config], known: Known) -> dict[str, Value] | None:
    """A configuration of the bank as one of this space; None if the space cannot draw it.

    What the space fixes may differ: the bank's trainings have fewer steps in an epoch, each system's all alike.
    """
    try:
        config = space.config_class.model_validate(known.config)
        params: dict[str, Value] = {}
        for dimension in space.dimensions:
            if dimension.applies({**space.fixed, **params}):
                params[dimension.name] = dimension.cast(getattr(config, dimension.name))
        space.to_optuna(params)  # raises SpaceError if a value lies outside its range
        of_space, of_bank = (each.model_dump(exclude={*space.fixed}) for each in (space.config(params), config))
    except (SpaceError, ValueError):
        return None
    return params if of_space == of_bank else None


def _encode(dimension: Dimension, value: Value | None) -> np.ndarray:
    if dimension.choices and isinstance(dimension.choices[0], int | float) and len(dimension.choices) > 2:
        return np.array([-1.0 if value is None else math.log2(1 + float(value))])
    if dimension.choices:
        return np.array([float(value == choice) for choice in dimension.choices])
    if value is None or value == dimension.off:
        return np.array([-1.0, float(value is not None)])
    low, high, number = (math.log(x) if dimension.log else x for x in (dimension.low, dimension.high, float(value)))
    return np.array([(number - low) / (high - low), 2.0])


def _ends(known: Known) -> np.ndarray:
    """(2,) log of an epoch's seconds, and the share of its seeds that diverge."""
    curves = known.curves.values()
    seconds = [curve.clock[-1] / curve.epochs for curve in curves]
    return np.array([math.log(max(float(np.mean(seconds)), 1e-6)), np.mean([not curve.is_whole for curve in curves])])


@dataclass(frozen=True, eq=False)
class _Scale:
    """log(objective + shift); the shift is 0 unless the table holds values that are not positive."""

    shift: float
    worst: np.ndarray
    """(epochs,) stands for what is not finite: the 95th percentile of each epoch."""

    @classmethod
    def of(cls, table: Table) -> _Scale:
        padded = np.full((sum(len(known.values) for known in table.known), table.epochs), np.nan)
        rows = (values for known in table.known for values in known.values.values())
        for line, values in zip(padded, rows, strict=True):
            line[: len(values)] = values[: table.epochs]
        padded[~np.isfinite(padded)] = np.nan
        low = float(np.nanmin(padded))
        shift = 0.0 if low > 0 else -low + 0.05 * (float(np.nanmedian(padded)) - low)
        return cls(shift, np.log(np.nanquantile(padded, 0.95, axis=0) + shift))

    def do(self, values: np.ndarray) -> np.ndarray:
        """(epochs,) of a curve that may be shorter, or hold what is not finite."""
        scaled = self.worst.copy()
        finite = np.flatnonzero(np.isfinite(values))
        scaled[finite] = np.log(values[finite] + self.shift)
        return scaled

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(scaled) - self.shift)


class _Trees:
    """A fitted forest that answers for one point at a time, all trees at once: 50 times faster than scikit-learn."""

    def __init__(self, features: np.ndarray, targets: np.ndarray, trees: int, seed: int) -> None:
        fitted = _fit(features, targets, trees, seed).estimators_
        sizes = [each.tree_.node_count for each in fitted]
        self._roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._feature, self._threshold, left, right = (
            np.concatenate([getattr(each.tree_, name) for each in fitted])
            for name in ("feature", "threshold", "children_left", "children_right")
        )
        shift = np.repeat(self._roots, sizes)
        own = np.arange(len(shift))
        self._left = np.where(left < 0, own, left + shift)  # a leaf leads to itself
        self._right = np.where(right < 0, own, right + shift)
        self._value = np.concatenate([each.tree_.value.reshape(each.tree_.node_count, -1) for each in fitted])
        self._depth = max(each.get_depth() for each in fitted)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(targets,) for one point."""
        features, node = features.astype(np.float32), self._roots
        for _ in range(self._depth):
            goes_left = features[self._feature[node]] <= self._threshold[node]
            node = np.where(goes_left, self._left[node], self._right[node])
        return np.asarray(self._value[node].mean(0))


def _fit(features: np.ndarray, targets: np.ndarray, trees: int, seed: int) -> RandomForestRegressor:
    forest = RandomForestRegressor(trees, max_features=0.5, min_samples_leaf=2, random_state=seed)
    return forest.fit(features, targets)


def _cross_validated(
    features: np.ndarray, curves: np.ndarray, ends: np.ndarray, trees: int, seed: int, seed_noise: float
) -> Fit:
    guessed, seconds = np.empty(len(curves)), np.empty(len(curves))
    for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(features):
        guessed[test] = _fit(features[train], curves[train], trees, seed).predict(features[test]).min(1)
        seconds[test] = _fit(features[train], ends[train], trees, seed).predict(features[test])[:, 0]
    true = curves.min(1)
    return Fit(
        configurations=len(curves),
        r2=_r2(true, guessed),
        tau=float(kendalltau(true, guessed).statistic),
        r2_seconds=_r2(ends[:, 0], seconds),
        seed_noise=seed_noise,
    )


def _r2(true: Sequence[float] | np.ndarray, guessed: np.ndarray) -> float:
    true = np.asarray(true)
    return float(1 - ((true - guessed) ** 2).sum() / max(((true - true.mean()) ** 2).sum(), 1e-300))
