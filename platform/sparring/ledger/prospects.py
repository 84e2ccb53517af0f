"""What more trials would bring: the expected best of n trials, from those that have ended, with its uncertainty.

Up to as many trials as there are it is the exact mean over draws with replacement from them (Dodge et al. 2019,
arXiv:1909.03004). That can never be better than the best there is, so beyond it the tail of the best trials is extended
by a generalized Pareto distribution, fitted by probability-weighted moments (Hosking and Wallis 1987), at several
thresholds because no one of them is right.

Both hold for trials that are drawn independently of each other. The trials of a sampler that learns are not: whoever
shows these figures says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ..records import Objective, Outcome, Prospect, TrialRow

LEAST_DRAWN, LEAST_COMPLETED = 10, 5
"""Trials without which nothing is said."""

INTERVAL = 0.9
"""Of a prospect and of a band. Of independent draws it held the truth in 0.78 to 0.99 (docs/log, 2026-11-30)."""

SHORTEST_TAIL, TAIL_PER_ROOT = 4, 2.0
"""The tails are of 4 to 2·√n of the best of n trials."""

SHAPES = (-2.0, 0.0)
"""Shapes of the Pareto distribution that are believed: a tail with an end, as a loss has one."""

FITS, PLACES = 200, 8
"""Resampled tails, and places in the distribution of the best that each is asked at."""

MOST_CELLS, MOST_POINTS = 200_000, 40
"""Resamplings times trials of a band, of which there are 40 to 400, and the band's points: both bound its seconds."""


class Best(NamedTuple):
    """The expected best of ``trials`` trials, in the objective's unit."""

    trials: int
    expected: float
    low: float
    high: float


def drawn_values(rows: Iterable[TrialRow], objective: Objective, known: int) -> np.ndarray:
    """Values of the trials that were drawn, best first, times the objective's sign; (N,), infinite where there is none.

    known: the trials before this number were given. A stopped trial counts with what it had reached: without it the
    trials that were let go on would pass for all that were drawn.
    """
    found = [
        objective.sign * row.value
        if row.outcome in (Outcome.COMPLETED, Outcome.PRUNED) and row.value is not None and math.isfinite(row.value)
        else math.inf
        for row in rows
        if row.trial >= known
    ]
    return np.sort(np.asarray(found, float))


def prospect(
    rows: Iterable[TrialRow], objective: Objective, *, known: int, best: TrialRow | None, trials: int | None = None
) -> Prospect | None:
    """What ``trials`` more would bring, as many again as were drawn by default; None where too few have ended to say.

    known: as in ``drawn_values``. best: the best trial so far, known ones among them.
    """
    rows = list(rows)
    values = drawn_values(rows, objective, known)
    completed = sum(row.trial >= known and row.outcome is Outcome.COMPLETED for row in rows)
    longest = min(round(TAIL_PER_ROOT * len(values) ** 0.5), completed - 1)
    if len(values) < LEAST_DRAWN or completed < LEAST_COMPLETED or best is None or best.value is None:
        return None
    if not math.isfinite(values[longest]):
        return None
    trials = len(values) if trials is None else trials
    least = 0.0 if objective.sign > 0 and values[0] >= 0 else -math.inf  # a loss does not become negative
    reached = np.clip(_best_of_more(values, longest, trials), least, objective.sign * best.value)
    mean = float(reached.mean())
    ends = [*np.quantile(reached, [0.5 - INTERVAL / 2, 0.5 + INTERVAL / 2]), mean]  # a rare gain moves the mean alone
    low, high = sorted(objective.sign * float(end) for end in (min(ends), max(ends)))
    return Prospect(trials=trials, expected=objective.sign * mean, low=low, high=high)


def expected_bests(values: np.ndarray, objective: Objective) -> list[Best]:
    """The expected best of 1 to N draws from ``values``, at up to 40 numbers of draws, with a bootstrap's band.

    values: as ``drawn_values`` has them. What has none counts as the worst that has one; empty where none has.
    """
    if not len(values) or not math.isfinite(values[0]):
        return []
    values = np.minimum(values, values[np.isfinite(values)].max())
    count = len(values)
    random = np.random.default_rng(0)
    counts = random.multinomial(count, np.full(count, 1 / count), size=int(np.clip(MOST_CELLS // count, 40, 400)))
    left = shares_left(np.vstack([np.ones(count, int), counts]))
    found = []
    for trials in np.unique(np.geomspace(1, count, min(count, MOST_POINTS)).round().astype(int)):
        bests = expected_best(values, left, int(trials))
        ends = np.quantile(bests[1:], [0.5 - INTERVAL / 2, 0.5 + INTERVAL / 2])
        low, high = sorted(objective.sign * float(end) for end in ends)
        found.append(Best(int(trials), objective.sign * float(bests[0]), low, high))
    return found


def shares_left(counts: np.ndarray) -> np.ndarray:
    """Shares of a sample that are no better than each of the values it is drawn from; (R, N).

    counts: how often each value, best first, is in the sample; (R, N).
    """
    left: np.ndarray = 1 - (np.cumsum(counts, axis=1) - counts) / counts.sum(1, keepdims=True)
    return left


def expected_best(values: np.ndarray, left: np.ndarray, trials: int) -> np.ndarray:
    """Means of the least of ``trials`` draws with replacement from samples of ``values``; (R,).

    values: ascending, (N,). left: as ``shares_left`` has them, (R, N); to the power of the trials they are the chances
    that the least draw is no better than each value.
    """
    mean: np.ndarray = left**trials @ np.diff(values, prepend=0.0)
    return mean


def _best_of_more(values: np.ndarray, longest: int, trials: int) -> np.ndarray:
    """A sample of the least of ``trials`` more draws; infinite where none comes into the tail.

    longest: values of the longest tail, with a finite one after them.
    """
    random = np.random.default_rng(0)
    lengths = np.unique(np.linspace(min(SHORTEST_TAIL, longest), longest, 4).round().astype(int))
    bests = [_best_of_tail(values, int(length), trials, FITS // len(lengths), random) for length in lengths]
    return np.concatenate(bests)


def _best_of_tail(values: np.ndarray, length: int, trials: int, fits: int, random: np.random.Generator) -> np.ndarray:
    threshold = values[length]
    below_RK = np.sort((threshold - values[:length])[random.integers(0, length, (fits, length))], axis=1)
    mean_R = below_RK.mean(1)
    weight_K = np.arange(length - 1, -1, -1) / (length - 1)
    moment_R = (below_RK * weight_K).mean(1)
    spread_R = mean_R - 2 * moment_R
    # A sample of equal values has no spread: the tail ends at once.
    shape_R = np.where(spread_R > 0, 2 - mean_R / np.maximum(spread_R, 1e-300), SHAPES[0]).clip(*SHAPES)
    scale_R = mean_R * (1 - shape_R)
    share_R = random.beta(length, len(values) - length + 1, fits)  # of all draws, those below the threshold
    place_RP = (random.random((fits, PLACES)) + np.arange(PLACES)) / PLACES
    rank_RP = (1 - (1 - place_RP) ** (1 / trials)) / share_R[:, None]  # of the least one, within the tail
    exponent_R1 = np.minimum(shape_R, -1e-6)[:, None]
    depth_RP = scale_R[:, None] / -exponent_R1 * (1 - np.minimum(rank_RP, 1.0) ** -exponent_R1)
    bests: np.ndarray = np.where(rank_RP >= 1, np.inf, threshold - depth_RP).ravel()
    return bests
