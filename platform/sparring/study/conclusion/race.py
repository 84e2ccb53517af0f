"""The race: which trials are trained again on fresh seeds, round by round, until one is left or the share is spent.

It begins with the probe, the leader and the published default on three seeds each, which measures the noise; on more,
where there are some to spend but too few for a race. Where noise and budget make a race worth its price, contenders are
halved round by round on the same seeds; what a corrected paired test has separated from the best leaves earlier. The
last one is then trained on seeds that had no part in naming it, and its published figure is theirs alone.

Source: halving as K. Jamieson, A. Talwalkar, arXiv:1502.07943; rounds on common seeds with tests as irace's races.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise import Noise, noise_of

SEEDS = 3
"""Fresh seeds of the probe, and of the last one after the race."""
LEAST, MOST = 2, 16
"""Contenders."""
LEVEL = 0.05
"""Chance that a race separates what does not differ, over all its tests."""
CLOSE = 0.01
"""What is within 1 % on the scale of logarithms need not be told apart."""
PROBE, RACE, FINAL = "probe", "race", "final"


@dataclass(frozen=True)
class Run:
    """One re-training: a trial's number, and which of the fresh seeds, counted from 1."""

    trial: int
    seed: int
    role: str = PROBE


Results = dict[int, dict[int, float]]
"""Figures on the scale by trial and seed; infinite where a re-training failed."""


@dataclass(frozen=True)
class Standing:
    """How a race stands."""

    leader: int
    results: Mapping[int, Mapping[int, float]]
    noise: Noise | None = None
    unseen: tuple[int, ...] = ()
    """The leader's seeds that had no part in naming it."""
    looks: int = 1
    """Tests of each pair, over which the level is spread."""


def contenders(search: Mapping[int, float], sigma: float) -> tuple[int, ...]:
    """Trials that the noise cannot tell from the best: closer to it than 2·√2·σ; 2 to 16 of them, the best first.

    search: the search's figures on the scale, by trial.
    """
    order = sorted(search, key=lambda trial: (search[trial], trial))
    near = sum(search[trial] - search[order[0]] < 2 * math.sqrt(2) * sigma for trial in order)
    return tuple(order[: min(max(near, LEAST), MOST)])


def share_of_budget(sigma: float, runs: float) -> float:
    """The share of a budget of ``runs`` whole trainings that a race after the probe is worth. sigma: of logarithms.

    Source: a simulation of fixed budgets (docs/decisions/0022): below 5 % a race only costs, at few runs it does too.
    """
    if sigma >= 0.10 and runs >= 100:
        return 0.2
    return 0.1 if sigma >= 0.05 and runs >= 400 else 0.0


def race(
    search: Mapping[int, float], most: Callable[[float | None], int]
) -> Generator[tuple[Run, ...], Results, Standing]:
    """Yields what to train next and is sent all results so far; returns how the race ended.

    It decides by its arguments and results alone: fed with what a killed race had, it goes on where that was.
    search: figures of the completed trials on the scale, at least two. most: re-trainings in all, the probe included,
    for a σ on the scale; it is asked with None before σ is known, and for fewer than four nothing is trained.
    """
    ranked = sorted(search, key=lambda trial: (search[trial], trial))
    leader, second = ranked[0], 0 if ranked[0] != 0 and 0 in search else ranked[1]
    bought = most(None) // 2
    if 2 * bought >= 4 * SEEDS + LEAST:  # less leaves no race after the probe and the last one's seeds
        bought = SEEDS
    probed = tuple(range(1, bought + 1)) if bought >= LEAST else ()  # one seed each would measure no noise
    results: Results = {}
    if probed:
        runs = tuple(Run(trial, seed) for seed in probed for trial in (leader, second))
        _take(results, runs, (yield runs))
    noise = noise_of(row.values() for row in results.values())
    left = 0 if noise is None else most(noise.sigma) - 2 * len(probed) - 2 * SEEDS
    if noise is None or left < LEAST:
        return Standing(leader, results, noise, probed)
    field, seeds = list(contenders(search, noise.sigma)), 0
    rounds = math.ceil(math.log2(len(field)))
    for number in range(rounds):
        while len(field) > 1 and len(_missing(field, results, seeds + 1)) > left:
            field.pop()  # the share does not buy it a seed
        if len(field) == 1:
            break
        seeds += 1
        while len(_missing(field, results, seeds + 1)) <= left // (rounds - number):
            seeds += 1
        if runs := _missing(field, results, seeds):
            left -= len(runs)
            _take(results, runs, (yield runs))
        field.sort(key=lambda trial: (_mean_until(results[trial], seeds), search[trial], trial))
        leader, second = field[:2]
        if _are_close(results, field):
            break
        level = LEVEL / (rounds * (len(field) - 1))
        pooled = noise_of(row.values() for row in results.values())
        field = [leader, *(each for each in field[1:] if not separated(results[leader], results[each], pooled, level))]
        field = field[: max(1, len(field) // 2)] if number == rounds - 1 else field[: math.ceil(len(field) / 2)]
    unseen = tuple(range(max(results[leader]) + 1, max(results[leader]) + 1 + SEEDS))
    seconds = range(max(results[second], default=0) + 1, max(results[second], default=0) + 1 + SEEDS)
    runs = tuple(Run(each, seed, FINAL) for each, more in ((leader, unseen), (second, seconds)) for seed in more)
    _take(results, runs, (yield runs))
    return Standing(leader, results, noise_of(row.values() for row in results.values()), unseen, rounds + 1)


def _take(results: Results, runs: Sequence[Run], sent: Mapping[int, Mapping[int, float]]) -> None:
    """What these runs came to. A race that goes on is sent later ones' too, which it may not know yet."""
    for run in runs:
        results.setdefault(run.trial, {})[run.seed] = sent[run.trial][run.seed]


def _missing(field: Sequence[int], results: Mapping[int, Mapping[int, float]], seeds: int) -> tuple[Run, ...]:
    """What gives everyone in the field the first ``seeds`` seeds."""
    return tuple(
        Run(trial, seed, RACE) for seed in range(1, seeds + 1) for trial in field if seed not in results.get(trial, {})
    )


def separated(one: Mapping[int, float], other: Mapping[int, float], noise: Noise | None, level: float) -> bool:
    """Is ``one`` better than ``other`` by a paired one-sided t test at ``level`` on the seeds that both had?

    Where fewer than five pairs leave the differences' own deviation uncertain, the noise's stands in if it is larger.
    """
    from scipy.special import stdtr

    pairs = _pairs(one, other)
    if len(pairs) < 2 or not np.isfinite(pairs).all():
        return bool(len(pairs)) and math.isinf(_worst(other)) and math.isfinite(_worst(one))
    deviation, freedom = float(pairs.std(ddof=1)), len(pairs) - 1
    if noise is not None and len(pairs) < 5:
        deviation, freedom = max(deviation, math.sqrt(2) * noise.sigma), max(freedom, noise.freedom)
    if deviation == 0:
        return bool(pairs.mean() > 0)
    t = float(pairs.mean()) / (deviation / math.sqrt(len(pairs)))
    return bool(stdtr(freedom, -t) < level)


def _are_close(results: Results, field: Sequence[int]) -> bool:
    """Do the field's means lie within 1 % of the best one's, and are they known well enough to say so?"""
    for trial in field[1:]:
        pairs = _pairs(results[field[0]], results[trial])
        if len(pairs) < SEEDS or not np.isfinite(pairs).all():
            return False
        if abs(pairs.mean()) + 2 * pairs.std(ddof=1) / math.sqrt(len(pairs)) > CLOSE:
            return False
    return True


def _pairs(one: Mapping[int, float], other: Mapping[int, float]) -> NDArray[np.float64]:
    return np.asarray([other[seed] - one[seed] for seed in sorted(one.keys() & other.keys())])


def _worst(figures: Mapping[int, float]) -> float:
    return max(figures.values(), default=math.inf)


def _mean_until(figures: Mapping[int, float], seeds: int) -> float:
    """Over the first ``seeds`` seeds, which the whole field has; infinite if one failed."""
    return mean_of(value for seed, value in figures.items() if seed <= seeds)


def mean_of(values: Iterable[float]) -> float:
    """Their mean; infinite if one is, or if there is none."""
    found = list(values)
    return sum(found) / len(found) if found else math.inf
