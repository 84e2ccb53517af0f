"""Values, times and paths in words: short, and without control characters that could steer a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from ..records import Left, Outcome, Prospect
from ..space.tries import BY_HAND

COLOURS: Mapping[Outcome, str] = {
    Outcome.COMPLETED: "green",
    Outcome.PRUNED: "yellow",
    Outcome.DIVERGED: "magenta",
    Outcome.COLLAPSED: "magenta",
    Outcome.INFEASIBLE: "magenta",
    Outcome.OUT_OF_MEMORY: "red",
    Outcome.TIMED_OUT: "red",
    Outcome.CRASHED: "bold red",
    Outcome.STOPPED: "cyan",
    Outcome.INTERRUPTED: "cyan",
}


CLOSE = 1.05
"""Ratio of two figures up to which they are about the same."""

SAME = "about the same"
"""What ``compare`` says of such two."""


STEPS = ((60.0, 1), (600.0, 5), (3600.0, 60), (math.inf, 300))
"""To how many seconds a forecast that is shorter than so many is rounded: digits that mean nothing only flicker."""


def clean(text: str) -> str:
    """One line without control characters, so that an exception's text cannot steer the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+", " ", text).strip()


def show(value: object) -> str:
    """A figure or hyperparameter in four significant digits; a missing one as a dash."""
    if value is None or value == "":
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value))


def compare(best: float | None, baseline: float | None, close: float = CLOSE) -> str:
    """How many times lower or higher than the published default, in words; empty where a ratio says nothing.

    close: ratio up to which they are about the same. A few percent are no gain: another seed moves a figure by as much.
    """
    if best is None or baseline is None or best <= 0 or baseline <= 0 or best == baseline:
        return ""
    is_higher = best > baseline
    ratio = best / baseline if is_higher else baseline / best
    if ratio <= close or f"{ratio:.3g}" == "1":
        return SAME
    return f"{ratio:.3g} times {'higher' if is_higher else 'lower'}"


def within(sigma: float | None) -> float:
    """The ratio of two single trainings up to which they are about the same.

    sigma: standard deviation of the logarithm of a figure from seed to seed; of two trainings, each with its own, 95 of
    100 ratios lie within exp(1.96 · √2 · σ). None where it is not known.
    """
    return CLOSE if sigma is None else max(CLOSE, math.exp(1.96 * math.sqrt(2) * sigma))


def foretell(prospect: Prospect) -> str:
    """What more trials would bring, with the interval."""
    more = f"{prospect.trials} more {'trial' if prospect.trials == 1 else 'trials'}"
    return f"{more}: {show(prospect.expected)} expected ({show(prospect.low)} to {show(prospect.high)})"


def title(number: int, tries: Mapping[int, str]) -> str:
    """What a trial is called beside its number, if anything. tries: as ``space.try_names`` gives them."""
    if number == 0:
        return "published default"
    if tries.get(number) == BY_HAND:
        return BY_HAND
    return f"'{clean(tries[number])}'" if number in tries else ""


def name_trial(number: int, tries: Mapping[int, str]) -> str:
    """A trial by its number and, if it has one, its title: trial 3, 'good practice'."""
    return ", ".join(filter(None, [f"trial {number}", title(number, tries)]))


def clock(seconds: float | None) -> str:
    """Seconds as m:ss or h:mm:ss."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def span(left: Left | None) -> str:
    """Time to the end: what a limit leaves, or both ends of a forecast. Ends that are close are said as one."""
    if left is None:
        return "-"
    step = next((step for most, step in STEPS if left.high < most), STEPS[-1][1])
    if left.low == left.high:
        return clock(left.high)
    low, high = math.floor(left.low / step) * step, math.ceil(left.high / step) * step
    return f"{clock(low)} to {clock(high)}"


def nearby(path: Path) -> str:
    """A path as one would type it here: relative if it lies under the current folder."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def last_words(error: str | None) -> str:
    """What an exception said: the last line of a traceback, else the first line; at most 160 characters."""
    lines = [line for line in (error or "").splitlines() if line.strip()] or [""]
    return clean(lines[-1] if lines[0].startswith("Traceback") else lines[0])[:160]
