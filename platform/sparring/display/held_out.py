"""The figures on the test rows in words: what the winner reached there, how sure that is, how often it was looked."""

from __future__ import annotations

from collections.abc import Sequence

from ..ledger.looks import Look, test_name
from ..records import Interval, Objective
from .words import show


def show_interval(figure: Interval | None) -> str:
    """Its 95 % interval: 0.049 to 0.0574; a dash where there is none."""
    return "-" if figure is None or figure.low is None else f"{show(figure.low)} to {show(figure.high)}"


def winner_sentence(look: Look, objective: Objective) -> str:
    """The winner against the published default on the test rows, by the leading objective."""
    name = test_name(objective.metric)
    figure = look.winner.get(name)
    if figure is None:
        return ""
    start = f"{name} of trial {look.trial} is {show(figure.value)}"
    interval = "" if figure.low is None else f", 95 % interval {show_interval(figure)}"
    start += f" on {look.rows:,} rows that had no part in training or choice{interval}"
    compared = against("the published default", look.difference.get(name), objective)
    return f"{start}{compared and f'; {compared}'}. {objective.metric} chose it."


def against(other: str, difference: Interval | None, objective: Objective) -> str:
    """Whether the winner is better than another on the same rows. difference: its figure less the other's."""
    if difference is None or difference.low is None or difference.high is None:
        return ""
    sides = sorted(objective.sign * end for end in (difference.low, difference.high))
    if sides[1] < 0:
        return f"better than {other} there"
    return f"worse than {other} there" if sides[0] > 0 else f"on these rows it cannot be told from {other}"


def is_noise(difference: Interval | None) -> bool:
    """Does the interval of a difference hold 0? False where there is none."""
    return difference is not None and difference.low is not None and difference.low <= 0 <= (difference.high or 0.0)


def looks_sentence(looks: Sequence[Look], rows: int, ended: int, split: str, best: int | None) -> str:
    """How often the test rows were looked at, for ever; or that there are none, or that they wait.

    rows: test rows; ended: trials that have ended; best: the trial that leads now.
    """
    if not rows:
        return (
            f"No test rows: the split {split} keeps none. So the best figure is of the very rows that chose it, and "
            "flatters; a new study with --split 75/15/10 keeps some."
        )
    if not looks:
        return f"The {rows:,} test rows were not looked at yet: the search does that when its budget is spent."
    last, counts = looks[-1], " and ".join(str(each.trials) for each in looks)
    times = "once" if len(looks) == 1 else f"{len(looks)} times"
    sentence = f"Test rows looked at {times}, after {counts} trials"
    if len(looks) > 1:
        sentence += ": the search went on in between, so they are no longer quite unseen"
    if ended > last.trials:
        sentence += f"; the study has gone on since, to {ended}"
    if best is not None and best != last.trial:
        sentence += f", and trial {best} leads, which was not scored on them"
    return f"{sentence}."
