"""The live view of the README's picture: the bare search of the AEGAN, seed 4, when it had trained for 110 s."""

from __future__ import annotations

from rich.console import Console

from sparring.display import LiveView
from sparring.records import Left, Objective, Outcome, RunningTrial, Snapshot, TrialRow

COMMAND = "python -m platform.search aegan"
WIDTH = 100
"""Columns of the picture."""


def _ended(number: int, value: float) -> TrialRow:
    return TrialRow(
        trial=number, attempt=1, seed=4, outcome=Outcome.COMPLETED, params={}, value=value, best_epoch=25, epochs=27,
        metrics={},
    )  # fmt: skip


SNAPSHOT = Snapshot(
    trials=None,
    outcomes={Outcome.COMPLETED: 3},
    paused=6,
    running=(
        RunningTrial(number=9, attempt=1, epoch=1, epochs=27, value=0.2818),
        RunningTrial(number=10, attempt=1, epoch=1, epochs=27, value=0.4359),
    ),
    best=_ended(2, 0.0479),
    baseline=_ended(0, 0.1576),
    epochs=110,
    elapsed_s=110.4,
    left=Left(seconds=173.0, low=173.0, high=173.0),
    trained_s=52.5,
    train_limit_s=135.0,
)


def print_panel(console: Console, snapshot: Snapshot = SNAPSHOT) -> None:
    """As the live view draws it."""
    view = LiveView(
        console, title="aegan-exafs · aegan on exafs", objective=Objective(metric="val/score"),
        results="results/aegan-exafs", tensorboard="tensorboard --logdir results/aegan-exafs/tensorboard",
        dashboard="http://127.0.0.1:8265",
    )  # fmt: skip
    console.print(view._panel(snapshot))
