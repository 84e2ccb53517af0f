"""What the lines of `play.py` say: regrets, mean ranks with critical differences, how many trials others need.

Regret is (found − best)/(default − best), 0 to 1: 1 is no better than the published default, also if nothing was found;
best is the best that any trial of any search, or any configuration of the bank, reaches in truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from .play import Key

OURS = "ours"


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Mean ranks of strategies over blocks, a block being a system and a seed; 1 is best."""

    means: Mapping[str, float]
    blocks: int
    p: float
    """Friedman's test that all are alike."""
    critical: float
    """Nemenyi's critical difference at 0.05: means that are nearer are not told apart."""


class Lines:
    """All searches of one world."""

    def __init__(self, lines: Mapping[Key, Mapping[str, Any]], world: str) -> None:
        self._lines: dict[tuple[str, str, str], dict[int, Mapping[str, Any]]] = defaultdict(dict)
        self._best: dict[str, float] = defaultdict(lambda: np.inf)
        for key, line in sorted(lines.items()):
            if key.world == world:
                self._lines[key.system, key.strategy, key.budget][key.seed] = line
                reached = min(line["best"], line["best_begun"] or np.inf)
                self._best[key.system] = min(self._best[key.system], reached)
        systems, strategies, budgets = (set(names) for names in zip(*self._lines, strict=True))
        self.systems = sorted(systems)
        self.strategies = sorted(strategies, key=lambda name: (name != OURS, name))
        self.budgets = sorted(budgets, key=_by_unit)

    def of(self, system: str, strategy: str, budget: str) -> Mapping[int, Mapping[str, Any]]:
        """The lines by seed."""
        return self._lines.get((system, strategy, budget), {})

    def regret(self, system: str, line: Mapping[str, Any], found: float | None) -> float:
        span = line["default"] - self._best[system]
        if found is None or span <= 0:
            return 1.0 if found is None else 0.0
        return float(np.clip((found - self._best[system]) / span, 0.0, 1.0))

    def regrets(self, system: str, strategy: str, budget: str) -> dict[int, float]:
        """By seed."""
        lines = self.of(system, strategy, budget)
        return {seed: self.regret(system, line, line["found"]) for seed, line in lines.items()}

    def stopped(self, system: str, strategy: str, budget: str) -> list[float]:
        """By seed: the regret that stopping added, 0 if a trial that reaches as much as the best was finished."""
        return [
            self.regret(system, line, line["best_whole"]) - self.regret(system, line, line["best_begun"])
            for line in self.of(system, strategy, budget).values()
        ]

    def mean(self, strategy: str, budget: str, field: str) -> float:
        """Mean over seeds, then over systems, of a line's field; NaN where a system is missing."""
        lines = [self.of(system, strategy, budget).values() for system in self.systems]
        return float(np.mean([np.mean([line[field] for line in each]) if each else np.nan for each in lines]))

    def ranks(self, budget: str) -> Ranks | None:
        """Over the blocks that all have, without strategies that miss half of them; None if there is no choice."""
        blocks: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
        for system in self.systems:
            for strategy in self.strategies:
                for seed, regret in self.regrets(system, strategy, budget).items():
                    blocks[system, seed][strategy] = regret
        often = [name for name in self.strategies if 2 * sum(name in block for block in blocks.values()) > len(blocks)]
        table = np.array([[block[name] for name in often] for block in blocks.values() if set(often) <= set(block)])
        return rank(often, table) if len(often) > 2 and len(table) > 1 else None

    def paths(self, system: str, strategy: str, budget: str) -> np.ndarray:
        """(seeds, trials) regret of what would be named after so many trials; 1 before there is anything."""
        lines = self.of(system, strategy, budget)
        length = max((line["begun"] for line in lines.values()), default=0)
        paths = np.ones((len(lines), length))
        for path, line in zip(paths, lines.values(), strict=True):
            for count, truth in line["path"]:
                path[count - 1 :] = self.regret(system, line, truth)
        return paths

    def needed(self, system: str, strategy: str, few: str, many: str) -> int | None:
        """Trials after which the median of a strategy's seeds is as good as that of ours after the budget ``few``.

        Read from its searches of the budget ``many``; None if they are not enough.
        """
        ours = list(self.regrets(system, OURS, few).values())
        paths = self.paths(system, strategy, many)
        if not ours or not len(paths):
            return None
        reached = np.flatnonzero(np.median(paths, axis=0) <= np.median(ours))
        return int(reached[0]) + 1 if len(reached) else None


def rank(names: Sequence[str], table: np.ndarray) -> Ranks:
    """table: (blocks, strategies) regrets."""
    means = rankdata(table, axis=1).mean(0)
    blocks, count = table.shape
    # Nemenyi's q: the studentised range of infinitely many degrees of freedom over the root of two (Demšar, JMLR 2006).
    q = studentized_range.ppf(0.95, count, np.inf) / np.sqrt(2)
    is_flat = bool((table == table[:, :1]).all())
    return Ranks(
        means=dict(sorted(zip(names, means.tolist(), strict=True), key=lambda pair: pair[1])),
        blocks=blocks,
        p=1.0 if is_flat else float(friedmanchisquare(*table.T).pvalue),
        critical=float(q * np.sqrt(count * (count + 1) / (6 * blocks))),
    )


def worlds_of(keys: Iterable[Key]) -> list[str]:
    """The worlds that searches were replayed in."""
    return sorted({key.world for key in keys})


def _by_unit(budget: str) -> tuple[bool, int]:
    count, unit = budget.split()
    return unit != "trials", int(count)
