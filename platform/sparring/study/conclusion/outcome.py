"""The conclusion of a study: a winner, a tie, or noise too large to say, with figures of fresh seeds only.

Whose figure is the best is a matter of all completed trials. Those trained again count by their fresh seeds. For the
others there is the search's figure alone, which the best ones owe to luck as well: it is drawn towards the mean by the
noise's share of the spread (C. Stein's shrinkage), before 10,000 draws of the joint t distribution ask who is the best.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...records import Interval
from ..intervals import LEVEL
from .noise import Noise, seeds_to_tell
from .race import LEVEL as WRONG
from .race import Standing, mean_of, separated
from .scale import Scale

DRAWS = 10_000
MOST_OTHERS = 50
"""Trials with one seed, the best of them, that are asked whether they are the best."""
LARGEST_TIE = 5
"""Trials that a tie may have; if more may be the best, the noise is too large to say."""
Kind = Literal["winner", "tie", "noise"]


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """One of three sentences, and what it is made of."""

    kind: Kind
    trial: int
    """The leader: the winner, or the one of a tie that was named before its fresh seeds were seen."""
    figure: Interval
    """Its mean over fresh seeds that had no part in naming it, with a 95 % interval; its shrunk figure if there are
    none."""
    seeds: int
    """Fresh seeds in that mean; 0 if the figure is shrunk."""
    chances: Mapping[int, float]
    """Probability of being the best, of each trial that may be, the likeliest first."""
    tied: tuple[int, ...]
    """The leader, and what may be the best instead: the fewest trials of which one is with 95 % certainty, and those
    trained again that no test has separated from the leader. The leader alone if it won."""
    of: int
    """Trials among which the best was sought."""
    noise: Noise
    scale: Scale
    better: float | None = None
    """Probability that the leader is better than trial 0, the published default, by fresh seeds of both; None where it
    is trial 0, or one of them has none."""
    failed: int = 0
    """Fresh seeds of the leader's on which its training failed."""

    @property
    def needed(self) -> int:
        """Fresh seeds of each that tell a gap of 5 % (of one σ, where figures are no shares)."""
        return seeds_to_tell(self.noise.sigma, 0.05 if self.scale.is_log else self.noise.sigma)


def shrink(search: Mapping[int, float], sigma: float) -> dict[int, tuple[float, float]]:
    """Mean and deviation of each trial's truth, from one figure each on the scale, noisy by ``sigma``.

    ŷ = ȳ + (y − ȳ)·max(0, 1 − σ²/s²), of deviation σ·√(that share). Source: B. Efron, C. Morris, JASA 70 (1975) 311.
    """
    centre, spread = _spread(search)
    share = max(0.0, 1 - sigma**2 / spread) if spread > 0 else 0.0
    return {trial: (centre + share * (value - centre), sigma * math.sqrt(share)) for trial, value in search.items()}


def conclude(search: Mapping[int, float], standing: Standing, scale: Scale, *, draws: int = DRAWS) -> Conclusion | None:
    """What may be said; None where no noise was measured. search: as ``race`` takes it."""
    noise = standing.noise
    if noise is None:
        return None
    fresh = {trial: list(row.values()) for trial, row in standing.results.items()}
    chances = _chances(search, fresh, noise, draws)
    leader = standing.leader
    rivals = [trial for trial in fresh if trial != leader]
    level = WRONG / (standing.looks * max(len(rivals), 1))
    doubtful = {
        trial
        for trial in rivals
        if chances.get(trial, 0.0) > 0
        and not separated(standing.results[leader], standing.results[trial], noise, level)
    }
    is_winner = chances.get(leader, 0.0) >= LEVEL and not doubtful
    tied = (leader,) if is_winner else _tied(leader, chances, doubtful)
    is_tie = len(tied) <= min(LARGEST_TIE, max(2, len(search) // 2))
    unseen = [standing.results.get(leader, {}).get(seed, math.nan) for seed in standing.unseen]
    finite = [value for value in unseen if math.isfinite(value)]
    return Conclusion(
        kind="winner" if is_winner else "tie" if is_tie else "noise",
        trial=leader, figure=_figure(finite, shrink(search, noise.sigma)[leader], noise, scale), seeds=len(finite),
        chances=chances, tied=tied, of=len(search), noise=noise, scale=scale,
        better=_better(fresh, leader, noise), failed=sum(map(math.isinf, unseen)),
    )  # fmt: skip


def _tied(leader: int, chances: Mapping[int, float], doubtful: Collection[int]) -> tuple[int, ...]:
    """The leader, the fewest others that make it sure that the best is among them, and the doubtful ones."""
    found, sure = [leader], chances.get(leader, 0.0)
    for trial, chance in chances.items():
        if trial != leader and (sure < LEVEL or trial in doubtful):
            found, sure = [*found, trial], sure + chance
    return tuple(found)


def _better(fresh: Mapping[int, list[float]], leader: int, noise: Noise) -> float | None:
    from scipy.special import stdtr  # the driver starts without scipy

    if leader == 0 or not fresh.get(0) or not fresh.get(leader):
        return None
    ahead = mean_of(fresh[0]) - mean_of(fresh[leader])
    if not math.isfinite(ahead) or noise.sigma == 0:
        return 0.5 if math.isnan(ahead) or ahead == 0 else float(ahead > 0)
    reach = noise.sigma * math.sqrt(1 / len(fresh[0]) + 1 / len(fresh[leader]))
    return float(stdtr(noise.freedom, ahead / reach))


def _figure(finite: list[float], believed: tuple[float, float], noise: Noise, scale: Scale) -> Interval:
    """The mean over these seeds with the noise's own deviation, which few seeds would not give; or what is believed."""
    from scipy.special import stdtrit  # the driver starts without scipy

    mean, deviation = (mean_of(finite), noise.sigma / math.sqrt(len(finite))) if finite else believed
    if not math.isfinite(mean):
        return Interval(scale.sign * mean)
    reach = float(stdtrit(noise.freedom, 1 - (1 - LEVEL) / 2)) * deviation
    low, high = sorted(scale.figure(end) for end in (mean - reach, mean + reach))
    return Interval(scale.figure(mean), low, high)


def _chances(
    search: Mapping[int, float], fresh: Mapping[int, list[float]], noise: Noise, draws: int
) -> dict[int, float]:
    """Probability of being the best, of every trial that was it in a draw, the likeliest first.

    Each draw has a σ of its own, by which it shrinks the figures of trials with one seed.
    """
    random = np.random.default_rng(0)
    sigma = noise.sigma * np.sqrt(noise.freedom / random.chisquare(noise.freedom, draws))[:, None]
    others = sorted((trial for trial in search if trial not in fresh), key=search.__getitem__)[:MOST_OTHERS]
    centre, spread = _spread(search)
    share = np.clip(1 - sigma**2 / spread, 0, 1) if spread > 0 else np.zeros_like(sigma)
    means = np.asarray([mean_of(values) for values in fresh.values()])
    roots = np.sqrt([len(values) for values in fresh.values()])
    drawn = [means + sigma / roots * random.standard_normal((draws, len(means)))]
    if others:
        figures = np.asarray([search[trial] for trial in others])
        luck = random.standard_normal((draws, len(others)))
        drawn.append(centre + share * (figures - centre) + sigma * np.sqrt(share) * luck)
    trials = [*fresh, *others]
    counts = np.bincount(np.concatenate(drawn, axis=1).argmin(1), minlength=len(trials))
    order = sorted(np.flatnonzero(counts), key=lambda index: (-counts[index], trials[index]))
    return {trials[index]: float(counts[index]) / draws for index in order}


def _spread(search: Mapping[int, float]) -> tuple[float, float]:
    """Mean and variance of the search's figures."""
    values = np.asarray(list(search.values()))
    return float(values.mean()), float(values.var(ddof=1)) if len(values) > 1 else 0.0
