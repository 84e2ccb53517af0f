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


def lines(look: Look | None = None, **more: object) -> list[str]:
    console = Console(width=100, record=True, file=io.StringIO())
    objective = [Objective(metric="val/score")]
    console.print(comparison_table(objective, row(14, 0.12), row(0, 0.1441), look=look, **more))
    return console.export_text().splitlines()


def test_a_gain_within_what_another_seed_does_is_about_the_same():
    (told,) = (line for line in lines() if "val/score" in line)
    assert told.rstrip().endswith("1.2 times lower")
    (told,) = (line for line in lines(sigma=0.08) if "val/score" in line)
    assert told.rstrip().endswith("about the same"), "1.2 lies within exp(1.96 * sqrt(2) * 0.08) = 1.25"
    (told,) = (line for line in lines(sigma=0.06) if "val/score" in line)
    assert told.rstrip().endswith("1.2 times lower")
    default, best = Interval(0.144, 0.13, 0.16), Interval(0.12, 0.10, 0.14)
    for low, high, words in ((-0.05, 0.002, "about the same"), (-0.05, -0.002, "1.2 times lower")):
        difference = {"test/score": Interval(-0.024, low, high)}
        look = Look(
            number=1, trial=14, trials=20, rows=205, winner={"test/score": best}, default={"test/score": default},
            difference=difference,
        )  # fmt: skip
        (told,) = (line for line in lines(look) if "test/score" in line)
        assert told.rstrip().endswith(words)


def test_values_that_are_the_same_in_both_are_counted_in_a_summary():
    one, other = row(14, 0.12), row(0, 0.1441)
    one.params.update(a=1, b=2, c=3)
    other.params.update(a=1, b=2, c=4)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(comparison_table([Objective(metric="val/score")], one, other, is_short=True))
    said = console.export_text()
    assert "… 2 more, same in both" in said
    assert [line.split() for line in said.splitlines() if line.startswith(("a ", "b ", "c "))] == [["c", "4", "3"]]
