"""A sound study of sixty trials, made up in memory, and the twelve faults that the health checks look for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sparring.ledger import Look
from sparring.ledger.effort import Effort
from sparring.records import Interval, Objective, Outcome, StudySpec, TrialRow
from sparring.report.checks.evidence import Evidence
from sparring.report.held_out import HeldOut
from sparring.report.importance import Importance, measure_importance
from sparring.report.reading import Report
from sparring.report.yardsticks import Yardstick
from sparring.space.dimension_toml import read_dimension

SEARCH: Mapping[str, Any] = {
    "lr_gen": {"loguniform": [1e-4, 1e-1]},
    "w_adv": {"loguniform": [1e-3, 1.0], "off": 0.0},
    "width": {"choice": [32, 64, 128]},
}
METRIC = "val/score"
COUNT, EPOCHS, RUNG = 60, 27, 3
HEALTH = {"health/dis_auc": 0.7, "health/grad_dis": 0.2}

Rows = list[TrialRow]


def worth(params: Mapping[str, Any]) -> float:
    """What a configuration reaches: best in the middle of its ranges."""
    off = (math.log10(params["lr_gen"]) + 2.5) ** 2 + 0.3 * (math.log10(params["w_adv"]) + 1.5) ** 2
    return 0.05 + 0.06 * off + 0.01 * (params["width"] != 64)


SEED = 4


def sound(value: Callable[[Mapping[str, Any]], float] = worth, noise: float = 0.02) -> Rows:
    """Sixty trials, of which the worse half stops at epoch 3; the default is trial 0."""
    rng = np.random.default_rng(SEED)
    rows = []
    for number in range(COUNT):
        params = {
            "lr_gen": 10 ** rng.uniform(-4, -1), "w_adv": 10 ** rng.uniform(-3, 0),
            "width": int(rng.choice([32, 64, 128])),
        } if number else {"lr_gen": 2e-4, "w_adv": 0.5, "width": 32}  # fmt: skip
        rows.append(ended(number, params, value(params) * math.exp(noise * rng.standard_normal())))
    middle = float(np.median([row.value or 0.0 for row in rows]))
    return [row if (row.value or 0.0) < middle or row.trial == 0 else stop(row) for row in rows]


def ended(number: int, params: Mapping[str, Any], value: float, **fields: Any) -> TrialRow:
    known: dict[str, Any] = {
        "attempt": 1, "seed": 0, "outcome": Outcome.COMPLETED, "best_epoch": EPOCHS, "epochs": EPOCHS, "wall_s": 2.0,
        "wait_s": 0.1, "start_s": 0.1, "report_s": 0.1, "lost_s": 0.0, "metrics": {METRIC: value, **HEALTH},
    }  # fmt: skip
    return TrialRow(trial=number, params=params, value=value, **{**known, **fields})


def stop(row: TrialRow) -> TrialRow:
    """Pruned at the rung, with what it had by then."""
    value = at_rung(row.value or 0.0)
    return replace(row, outcome=Outcome.PRUNED, epochs=RUNG, best_epoch=RUNG, value=value, metrics={METRIC: value})


def at_rung(value: float) -> float:
    return value * 1.5


def fail(row: TrialRow, outcome: Outcome, error: str | None = None) -> TrialRow:
    return replace(row, outcome=outcome, value=None, best_epoch=None, metrics={}, error=error)


def evidence(
    rows: Rows,
    *,
    rival: float = 0.2,
    tested: tuple[float, float] = (1.05, 1.05),
    trials: int = COUNT,
    early: Callable[[TrialRow], float] = lambda row: at_rung(row.value or 0.0),
) -> Evidence:
    """rival: a yardstick's figure. tested: figures on the test rows over those on the validation rows, of the winner
    and of the default. trials: the budget. early: a completed trial's figure at the rung."""
    spec = StudySpec(name="made-up", model="aegan", dataset="exafs", split="75/15/10", space={"search": SEARCH},
                     trials=trials)  # fmt: skip
    dimensions = tuple(read_dimension(name, table, name) for name, table in SEARCH.items())
    objective = Objective(metric=METRIC)
    ranked = sorted(rows, key=lambda row: (row.outcome is not Outcome.COMPLETED, row.value or math.inf, row.trial))
    best, default = ranked[0], next(row for row in rows if row.trial == 0)
    figures = [(row.value or 0.0) * share for row, share in zip((best, default), tested, strict=True)]
    gap = figures[0] - figures[1]
    ridge = Yardstick(name="ridge", figures={METRIC: rival}, seconds=0.1, test={"test/score": interval(rival)})
    look = Look(
        number=1, trial=best.trial, trials=len(rows), rows=100, winner={"test/score": interval(figures[0])},
        default={"test/score": interval(figures[1])}, difference={"test/score": Interval(gap, gap - 0.01, gap + 0.01)},
    )  # fmt: skip
    report = Report(
        folder=Path("made-up"), spec=spec, dimensions=dimensions, trials=tuple(ranked), best=best, table=pa.table({}),
        importance=importance_of(ranked, dimensions, objective),
        held_out=HeldOut(objective=objective, looks=(look,), rows=100, ended=len(rows), split="75/15/10",
                         best=best.trial),
        yardsticks=(ridge,),
    )  # fmt: skip
    curves = {
        row.trial: {RUNG: early(row), EPOCHS: row.value} if row.epochs > RUNG else {RUNG: row.value}
        for row in rows
        if row.value is not None
    }
    return Evidence(
        report=report, curves=curves, attempts=(), retrainings=(), effort=Effort(epochs=1000, seconds=100.0),
        epochs=EPOCHS, is_running=False,
    )  # fmt: skip


def importance_of(ranked: Rows, dimensions: Any, objective: Objective) -> Importance:
    """A forest per set of outcomes and figures: several faults have the same."""
    key = tuple((row.trial, row.outcome, row.value) for row in ranked)
    if key not in _measured:
        _measured[key] = measure_importance(ranked, dimensions, objective)
    return _measured[key]


_measured: dict[object, Importance] = {}


def forget() -> None:
    """After another ``SEED``."""
    _measured.clear()


def interval(value: float) -> Interval:
    return Interval(value, value - 0.005, value + 0.005, tuple(value + shift for shift in (-0.005, 0.0, 0.005)))


def every(step: int, change: Callable[[TrialRow], TrialRow]) -> Rows:
    """The sound study with every so many trials changed; trial 0 stays."""
    return [change(row) if row.trial and row.trial % step == 0 else row for row in sound()]


def change_best(**fields: Any) -> Rows:
    """The sound study with other fields of its best trial."""
    rows = sound()
    best = min((row for row in rows if row.outcome is Outcome.COMPLETED), key=lambda row: row.value or 0.0)
    return [replace(row, **fields) if row is best else row for row in rows]


def rising(params):
    """Best beyond the upper end of lr_gen."""
    return 0.05 * (1.5 - math.log10(params["lr_gen"]) - 1.0) ** 2


def beyond_default(_):
    return 0.04


def unpredictable():
    draw = np.random.default_rng(1)
    return lambda params: 0.05 + 0.2 * draw.random()


def default_wins():
    return [replace(row, value=0.02, metrics={**row.metrics, METRIC: 0.02}) if row.trial == 0 else row
            for row in sound()]  # fmt: skip


def lucky():
    """The best trial is one whose neighbours are poor."""
    return [*sound()[:-1], ended(COUNT - 1, {"lr_gen": 9e-2, "w_adv": 0.9, "width": 32}, 0.03)]


def without_adversary():
    params = next(row for row in sorted(sound(), key=lambda row: row.value or 9)).params
    return change_best(params={**params, "w_adv": 0.0})


def guessed_at_the_rung(row):
    """Its order has nothing to do with that of the end."""
    return 0.2 + 0.01 * ((row.trial * 7919) % 31)


FAULTS = {
    "Do trials survive?": lambda: evidence(every(3, lambda row: fail(row, Outcome.CRASHED, "OSError: disk"))),
    "Can what is drawn be trained?": lambda: evidence(
        [fail(row, Outcome.DIVERGED) if row.trial and row.params["lr_gen"] > 1e-2 else row for row in sound()]
    ),
    "Is every yardstick beaten?": lambda: evidence(sound(), rival=0.01),
    "Does the gain hold on the test rows?": lambda: evidence(sound(), tested=(1.7, 0.8)),
    "Is the default beaten?": lambda: evidence(default_wins()),
    "Is the best more than luck?": lambda: evidence(lucky()),
    "Does the best spar?": lambda: evidence(without_adversary()),
    "Are the ranges wide enough?": lambda: evidence(sound(rising)),
    "Does stopping early pay?": lambda: evidence(sound(), early=guessed_at_the_rung),
    "Do the hyperparameters matter?": lambda: evidence(sound(unpredictable())),
    "Is the search at its end?": lambda: evidence(sound(), trials=4 * COUNT),
    "Were enough trials drawn?": lambda: evidence(sound()[:8], trials=8),
}
