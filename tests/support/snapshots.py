"""A search as the referee describes it to the live view, made up."""

from __future__ import annotations

from sparring.records import Left, Objective, Outcome, RunningTrial, Snapshot, TrialRow

SCORE = Objective(metric="val/score")


def row(number: int, value: float | None, outcome: Outcome = Outcome.COMPLETED, **rest: object) -> TrialRow:
    known = {"params": {"lr": 0.001, "loss": "mse"}, "best_epoch": 24, "metrics": {"val/score": value or 0.0}} | rest
    return TrialRow(trial=number, attempt=1, seed=0, outcome=outcome, value=value, **known)


BASELINE = row(0, 0.4)
BEST = row(7, 0.1, params={"lr": 0.02, "loss": "wcc", "width": 9})


def snapshot(finished: int = 12, **changes: object) -> Snapshot:
    known = {
        "trials": 24,
        "outcomes": {Outcome.COMPLETED: finished - 5, Outcome.PRUNED: 4, Outcome.CRASHED: 1},
        "running": (RunningTrial(number=13, attempt=2, epoch=12, epochs=30, value=0.25),),
        "best": BEST,
        "baseline": BASELINE,
        "epochs": 240,
        "elapsed_s": 60.0,
        "left": Left(45.0, 45.0, 45.0),
    }
    return Snapshot(**{**known, **changes})
