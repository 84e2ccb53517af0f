"""Where a replayed search gets its curves: the bank itself, in an order, or a forest fitted to it, by configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import Protocol

import numpy as np

from sparring.models.config import Config
from sparring.records import PRUNERS, RUNGS, SAMPLERS, Value
from sparring.space import Space

from .configurations import draw
from .curves import Curve, Table
from .forest import Forest
from .neps_code import PriorBand
from .ours import Ours
from .points import with_wrong_points, without_points
from .slots import Strategy
from .strategies import BlindHalving, Budget, OneEpoch, Peeking, Whole
from .synetune_code import QuantileAsha
from .their_code import OptunaSearch, TuneAsha

Search = tuple[Strategy, Callable[[int], Curve]]
"""A strategy, and the curve of each trial that it begins."""


class World(Protocol):
    """One system's curves, and the strategies that can be replayed on them."""

    name: str
    table: Table

    @property
    def strategies(self) -> Mapping[str, Callable[[Budget, int], Search]]:
        """By name: makes a search from its budget and seed."""

    @property
    def default(self) -> float:
        """What the published default reaches."""

    @property
    def best(self) -> float:
        """The best that is known to be reached by anything."""


class BankWorld:
    """Trials are the default, the points to try first, and then draws from the bank with replacement; for every
    strategy the same ones under the same seed. It compares rules; samplers have nothing to do."""

    name = "bank"

    def __init__(self, table: Table) -> None:
        self.table = table

    @property
    def default(self) -> float:
        return self.table.default.truth

    @property
    def best(self) -> float:
        return self.table.best

    def order(self, seed: int) -> Callable[[int], Curve]:
        """The curve of each trial."""
        first = [self.table.default, *self.table.tried]

        def curve_of(number: int) -> Curve:
            rng = np.random.default_rng([seed, number])
            known = first[number] if number < len(first) else self.table.known[int(rng.integers(len(self.table.known)))]
            return known.curves[sorted(known.curves)[rng.integers(len(known.curves))]]

        return curve_of

    @cached_property
    def strategies(self) -> Mapping[str, Callable[[Budget, int], Search]]:
        epochs, first = self.table.epochs, 1 + len(self.table.tried)

        def ours(pruner: str, rungs: int = RUNGS) -> Callable[[Budget, int], Search]:
            def make(budget: Budget, seed: int) -> Search:
                order = self.order(seed)
                search = Ours(
                    budget, epochs, lambda number, _: order(number), seed=seed, first=first, pruner=pruner, rungs=rungs
                )
                return search, search.curve

            return make

        def optuna(pruner: str) -> Callable[[Budget, int], Search]:
            return lambda budget, seed: (
                OptunaSearch(budget, epochs, sampler="random", pruner=pruner, seed=seed),
                self.order(seed),
            )

        return {
            "ours": ours(PRUNERS[0]),
            **{f"ours, {pruner}": ours(pruner) for pruner in PRUNERS[1:]},
            "ours, one rung": ours(PRUNERS[0], 1),
            "whole": lambda budget, seed: (Whole(budget, epochs), self.order(seed)),
            "blind halving": lambda budget, seed: (BlindHalving(budget, epochs), self.order(seed)),
            "one epoch": lambda budget, seed: (OneEpoch(budget, epochs), self.order(seed)),
            "peeking": lambda budget, seed: (Peeking(budget, epochs, self.order(seed)), self.order(seed)),
            "Tune ASHA": lambda budget, seed: (TuneAsha(budget, epochs), self.order(seed)),
            "Optuna halving": optuna("halving"),
            "Optuna hyperband": optuna("hyperband"),
            "Optuna median": optuna("median"),
        }


class ForestWorld:
    """Trials are what a sampler draws; the forest says how they train. The same draw trains alike in any search of the
    same seed only if its number is the same: noise is drawn by seed and number."""

    name = "forest"

    def __init__(self, table: Table, space: Space[Config]) -> None:
        self.table, self.space, self.forest = table, space, Forest(table, space)

    @cached_property
    def default(self) -> float:
        return self.forest.truth(self.space.baseline())

    @cached_property
    def best(self) -> float:
        return self.forest.best()

    def curve(self, number: int, params: Mapping[str, Value], seed: int) -> Curve:
        return self.forest.curve(params, np.random.default_rng([seed, number]))

    def uniform(self, seed: int) -> Callable[[int], Curve]:
        """The default, then uniform draws."""

        def curve_of(number: int) -> Curve:
            rng = np.random.default_rng([seed, number, 1])
            return self.curve(number, draw(self.space, rng) if number else self.space.baseline(), seed)

        return curve_of

    @cached_property
    def strategies(self) -> Mapping[str, Callable[[Budget, int], Search]]:
        epochs = self.table.epochs

        def ours(sampler: str, space_of: Callable[[int], Space[Config]]) -> Callable[[Budget, int], Search]:
            def make(budget: Budget, seed: int) -> Search:
                def curve_of(number: int, params: Mapping[str, Value]) -> Curve:
                    return self.curve(number, params, seed)

                search = Ours(budget, epochs, curve_of, seed=seed, space=space_of(seed), sampler=sampler)
                return search, search.curve

            return make

        def optuna(sampler: str, pruner: str, *, told: bool = False) -> Callable[[Budget, int], Search]:
            def make(budget: Budget, seed: int) -> Search:
                space = self.space.without_model()
                search = OptunaSearch(budget, epochs, sampler=sampler, pruner=pruner, seed=seed, space=space, told=told)
                return search, lambda number: self.curve(number, search.params[number], seed)

            return make

        def priorband(base: str) -> Callable[[Budget, int], Search]:
            def make(budget: Budget, seed: int) -> Search:
                search = PriorBand(budget, epochs, base=base, seed=seed, space=self.space)
                return search, lambda number: self.curve(number, search.params[number], seed)

            return make

        def cqr(budget: Budget, seed: int) -> Search:
            search = QuantileAsha(budget, epochs, seed=seed, space=self.space)
            return search, lambda number: self.curve(number, search.params[number], seed)

        def shipped(seed: int) -> Space[Config]:
            return self.space

        one_rung = Space({**self.space.raw, "rungs": 1}, self.space.config_class, self.space.where)
        return {
            "ours": ours(SAMPLERS[0], shipped),
            "ours, one rung": ours(SAMPLERS[0], lambda seed: one_rung),
            "ours, tpe": ours("tpe", shipped),
            "ours, no points": ours(SAMPLERS[0], lambda seed: without_points(self.space)),
            "ours, wrong points": ours(SAMPLERS[0], lambda seed: with_wrong_points(self.space, seed)),
            "random, whole": lambda budget, seed: (Whole(budget, epochs), self.uniform(seed)),
            "random, blind halving": lambda budget, seed: (BlindHalving(budget, epochs), self.uniform(seed)),
            "random, one epoch": lambda budget, seed: (OneEpoch(budget, epochs), self.uniform(seed)),
            "random, Tune ASHA": lambda budget, seed: (TuneAsha(budget, epochs), self.uniform(seed)),
            "TPE": optuna("tpe", "none"),
            "TPE, halving": optuna("tpe", "halving"),
            "TPE, halving, points": optuna("tpe", "halving", told=True),
            "TPE, hyperband": optuna("tpe", "hyperband"),
            "GP, halving": optuna("gp", "halving"),
            **({"CQR, ASHA": cqr} if find_spec("syne_tune") else {}),
            **(
                {"PriorBand": priorband("hyperband"), "PriorBand, ASHA": priorband("asha")} if find_spec("neps") else {}
            ),
            # Optuna asks for a package of this name, which is none of this project's.
            **({"CMA-ES, halving": optuna("cmaes", "halving")} if find_spec("cmaes") else {}),
        }
