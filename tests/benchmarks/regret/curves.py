"""What the bank holds of one system: each configuration's curves, lower better, and how early they tell the end."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.stats import kendalltau

from sparring.records import Outcome, Value


@dataclass(frozen=True, eq=False)
class Curve:
    """One training as a search sees it."""

    values: np.ndarray
    """(epochs,) the objective of each epoch, times its sign; NaN last if the training diverged."""
    best: np.ndarray
    """(epochs,) the best of them up to each epoch; infinite before the first finite one."""
    clock: np.ndarray
    """(epochs + 1,) seconds of training until the end of each epoch; 0 first."""
    is_whole: bool
    """Whether it reached its end. If not, its last epoch is the one with a figure that is not finite."""
    truth: float
    """What its configuration reaches at the end, over the seeds that are known; infinite if it never does."""

    @property
    def epochs(self) -> int:
        return len(self.best)


@dataclass(frozen=True, kw_only=True)
class Known:
    """One configuration of the bank."""

    number: int
    kind: str
    params: Mapping[str, Value]
    config: Mapping[str, object]
    """The Config's fields that are not at their defaults."""
    values: Mapping[int, np.ndarray] = field(default_factory=dict)
    """By seed: the objective of each epoch, times its sign; NaN last if the training diverged."""
    curves: Mapping[int, Curve] = field(default_factory=dict)

    @property
    def truth(self) -> float:
        """The mean over its seeds of what they reach."""
        return next(iter(self.curves.values())).truth


@dataclass(frozen=True, eq=False)
class Table:
    """All that the bank holds of one system and can be compared."""

    system: str
    epochs: int
    known: Sequence[Known]
    setup: Mapping[str, object]

    @cached_property
    def default(self) -> Known:
        """The published default."""
        return next(known for known in self.known if known.number == 0)

    @cached_property
    def tried(self) -> list[Known]:
        """The points to try first, in their order."""
        return [known for known in self.known if known.kind.startswith("try ")]

    @cached_property
    def best(self) -> float:
        """What the best configuration reaches."""
        return min(known.truth for known in self.known)

    @cached_property
    def whole_s(self) -> float:
        """Seconds of a whole training, in the mean over the configurations."""
        return float(np.mean([curve.clock[-1] for curve in self._first_seeds if curve.is_whole]))

    @cached_property
    def rank_correlation(self) -> list[float]:
        """By epoch: Kendall's tau between the best so far and the end, over the whole curves of each first seed."""
        whole = [curve for curve in self._first_seeds if curve.is_whole and curve.epochs == self.epochs]
        best = np.array([curve.best for curve in whole])
        return [float(kendalltau(best[:, epoch], best[:, -1]).statistic) for epoch in range(self.epochs)]

    @cached_property
    def seed_noise(self) -> float:
        """Standard deviation of the logarithm of what one configuration reaches, over its seeds (pooled)."""
        groups = [
            np.log([curve.best[-1] for curve in known.curves.values()])
            for known in self.known
            if len(known.curves) > 1 and all(curve.is_whole and curve.best[-1] > 0 for curve in known.curves.values())
        ]
        if not groups:
            return 0.0
        return float(np.sqrt(sum(((g - g.mean()) ** 2).sum() for g in groups) / sum(len(g) - 1 for g in groups)))

    @property
    def _first_seeds(self) -> list[Curve]:
        return [known.curves[min(known.curves)] for known in self.known]

    def regret(self, value: float) -> float:
        """How far a value is from the best: 1 is the default's, or worse; 0 the best."""
        span = self.default.truth - self.best
        return float(np.clip((value - self.best) / span, 0.0, 1.0)) if span > 0 else 0.0


def make_curve(values: np.ndarray, cpu_s: np.ndarray, *, is_whole: bool, truth: float | None = None) -> Curve:
    """values: the objective of each epoch, times its sign; NaN and infinite ones never become the best."""
    best = np.minimum.accumulate(np.where(np.isfinite(values), values, np.inf))
    truth = (float(best[-1]) if is_whole else np.inf) if truth is None else truth
    clock = np.concatenate([[0.0], np.cumsum(cpu_s)])
    return Curve(values=values, best=best, clock=clock, is_whole=is_whole, truth=truth)


def read_table(file: Path, space: str | None = None) -> Table:
    """The trainings of a system's file with the commonest setup.

    space: the fingerprint, its first ten digits, of the space whose default and points to try first these are; None
    takes the commonest. What was drawn from other spaces is one more draw.
    """
    trainings: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in pq.read_table(file).to_pylist():
        trainings[row["training"]].append(row)
    setup = Counter(str(rows[0]["setup"]) for rows in trainings.values()).most_common(1)[0][0]
    trainings = {name: rows for name, rows in trainings.items() if rows[0]["setup"] == setup}
    spaces = Counter(str(rows[0]["space"]) for rows in trainings.values())
    own = space if space is not None and space in spaces else spaces.most_common(1)[0][0]
    meaning = json.loads(setup)
    sign = 1.0 if meaning["objective"][1] == "minimize" else -1.0
    by_config: dict[str, list[list[dict[str, object]]]] = defaultdict(list)
    for rows in trainings.values():
        by_config[str(rows[0]["config"])].append(sorted(rows, key=lambda row: int(str(row["epoch"]))))
    known = [_known(group, sign, own) for group in by_config.values()]
    return Table(file.stem, int(meaning["epochs"]), sorted(known, key=lambda each: each.number), meaning)


def _known(group: list[list[dict[str, object]]], sign: float, own: str) -> Known:
    """One configuration from its trainings."""
    values, curves, ends = {}, {}, []
    group = sorted(group, key=lambda rows: (rows[0]["space"] != own, int(str(rows[0]["seed"]))))
    for rows in group:
        seed = int(str(rows[0]["seed"]))
        values[seed] = sign * np.array([row["value"] for row in rows], float)
        is_whole = rows[0]["outcome"] == Outcome.COMPLETED.value
        curves[seed] = make_curve(values[seed], np.array([row["cpu_s"] for row in rows], float), is_whole=is_whole)
        ends.append(curves[seed].truth)
    first = group[0][0]
    is_own = first["space"] == own
    return Known(
        number=int(str(first["number"])) if is_own else 1_000_000 + int(str(first["number"])),
        kind=str(first["kind"]) if is_own else "of another space",
        params=json.loads(str(first["params"])),
        config=json.loads(str(first["config"])),
        values=values,
        curves={seed: replace(curve, truth=float(np.mean(ends))) for seed, curve in curves.items()},
    )
