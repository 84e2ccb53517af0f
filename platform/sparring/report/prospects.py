"""What more trials would bring, in the report: the sentence that says what the figures mean, and figures to draw."""

from __future__ import annotations

from ..ledger.prospects import (
    INTERVAL,
    LEAST_COMPLETED,
    LEAST_DRAWN,
    Best,
    drawn_values,
    prospect,
)
from ..ledger.ranking import is_ranked
from .reading import Report

INDEPENDENT = ("random", "qmc")
"""Samplers that learn nothing from the trials."""


def prospect_sentence(report: Report) -> str:
    """How the expected best was found, and how far to trust it; or that too few trials have ended. Empty where there
    is nothing to foretell."""
    if not report.is_endless:
        return ""
    count = len(drawn_values(report.drawn, report.objective, report.known))
    if report.prospect is None:
        completed = sum(row.trial >= report.known and is_ranked(row) for row in report.drawn)
        return (
            f"what more trials would bring can be said after {LEAST_DRAWN} drawn trials, {LEAST_COMPLETED} of them "
            f"completed; so far it is {count}, {completed} of them completed"
        )
    start = (
        f"Expected best of n, with its interval of {INTERVAL:.0%}, from the {count} drawn trials that ended: a stopped "
        f"one counts with what it had reached, and the tail of the best is extended beyond them"
    )
    if report.spec.sampler in INDEPENDENT:
        return start
    return f"{start}. They are no independent sample, for {report.spec.sampler} learns from them: read it as a guide"


def beyond(report: Report) -> list[Best]:
    """The best so far, and what is expected with up to as many drawn trials again; empty where nothing is foretold."""
    objective, best = report.objective, report.best
    count = len(drawn_values(report.drawn, objective, report.known))
    if report.prospect is None:
        return []
    found = [Best(count, *(best.value,) * 3)] if best is not None and best.value is not None else []
    for more in sorted({round(count * share / 8) for share in range(1, 9)}):
        each = prospect(report.drawn, objective, known=report.known, best=best, trials=more)
        if each is not None:
            found.append(Best(count + more, each.expected, each.low, each.high))
    return found
