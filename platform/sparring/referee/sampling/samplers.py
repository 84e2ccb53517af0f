"""The samplers by name: which of Optuna's it is, what it can do, and what it must be told.

TPE, prior and random draws take a space as it is. The others want the same parameters of every trial; Optuna would draw
at random, without a word, what some trials lack. So they draw every field, also one that does not apply or whose switch
is off (a *flat* space), and the Config gets what applies.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from ...errors import UnknownName
from ...records import SAMPLERS
from .prior_sampler import PriorSampler
from .sobol import SobolSampler

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ...space import Space

POPULATION = 8
"""Trials of a generation of nsga2 and nsga3. Optuna's 50 would leave a study of 50 trials random, and was worse than 8
at 24, 100 and 200 trials, by one objective and by two (tests/benchmarks/samplers.py)."""

WARM_START = 10
"""Completed trials, of this study or else of earlier ones, from which a cmaes begins: its start is fitted to the best
tenth of them (arXiv:2012.06932)."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A study when its sampler is made: at its beginning, or when it is resumed."""

    space: Space[BaseModel]
    signs: Sequence[float]
    """+1 for each objective that is minimised, -1 for each that is maximised."""
    seed: int
    trials: int
    """How many have begun."""
    completed: Sequence[FrozenTrial]
    earlier: Sequence[FrozenTrial] = ()
    """Of earlier studies."""


@dataclass(frozen=True, kw_only=True)
class SamplerKind:
    """One sampler, and how trials are shown to it."""

    make: Callable[[Begun], optuna.samplers.BaseSampler]
    is_flat: bool = True
    """Draws every field of every trial. It knows no pruned trials: these are shown as completed, with their value."""
    is_model: bool = False
    """Draws where its one model of the objectives expects most, and would do so again after a trial that failed. Such a
    trial is shown with the worst figures so far. A value that does not apply is shown as the middle of its range."""
    generation: str | None = None
    """Where Optuna notes a trial's generation, for those that breed."""
    redraws: int = 20
    """How often it draws anew where it draws what has been tried; after that the nearest is taken that has not."""
    earlier: int = 300
    """Most trials of earlier studies that it is shown."""
    shown: int | None = None
    """Most finished trials that it is shown; None: all."""
    best: int = 0
    """How many of these are the best; the rest are drawn evenly from all others."""


def _prior(begun: Begun) -> optuna.samplers.BaseSampler:
    known = [begun.space.to_optuna(params)[0] for params in begun.space.known]
    return PriorSampler(known, begun.signs, seed=begun.seed, drawn=begun.trials)


def _tpe(begun: Begun) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=begun.seed + begun.trials, multivariate=True, group=True, constant_liar=True)


def _gp(begun: Begun) -> optuna.samplers.BaseSampler:
    return optuna.samplers.GPSampler(seed=begun.seed + begun.trials, warn_independent_sampling=False)


def _cmaes(begun: Begun) -> optuna.samplers.BaseSampler:
    """Ranges by CMA-ES; it knows no choices and no switches, which TPE draws, each by itself.

    Its state is not in the ledger. A resumed one begins from a normal distribution fitted to the best tenth of the
    trials that have completed, once there are ``WARM_START``.
    """
    seed = begun.seed + begun.trials
    known = begun.completed if len(begun.completed) >= WARM_START else begun.earlier
    return optuna.samplers.CmaEsSampler(
        seed=seed,
        independent_sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        warn_independent_sampling=False,
        source_trials=[_ranges_of(trial) for trial in known] if len(known) >= WARM_START else None,
    )


def _ranges_of(trial: FrozenTrial) -> FrozenTrial:
    """The trial without its choices: what CMA-ES accepts as a trial to begin from."""
    ranges = {
        name: distribution
        for name, distribution in trial.distributions.items()
        if not isinstance(distribution, CategoricalDistribution)
    }
    params = {name: trial.params[name] for name in ranges}
    return create_trial(state=TrialState.COMPLETE, params=params, distributions=ranges, values=trial.values)


def _nsga2(begun: Begun) -> optuna.samplers.BaseSampler:
    return optuna.samplers.NSGAIISampler(seed=begun.seed + begun.trials, population_size=POPULATION)


def _nsga3(begun: Begun) -> optuna.samplers.BaseSampler:
    return optuna.samplers.NSGAIIISampler(seed=begun.seed + begun.trials, population_size=POPULATION)


def _qmc(begun: Begun) -> optuna.samplers.BaseSampler:
    distributions = begun.space.to_optuna(begun.space.baseline(), flat=True)[1]
    return SobolSampler(distributions, seed=begun.seed, position=max(begun.trials - begun.space.first, 0))


def _random(begun: Begun) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=begun.seed + begun.trials)


_KINDS: dict[str, SamplerKind] = {
    "prior": SamplerKind(make=_prior, is_flat=False, shown=500, best=100),
    # It goes through all of them for every draw: 0.04 s with 500, 0.9 s with 10,000 (docs/decisions/0008); at most 25
    # are modelled as good.
    "tpe": SamplerKind(make=_tpe, is_flat=False, shown=500, best=100),
    # A draw in 23 dimensions took 1 s of the processor after 100 trials, 4 to 8 after 500.
    "gp": SamplerKind(make=_gp, is_model=True, redraws=0, earlier=50, shown=100, best=50),
    # Whoever breeds from generations, or goes on from the last state, must see them whole.
    "cmaes": SamplerKind(make=_cmaes),
    "nsga2": SamplerKind(make=_nsga2, generation="NSGAIISampler:generation"),
    "nsga3": SamplerKind(make=_nsga3, generation="NSGAIIISampler:generation"),
    "qmc": SamplerKind(make=_qmc, redraws=10_000),
    "random": SamplerKind(make=_random, is_flat=False, redraws=10_000),
    "grid": SamplerKind(make=_random, is_flat=False),  # the study hands it its points
}


def find_sampler(name: str) -> SamplerKind:
    """The sampler called ``name``; raises UnknownName with the list of those there are."""
    if name not in _KINDS:
        raise UnknownName(f"--sampler: no sampler {name!r}; there are: {', '.join(SAMPLERS)}")
    return _KINDS[name]


def make_sampler(kind: SamplerKind, begun: Begun) -> optuna.samplers.BaseSampler:
    """Its seed depends on how many trials have begun, so that a resumed study does not draw its first ones again."""
    with warnings.catch_warnings():
        # TPE's group, which searches conditional parameters, and CMA-ES's trials to begin from are marked experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return kind.make(begun)
