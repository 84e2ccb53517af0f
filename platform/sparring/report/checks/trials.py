"""Checks of how trials end: by the machine's fault, or because they could not be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from ...display import clean, last_words, show
from ...records import Outcome, TrialRow
from ...space.dimension import Dimension
from ..importance import encode
from .evidence import Evidence, Finding, Status, count_of

DEATHS = (Outcome.CRASHED, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT)
SICK = (Outcome.DIVERGED, Outcome.COLLAPSED, Outcome.INFEASIBLE)

MANY_DEATHS, SOME_DEATHS = 0.25, 0.05
"""Shares of the trials that die for which the check fails, and warns."""

LOST = 0.1
"""Share of the trials that lost an attempt with their slot for which it warns. A pause makes an attempt too, which
loses nothing."""

MANY_SICK, SOME_SICK = 0.6, 0.25
"""Shares that could not be trained. One in five diverges in sound searches of wide ranges of rates."""

TELLING = 0.8
"""Chance that a sick trial's value lies beyond a sound one's from which on a hyperparameter is named as the cause."""


def machine(evidence: Evidence) -> Finding:
    """Trials that died of an error, of memory or of time, and those that lost an attempt with their slot."""
    rows = evidence.report.trials
    dead = [row for row in rows if row.outcome in DEATHS]
    lost = [row for row in rows if row.attempt > 1 and (row.lost_s or 0.0) > 0 and row not in dead]
    seconds = sum(row.lost_s or 0.0 for row in lost)
    again = f"; {count_of(len(lost), 'trial')} lost {seconds:.0f} s with a slot, and went on" if lost else ""
    if not dead:
        sentence = f"None of {count_of(len(rows), 'trial')} died of an error, of memory or of time{again}."
        if len(lost) > LOST * len(rows):
            return Finding(Status.WARNING, sentence, "Slots die: see the Ray dashboard for lost nodes and memory.")
        return Finding(Status.PASSED, sentence)
    texts = Counter(last_words(row.error) for row in dead if row.error)
    why = f" Most often: {clean(texts.most_common(1)[0][0])}" if texts else ""
    sentence = f"{len(dead)} of {count_of(len(rows), 'trial')} died ({_kinds(dead)}){again}.{why}"
    share = len(dead) / len(rows)
    status = Status.FAILED if share >= MANY_DEATHS else Status.WARNING if share >= SOME_DEATHS else Status.PASSED
    commonest = Counter(row.outcome for row in dead).most_common(1)[0][0]
    return Finding(status, sentence, "" if status is Status.PASSED else _sentence(commonest.advice))


def training(evidence: Evidence) -> Finding:
    """Trials whose losses became infinite, whose nets stopped sparring, or that could not be built."""
    rows = [row for row in evidence.report.trials if row.outcome not in DEATHS]
    sick = [row for row in rows if row.outcome in SICK]
    if not rows:
        return Finding(Status.UNKNOWN, "No trial has ended by its own training.")
    if not sick:
        return Finding(Status.PASSED, f"None of {count_of(len(rows), 'trial')} diverged or collapsed.")
    share = len(sick) / len(rows)
    sentence = f"{len(sick)} of {count_of(len(rows), 'trial')} could not be trained ({_kinds(sick)})."
    status = Status.FAILED if share >= MANY_SICK else Status.WARNING if share >= SOME_SICK else Status.PASSED
    if status is Status.PASSED:
        return Finding(status, sentence)
    others = [row for row in rows if row.outcome not in SICK]
    causes = sorted(_causes(evidence.report.dimensions, sick, others), reverse=True)
    if causes and causes[0][0] >= TELLING:
        _, name, side, theirs, usual = causes[0]
        sentence += f" Their {clean(name)} is {side}: {show(theirs)} in the median, {show(usual)} in the others'."
        return Finding(status, sentence, f"Narrow the range of {clean(name)}.")
    commonest = Counter(row.outcome for row in sick).most_common(1)[0][0]
    return Finding(status, sentence, _sentence(commonest.advice))


def _causes(
    dimensions: Sequence[Dimension], sick: Sequence[TrialRow], others: Sequence[TrialRow]
) -> Iterator[tuple[float, str, str, float, float]]:
    """How well each range tells sick trials from others (0.5 to 1), its name, on which side, and both medians."""
    for dimension in dimensions:
        if dimension.choices:
            continue
        ours, theirs = _values(dimension, sick), _values(dimension, others)
        if len(ours) < 3 or len(theirs) < 3:
            continue
        a, b = ([encode(dimension, value) for value in values] for values in (ours, theirs))
        differences = np.subtract.outer(a, b)
        higher = float((differences > 0).mean() + (differences == 0).mean() / 2)
        side = "higher" if higher >= 0.5 else "lower"
        yield max(higher, 1 - higher), dimension.name, side, float(np.median(ours)), float(np.median(theirs))


def _values(dimension: Dimension, rows: Collection[TrialRow]) -> list[float]:
    found = (row.params.get(dimension.name) for row in rows)
    return [float(value) for value in found if value is not None and value != dimension.off]


def _kinds(rows: Sequence[TrialRow]) -> str:
    counts = Counter(row.outcome for row in rows).most_common()
    return ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts)


def _sentence(advice: str) -> str:
    return f"{advice[:1].upper()}{advice[1:]}."
