"""Draws near what is known: the points to try first, the best trials so far, TPE's model, and the whole space.

A prior helps most where trials are few (PriorBand, arXiv:2306.12370; PriMO, arXiv:2507.08589), and it may be wrong.
So four sources share the draws, by what they brought: a draw is made by the source with the largest sample of its
Beta(wins, losses) (Thompson, 1933), where a win is a trial in the best third of all. A source that only loses is soon
left alone. Where the published default is all that is known, nothing says that good settings lie near it: the best
trials, TPE's model and the whole space then begin alike, and the prior draws nothing.
"""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from ...records import Value
from .axis import share_at, value_at

SOURCE = "source"
"""Attribute of an Optuna trial: who drew it."""

KNOWN, PRIOR, BEST, MODEL, ANYWHERE = "known", "prior", "best", "model", "anywhere"
"""Sources: given, near a known point, near a leading trial, by TPE, in the whole space."""

BELIEF: Mapping[str, tuple[float, float]] = {PRIOR: (2, 1), BEST: (2, 1), MODEL: (1, 1), ANYWHERE: (1, 3)}
"""Wins and losses that each source begins with, where there are points to try first."""

BELIEF_ALONE: Mapping[str, tuple[float, float]] = dict.fromkeys((BEST, MODEL, ANYWHERE), (1, 1))
"""The same where only the default is known. Replayed over a bank of curves, regret after 24 trials fell from 0.465 with
``BELIEF`` to 0.392; with points such beliefs are worse, 0.187 instead of 0.127 (docs/log/2026-12.md, 1 December)."""

WIN = 1 / 3
"""The share of trials that count as won."""

MODEL_AFTER = 10
"""Finished trials before TPE models anything."""

REACH: Mapping[str, float] = {PRIOR: 0.2, BEST: 0.1}
"""How far a changed number moves: the deviation, as a share of its range."""

LEADERS = 3
"""Best trials near which is drawn."""

BLOCK = 8
"""Draws in the whole space that together have one in each eighth of every dimension (a Latin hypercube)."""


class PriorSampler(optuna.samplers.BaseSampler):
    """known: the points to try first, by Optuna's names; the first is the published default. signs: +1 per objective
    that is minimised, else -1. drawn: how many trials were drawn before, so that a resumed study goes on."""

    def __init__(
        self, known: Sequence[Mapping[str, Value]], signs: Sequence[float], *, seed: int, drawn: int = 0
    ) -> None:
        self._known, self._signs, self._seed = list(known), signs, seed
        self._belief = BELIEF if len(known) > 1 else BELIEF_ALONE
        self._random = np.random.default_rng([seed, drawn])
        with warnings.catch_warnings():
            # group=True is marked experimental; it is what models conditional parameters.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._tpe = optuna.samplers.TPESampler(
                seed=seed + drawn, multivariate=True, group=True, constant_liar=True, n_startup_trials=MODEL_AFTER
            )
        self._source, self._change, self._anywhere = ANYWHERE, 1.0, 0
        self._center: Mapping[str, Value] = {}
        self._surely = ""
        """The value that changes in any case: a trial that repeats another teaches nothing."""

    # -- Optuna's calls, in their order -------------------------------------------------------------------------------

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        if SOURCE in trial.system_attrs:  # one of an earlier run, whose values stand
            self._source, self._center = KNOWN, {}
            return
        if "fixed_params" in trial.system_attrs:
            self._source, self._center = KNOWN, {}
        else:
            finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
            ranked = self._ranked(finished)
            self._source = self._choose(ranked)
            self._center, self._change = self._aim(ranked)
            self._surely = str(self._random.choice(sorted(self._center))) if self._center else ""
        study._storage.set_trial_system_attr(trial._trial_id, SOURCE, self._source)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._tpe.infer_relative_search_space(study, trial) if self._source == MODEL else {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Value]:
        return self._tpe.sample_relative(study, trial, search_space) if self._source == MODEL else {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Value:
        if self._source == MODEL:
            drawn: Value = self._tpe.sample_independent(study, trial, param_name, param_distribution)
            return drawn
        if param_name not in self._center:
            return value_at(self._in_block(param_name), param_distribution)
        value = self._center[param_name]
        if self._random.random() >= self._change and param_name != self._surely:
            return value
        return near(param_distribution, value, self._random, reach=REACH[self._source])

    # -- choices ------------------------------------------------------------------------------------------------------

    def _choose(self, ranked: Sequence[FrozenTrial]) -> str:
        """The source whose sampled rate of wins is the greatest."""
        won = {trial.number for trial in ranked[: math.ceil(len(ranked) * WIN)]}
        samples = {}
        for source, (wins, losses) in self._belief.items():
            if (source == MODEL and len(ranked) < MODEL_AFTER) or (source == BEST and not self._leaders(ranked)):
                continue
            drawn = [trial.number in won for trial in ranked if trial.system_attrs.get(SOURCE) == source]
            samples[source] = self._random.beta(wins + sum(drawn), losses + len(drawn) - sum(drawn))
        return max(samples, key=lambda source: samples[source])

    def _aim(self, ranked: Sequence[FrozenTrial]) -> tuple[Mapping[str, Value], float]:
        """Where to draw, and the probability with which each value changes; one changes besides, in any case.

        A quarter of a known point's values, one of a leader's: with half of them and three, 4 of 31 such draws of the
        first AEGAN searches (seeds 0 to 2) came past their rungs, and one led, by less than a thousandth.
        """
        if self._source == PRIOR:
            points = self._known[1:]  # without the published default
            return points[int(self._random.integers(len(points)))], 0.25
        if self._source == BEST:
            leaders = self._leaders(ranked)
            center = leaders[int(self._random.integers(len(leaders)))].params
            return center, 1 / max(len(center), 1)
        if self._source == ANYWHERE:
            self._anywhere += 1
        return {}, 1.0

    def _leaders(self, ranked: Sequence[FrozenTrial]) -> Sequence[FrozenTrial]:
        return [trial for trial in ranked[:LEADERS] if trial.state is TrialState.COMPLETE]

    def _ranked(self, finished: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """The best first: completed trials by the objective, then paused ones, the later the better.

        Under several objectives completed trials come by how many others beat them in all; those that nobody beats
        change their order from draw to draw, so that each may lead.
        """
        whole = [trial for trial in finished if trial.state is TrialState.COMPLETE]
        paused = [trial for trial in finished if trial.state is not TrialState.COMPLETE]
        values = [trial.values for trial in whole]
        figures = np.array(self._signs) * np.array(values).reshape(len(whole), len(self._signs))
        if len(self._signs) > 1:
            is_as_good = (figures[:, None] <= figures[None]).all(2)
            beaten = (is_as_good & ~is_as_good.T).sum(0)
            order = np.lexsort((self._random.random(len(whole)), beaten))
        else:
            order = np.argsort(figures[:, 0], kind="stable")
        return [whole[index] for index in order] + sorted(paused, key=self._rank_paused)

    def _rank_paused(self, trial: FrozenTrial) -> tuple[int, float]:
        step, value = max(trial.intermediate_values.items(), default=(-1, math.inf))
        return -step, self._signs[0] * value

    def _in_block(self, name: str) -> float:
        """A number in 0..1 for a dimension of this draw, each eighth once in eight draws in the whole space."""
        block, place = divmod(max(self._anywhere - 1, 0), BLOCK)
        order = np.random.default_rng([self._seed, block, zlib.crc32(name.encode())]).permutation(BLOCK)
        return float(order[place] + self._random.random()) / BLOCK


def near(distribution: BaseDistribution, value: Value, chance: np.random.Generator, *, reach: float) -> Value:
    """Another value of ``distribution``, close to ``value``: of choices any other, each as likely.

    reach: deviation of a number, as a share of its range (of its logarithm's, where it is searched so).
    """
    if isinstance(distribution, CategoricalDistribution):
        others = [choice for choice in distribution.choices if choice != value]
        return others[chance.integers(len(others))] if others else value  # type: ignore[return-value]
    drawn = value
    while drawn == value and not distribution.single():
        moved = share_at(value, distribution) + reach * chance.normal()
        reflected = abs(moved) % 2.0  # at the ends it is reflected: cut off, a tenth of all draws would lie on them
        drawn = value_at(2.0 - reflected if reflected > 1.0 else reflected, distribution)
    return drawn
