"""The table at a search's end: every name and figure whole on a terminal of 80 columns."""

from __future__ import annotations

import io

from rich.console import Console

from sparring.display.summary import comparison_table
from sparring.ledger.looks import Look
from sparring.models import find_model
from sparring.records import Interval, Objective, Outcome, TrialRow

METRICS = sorted(name for name in find_model("aegan").Config.emitted() if name.startswith("val/"))


def row(trial: int, value: float) -> TrialRow:
    return TrialRow(
        trial=trial, attempt=1, seed=0, outcome=Outcome.COMPLETED, params={"lr_gen": 0.002 * trial + 0.01}, value=value,
        best_epoch=3, epochs=3, metrics=dict.fromkeys(METRICS, value),
    )  # fmt: skip


def test_names_and_intervals_are_whole_at_80_columns():
    default, best = Interval(0.1494, 0.1328, 0.1665), Interval(0.05763, 0.04942, 0.06675)
    look = Look(number=1, trial=14, trials=20, rows=205, winner={"test/score": best}, default={"test/score": default})
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(comparison_table([Objective(metric="val/score")], row(14, 0.04786), row(0, 0.1441), look=look))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert ["published", "default", "best:", "trial", "14"] in lines
    for name in METRICS:
        assert [name, "0.1441", "0.04786", "3.01", "times", "lower"] in lines
    assert ["95", "%", "interval,", "from", "0.1328", "0.04942"] in lines
    assert ["over", "test", "rows,", "to", "0.1665", "0.06675"] in lines
