"""What every configuration would reach if nothing ever went wrong: the search's twin without faults, in closed form.

A trial's figures and its fate follow from its values alone, so any search, whatever died in it, must report these.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from sparring.records import EpochRow, Outcome, Value

METRICS = ("val/score", "health/moved_dis", "health/grad_dis")
FROZEN = {"health/moved_dis": 0.0, "health/grad_dis": 1.0}
"""Figures of a discriminator that has a gradient and does not move: three such epochs in a row end a trial."""
PATIENCE = 3


@dataclass(frozen=True)
class Fate:
    """How a configuration ends if nobody stops it: after which epoch, and how."""

    outcome: Outcome
    epochs: int
    sick_from: int


class Truth:
    """The figures and fates of all configurations of one study."""

    def __init__(self, epochs: int, goal: str) -> None:
        self.epochs, self.sign = epochs, 1.0 if goal == "minimize" else -1.0
        self.fate, self.scores, self.best = cache(self._fate), cache(self._scores), cache(self._best)

    @staticmethod
    def key(params: Mapping[str, Value]) -> str:
        return json.dumps(dict(params), sort_keys=True)

    def _fate(self, key: str) -> Fate:
        chance = Random(zlib.crc32(key.encode()) + 1)
        what, when = chance.random(), chance.randint(1, self.epochs)
        if what < 0.06:
            return Fate(Outcome.DIVERGED, when, when)
        if what < 0.10 and when + PATIENCE - 1 <= self.epochs:
            return Fate(Outcome.COLLAPSED, when + PATIENCE - 1, when)
        if what < 0.13:
            return Fate(Outcome.CRASHED, when - 1, when)
        if what < 0.15:
            return Fate(Outcome.INFEASIBLE, 0, 1)
        return Fate(Outcome.COMPLETED, self.epochs, self.epochs + 1)

    def _scores(self, key: str) -> tuple[float, ...]:
        """Of epochs 1, 2, …: falling, with noise, and no two configurations alike."""
        chance = Random(zlib.crc32(key.encode()))
        end, fall = chance.random(), chance.random() * 2
        return tuple(self.sign * (end + fall / n + 0.05 * chance.random()) for n in range(1, self.epochs + 1))

    def metrics(self, key: str, epoch: int) -> dict[str, float]:
        """What an epoch measures."""
        fate, score = self.fate(key), self.scores(key)[epoch - 1]
        if fate.outcome is Outcome.DIVERGED and epoch >= fate.sick_from:
            return {"val/score": math.nan}
        if fate.outcome is Outcome.COLLAPSED:
            return {"val/score": score, **(FROZEN if epoch >= fate.sick_from else {})}
        return {"val/score": score}

    def row(self, key: str, trial: int, attempt: int, epoch: int, epoch_s: float) -> EpochRow:
        return EpochRow(
            trial=trial, attempt=attempt, epoch=epoch, metrics=self.metrics(key, epoch), wall_s=epoch_s,
        )  # fmt: skip

    def _best(self, key: str, upto: int) -> tuple[float, int] | None:
        """The best score by an epoch, lower being better, and its epoch; None before any finite one."""
        fate, scores = self.fate(key), self.scores(key)
        whole = upto if fate.outcome is not Outcome.DIVERGED else min(upto, fate.sick_from - 1)
        return min(((self.sign * scores[n - 1], n) for n in range(1, whole + 1)), default=None)
