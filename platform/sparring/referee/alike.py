"""When the first trials all die of one error, the next would too: it lies in the data or the machine, not in values."""

from __future__ import annotations

from collections.abc import Iterable

from ..records import Outcome, TrialRow

MOST_ALIKE = 5
"""Trials that may die alike before a search in which nothing else has happened ends."""


def common_error(rows: Iterable[TrialRow]) -> str | None:
    """The last line of the error that all of ``rows`` died of, ``MOST_ALIKE`` or more; None if they did not."""
    errors, count = set(), 0
    for row in rows:
        if row.outcome is not Outcome.CRASHED or not row.error:
            return None
        errors.add(row.error.strip().splitlines()[-1])
        count += 1
        if len(errors) > 1:
            return None
    return errors.pop() if count >= MOST_ALIKE else None
