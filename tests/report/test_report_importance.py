"""Which hyperparameters mattered."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from support.reports import trial

from sparring.records import Objective, Outcome, TrialRow
from sparring.report.importance import encode, measure_importance
from sparring.space.dimension import Dimension

DIMENSIONS = (
    Dimension(name="lr", kind="float", low=1e-5, high=1e-1, log=True),
    Dimension(name="decay", kind="float", low=1e-6, high=1e-2, log=True, off=0.0),
    Dimension(name="loss", kind="str", choices=("mse", "wcc", "l1")),
    Dimension(name="width", kind="int", low=5, high=15, when={"loss": ("wcc",)}),
    Dimension(name="idle", kind="float", low=0.0, high=1.0),
)


def drawn(count: int, seed: int = 0) -> list[TrialRow]:
    """Trials in which lr (best at 1e-3) matters most, the loss some, the others not at all."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        loss = str(draw.choice(["mse", "wcc", "l1"]))
        params = {
            "lr": float(10 ** draw.uniform(-5, -1)),
            "decay": 0.0 if draw.random() < 0.5 else float(10 ** draw.uniform(-6, -2)),
            "loss": loss,
            "idle": float(draw.random()),
        } | ({"width": int(draw.integers(5, 16))} if loss == "wcc" else {})
        value = (math.log10(params["lr"]) + 3) ** 2 + (loss == "wcc") + 0.05 * draw.normal()
        rows.append(trial(number, Outcome.COMPLETED, value, params=params))
    return rows


def test_importance_finds_what_was_built_into_the_trials():
    found = measure_importance(drawn(60), DIMENSIONS, Objective(metric="val/score"))
    shares = {factor.name: factor.share for factor in found.factors}
    assert [factor.name for factor in found.factors][:2] == ["lr", "loss"]
    assert shares["lr"] > 0.5
    assert abs(shares["idle"]) < 0.1
    assert abs(shares["decay"]) < 0.1
    assert found.explained > 0.6


def test_a_conditional_hyperparameter_is_not_credited_with_its_condition():
    # The loss matters, the width never does, and whether a width exists tells the loss.
    found = measure_importance(drawn(60), (DIMENSIONS[0], DIMENSIONS[3]), Objective(metric="val/score"))
    assert abs({factor.name: factor.share for factor in found.factors}["width"]) < 0.1


def test_importance_of_noise_is_called_noise():
    values = np.random.default_rng(1).normal(size=24)
    pairs = enumerate(zip(drawn(24), values, strict=True))
    rows = [trial(n, Outcome.COMPLETED, float(value), params=row.params) for n, (row, value) in pairs]
    found = measure_importance(rows, DIMENSIONS, Objective(metric="val/score"))
    assert found.explained < 0.1
    assert "read these as noise" in found.sentence


def test_the_direction_of_the_objective_only_turns_the_best_quarter_around():
    rows = drawn(40)
    turned = [trial(row.trial, row.outcome, -row.value, params=row.params) for row in rows]
    lower = measure_importance(rows, DIMENSIONS, Objective(metric="val/score"))
    higher = measure_importance(turned, DIMENSIONS, Objective(metric="val/score", goal="maximize"))
    assert lower == higher


def test_failed_trials_and_missing_values_do_not_count():
    rows = [*drawn(10), trial(90, Outcome.DIVERGED), trial(91, Outcome.CRASHED, 0.1)]
    found = measure_importance(rows, DIMENSIONS, Objective(metric="val/score"))
    assert "on 10 completed and pruned trials" in found.sentence


def test_a_pruned_trial_ranks_after_the_completed_and_by_how_long_it_lasted():
    # Pruned values are all lower; only how long a trial lasted follows lr.
    draw = np.random.default_rng(0)
    rows = []
    for number in range(60):
        lr = float(10 ** draw.uniform(-5, -1))
        epochs = 27 if lr > 1e-2 else 9 if lr > 1e-4 else 3
        outcome = Outcome.COMPLETED if epochs == 27 else Outcome.PRUNED
        rows.append(trial(number, outcome, epochs / 27 + 0.01 * draw.random(), epochs=epochs, params={"lr": lr}))
    found = measure_importance(rows, DIMENSIONS[:1], Objective(metric="val/score"))
    low, high = map(float, re.findall(r"[\d.e-]+", found.factors[0].best))
    assert found.factors[0].share > 0.5
    assert 1e-2 < low < high


def test_codes_keep_the_order_of_values_and_put_missing_ones_below():
    lr, decay, loss, width, _ = DIMENSIONS
    assert encode(lr, 1e-3) - encode(lr, 1e-4) == pytest.approx(1.0)
    assert encode(decay, None) < encode(decay, 0.0) < encode(decay, 1e-6)
    assert encode(loss, None) < encode(loss, "mse") < encode(loss, "l1")
    assert encode(width, None) < encode(width, 5)
