"""Twelve health checks of a study, in words: is what it found worth believing, and what would make it better?

Each is a function of what the ledger has. It answers with how it ended, one sentence with the numbers, and a way out
where one is needed. ``examine`` sorts the answers so that what to look at first stands first; of equals the one whose
fault would explain the others comes first: where trials die, nothing else can be believed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..reading import Report
from .evidence import Check, Evidence, Finding, Status, gather
from .search import bounds, end, enough, predictable, stopping
from .trials import machine, training
from .winner import adversary, baseline, lucky, overtuning, yardsticks

__all__ = ["CHECKS", "Check", "Evidence", "Status", "examine", "gather"]

CHECKS: Mapping[str, Callable[[Evidence], Finding]] = {
    "Do trials survive?": machine,
    "Can what is drawn be trained?": training,
    "Is every yardstick beaten?": yardsticks,
    "Does the gain hold on the test rows?": overtuning,
    "Is the default beaten?": baseline,
    "Are the ranges wide enough?": bounds,
    "Is the best more than luck?": lucky,
    "Does the best spar?": adversary,
    "Does stopping early pay?": stopping,
    "Do the hyperparameters matter?": predictable,
    "Is the search at its end?": end,
    "Were enough trials drawn?": enough,
}
"""By the question that each answers; the order is that of severity."""


def examine(evidence: Report | Evidence) -> tuple[Check, ...]:
    """All twelve, what failed first; of a report it reads the rest from the study's folder. Takes a tenth of a second,
    and of 10,000 trials about two."""
    if isinstance(evidence, Report):
        evidence = gather(evidence)
    order = list(Status)
    checks = [
        Check(question=question, status=found.status, sentence=found.sentence, way_out=found.way_out)
        for question, check in CHECKS.items()
        for found in [check(evidence)]
    ]
    return tuple(sorted(checks, key=lambda check: order.index(check.status)))  # stable: equals keep their order
