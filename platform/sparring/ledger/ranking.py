"""Which trials are best: under one objective a ranking, under several a front.

Only trials that completed with finite figures take part. All figures of a trial are those of one epoch, its best by the
study's first objective.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..records import Objective, Outcome, TrialRow


def is_ranked(row: TrialRow) -> bool:
    """Whether a trial takes part: it completed, with a finite value."""
    return row.outcome is Outcome.COMPLETED and row.value is not None and math.isfinite(row.value)


def best_row(rows: Iterable[TrialRow], objective: Objective) -> TrialRow | None:
    """The best of those that take part; None if none does. Of equals, the earliest."""
    ranked = [(objective.sign * (row.value or 0.0), row.trial, row) for row in rows if is_ranked(row)]
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def values_of(row: TrialRow, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """The figures, by the objectives, of a trial that takes part; raises KeyError for one that it lacks."""
    return (row.value or 0.0, *(row.metrics[objective.metric] for objective in objectives[1:]))


def front(rows: Iterable[TrialRow], objectives: Sequence[Objective]) -> list[TrialRow]:
    """The Pareto front: trials that no other beats in one objective while equalling it or better in all the others.

    Sorted by the first objective. Two of the same figures are both on it.
    """
    signs = [objective.sign for objective in objectives]
    points = [
        (tuple(sign * value for sign, value in zip(signs, values_of(row, objectives), strict=True)), row.trial, row)
        for row in rows
        if is_ranked(row)
    ]
    leading: list[tuple[tuple[float, ...], TrialRow]] = []
    # Sorted so, a point comes after all that beat it. Each of these is on the front or beaten by one that is, so a look
    # at the front alone is enough.
    for point, _, row in sorted(points, key=lambda entry: entry[:2]):
        if not any(dominates(other, point) for other, _ in leading):
            leading.append((point, row))
    return [row for _, row in leading]


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Is ``one`` nowhere worse than ``other`` and somewhere better? Lower is better."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)
