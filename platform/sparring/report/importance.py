"""Which hyperparameters mattered: permutation importance on held-out trials (Breiman 2001,
doi:10.1023/A:1010933404324).

A random forest learns to predict a trial's rank from its values. Then, on trials it has not seen, one hyperparameter at
a time gets the values of other trials: the rise of the error is its importance. Ranks instead of values, because one
bad trial would otherwise outweigh all others, and because a pruned trial's value is one of an early epoch: it ranks
after the completed ones, the later it was pruned the better, and by value among those of the same epoch.

Values are only lent between trials in which the hyperparameter applies, so a conditional one is not credited with its
condition. Nothing is learnt of a hyperparameter that was never varied, or varied in too few trials: the figures
describe the study, not the model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..display import show
from ..records import Objective, Outcome, TrialRow, Value
from ..space.dimension import Dimension

Floats = NDArray[np.float64]

TOO_FEW = 8
"""Fewer trials than this say nothing about a dozen hyperparameters."""

MOST_TRIALS = 500
"""More trials are thinned to this many, drawn evenly over the ranks, so that a report takes seconds."""

TRUSTED = 0.1
"""A forest that explains less than this of the ranks' variance has learnt noise."""
HALF = 0.5
"""One that explains less than this gives hints."""

REPEATS, FOLDS, TREES, LOANS = 6, 4, 50, 4

MANY, FEWER, FEWER_TREES = 200, 3, 30
"""From ``MANY`` trials on, the cross-validation is repeated ``FEWER`` times with ``FEWER_TREES`` trees. 500 trials take
0.9 s of one core instead of 1.5 with 50 trees and 2.9 with twice the repeats; shares move by less than their spread."""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One hyperparameter's importance."""

    name: str
    share: float
    """Rise of the held-out squared error, as a share of the ranks' variance; about 0 where it did not matter."""
    spread: float
    """Standard deviation of ``share`` over the repeats of the cross-validation."""
    best: str
    """Its values in the best quarter of the trials, in words."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Every searched hyperparameter, the most important first; none if there are too few trials."""

    factors: tuple[Factor, ...]
    explained: float
    """Share of the ranks' variance that the forest predicts in held-out trials; at most 1, below 0 for noise."""
    sentence: str
    """How it was found and how far to trust it, or why it was not."""


UNMEASURED = Importance(factors=(), explained=math.nan, sentence="not measured")


def measure_importance(
    trials: Sequence[TrialRow], dimensions: Sequence[Dimension], objective: Objective, seed: int = 0
) -> Importance:
    """Importance of each of ``dimensions`` in the completed and pruned trials that have a value. Takes seconds."""
    sign = objective.sign
    known = [row for row in trials if row.value is not None and row.outcome in (Outcome.COMPLETED, Outcome.PRUNED)]
    known.sort(key=lambda row: _standing(row, sign))
    if len(known) < TOO_FEW:
        sentence = f"too few trials: importance needs at least {TOO_FEW} with a value, but there are {len(known)}"
        return Importance(factors=(), explained=math.nan, sentence=sentence)
    quarter = known[: max(2, len(known) // 4)]
    total = len(known)
    if total > MOST_TRIALS:
        known = [known[index] for index in np.linspace(0, total - 1, MOST_TRIALS).round().astype(int)]
    codes = np.array([[encode(dimension, row.params.get(dimension.name)) for dimension in dimensions] for row in known])
    applies = np.array([[dimension.name in row.params for dimension in dimensions] for row in known])
    repeats, trees = (FEWER, FEWER_TREES) if len(known) >= MANY else (REPEATS, TREES)
    shares, explained = _permute(codes, applies, _ranks([_standing(row, sign) for row in known]), seed, repeats, trees)
    factors = [
        Factor(name=dimension.name, share=float(share), spread=float(spread), best=_best_values(dimension, quarter))
        for dimension, share, spread in zip(dimensions, shares.mean(axis=0), shares.std(axis=0, ddof=1), strict=True)
    ]
    return Importance(
        factors=tuple(sorted(factors, key=lambda factor: -factor.share)),
        explained=explained,
        sentence=_describe(len(known), total, explained, repeats),
    )


def encode(dimension: Dimension, value: Value | None) -> float:
    """A value as a number a tree can split: logarithm on log ranges, the index of a choice.

    ``off`` of a log range, and None where the hyperparameter does not apply, lie below everything else.
    """
    if dimension.choices:
        return -1.0 if value is None else float(dimension.choices.index(value))
    low, high = (math.log10(end) if dimension.log else end for end in (dimension.low, dimension.high))
    if value is None:
        return low - 2 * (high - low)
    if dimension.log:
        return low - (high - low) if value == dimension.off else math.log10(float(value))
    return float(value)


def _standing(row: TrialRow, sign: float) -> tuple[bool, int, float]:
    pruned = row.outcome is Outcome.PRUNED
    return pruned, -row.epochs if pruned else 0, sign * (row.value or 0.0)


def _ranks(standings: Sequence[tuple[bool, int, float]]) -> Floats:
    """Ranks from 0 to 1 of sorted standings; equal standings share their mean rank."""
    _, group = np.unique([standings.index(standing) for standing in standings], return_inverse=True)
    ranks = np.arange(len(standings)) / len(standings)
    shared: Floats = (np.bincount(group, ranks) / np.bincount(group))[group]
    return shared


def _permute(
    codes: Floats, applies: Floats, ranks: Floats, seed: int, repeats: int, trees: int
) -> tuple[Floats, float]:
    """(repeats, dimensions) shares of the ranks' variance, and what the forest explains of it."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    draw = np.random.default_rng(seed)
    variance = len(ranks) * ranks.var() or 1.0
    lost, base = np.zeros((repeats, codes.shape[1])), 0.0
    for repeat in range(repeats):
        for train, held in KFold(FOLDS, shuffle=True, random_state=seed + repeat).split(codes):
            forest = RandomForestRegressor(trees, random_state=seed + repeat, n_jobs=-1).fit(codes[train], ranks[train])
            forest.n_jobs = None  # threads that predict add up in any order, and the last digit would change
            lent = np.tile(codes[held], (codes.shape[1], LOANS, 1, 1))
            for column in range(codes.shape[1]):
                users = applies[held, column]
                if users.any():
                    pool = codes[applies[:, column], column]
                    lent[column][:, users, column] = draw.choice(pool, (LOANS, users.sum()))
            guess = forest.predict(np.concatenate([codes[held], lent.reshape(-1, codes.shape[1])]))
            errors = (guess.reshape(-1, len(held)) - ranks[held]) ** 2
            base += errors[0].sum() / repeats
            lost[repeat] += errors[1:].sum(axis=1).reshape(-1, LOANS).mean(axis=1) - errors[0].sum()
    return lost / variance, float(1 - base / variance)


def _best_values(dimension: Dimension, quarter: Sequence[TrialRow]) -> str:
    values = [row.params[dimension.name] for row in quarter if dimension.name in row.params]
    if not values:
        return "unused"
    if dimension.kind in ("str", "bool"):
        value, count = Counter(values).most_common(1)[0]
        return f"{show(value)} ({count} of {len(quarter)})"
    low, high = min(values), max(values)
    return show(low) if low == high else f"{show(low)} to {show(high)}"


def _describe(used: int, total: int, explained: float, repeats: int) -> str:
    thinned = f" (of {total})" if used < total else ""
    method = (
        f"how much worse a random forest, grown on {used} completed and pruned trials{thinned}, predicts the ranks of "
        f"held-out ones when a hyperparameter is shuffled: the rise of its squared error, as a share of the ranks' "
        f"variance, ± its standard deviation over {repeats} repeats"
    )
    if explained < TRUSTED:
        return f"{method}. The forest predicts next to nothing here: read these as noise, or run more trials"
    how = "hints" if explained < HALF else "a guide"
    return f"{method}. The forest predicts {explained:.0%} of that variance: read these as {how}"
