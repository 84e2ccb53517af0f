"""Checks of the trial that leads: against the default, the yardsticks, the test rows, its neighbours, its adversary."""

from __future__ import annotations

import math

import numpy as np

from ...display import clean, show
from ...display.words import CLOSE
from ...ledger.health import warnings
from ...ledger.looks import test_name
from ...records import TrialRow
from ..held_out import LOSING
from ..importance import encode
from .evidence import Evidence, Finding, Status, count_of

NEIGHBOURS, LEAST = 5, 20
"""Trials that are nearest to one, and completed trials without which luck cannot be told."""

COMPARED = 2_000
"""Completed trials that are compared with their neighbours, the best first: time grows with the square."""

UNUSUAL = 5.0
"""How many usual differences from its neighbours make a trial an outlier. The best of sixty sound ones is ahead by
less than four."""

WORSE = 1.25
"""Ratio of fresh seeds' median to the search's figure from which on that was luck."""

KEPT = 0.5
"""Share of the gain on the validation rows, in logarithms, that should be left on the test rows."""


def baseline(evidence: Evidence) -> Finding:
    """The best trial against trial 0, on the validation rows and, where it was scored there, on the test rows."""
    report = evidence.report
    best, default = report.best, report.baseline
    drawn = len(report.trials) - 1
    if best is None:
        return Finding(Status.UNKNOWN, "No trial has completed.")
    if default is None or default.value is None or best.value is None:
        return Finding(Status.UNKNOWN, "The published default has no figure.", "Let trial 0 complete.")
    sign, metric = report.objective.sign, report.objective.metric
    if best.trial == 0:
        return Finding(
            Status.FAILED if drawn >= 10 else Status.UNKNOWN,
            f"No trial of {drawn} is better than the published default ({metric} {show(best.value)}).",
            "Search longer, or narrow the ranges around the default.",
        )
    words = f"Trial {best.trial} has {metric} {show(best.value)}, the published default {show(default.value)}"
    look = report.held_out.look
    gap = look.difference.get(report.held_out.metric) if look else None
    if gap is not None and gap.low is not None and gap.high is not None:
        worst = gap.high if sign > 0 else -gap.low
        words += f"; on the test rows the difference is {show(gap.low)} to {show(gap.high)}"
        if worst >= 0:
            return Finding(Status.WARNING, f"{words}, which holds 0.", "More test rows or a better winner would tell.")
    ratio = _ratio(default.value, best.value, sign)
    if ratio is not None and ratio <= CLOSE:
        return Finding(Status.WARNING, f"{words}: about the same.", "Another seed moves it by as much: search on.")
    return Finding(Status.PASSED, f"{words}.")


def yardsticks(evidence: Evidence) -> Finding:
    """The best trial against methods without a search."""
    report = evidence.report
    if report.best is None or not report.rivals:
        return Finding(Status.UNKNOWN, "No yardstick has been measured.", "sparring report STUDY measures them.")
    if not report.stronger:
        return Finding(Status.PASSED, report.verdict)
    # What to do stands in the verdict too, where nothing else says it.
    words = report.verdict.replace(f" {LOSING}", "")
    return Finding(Status.FAILED, words, "Train longer, search more trials, or widen the space.")


def overtuning(evidence: Evidence) -> Finding:
    """How much of the gain on the validation rows is left on rows that had no part in the choice."""
    report = evidence.report
    best, default, look = report.best, report.baseline, report.held_out.look
    if look is None or best is None or best.value is None:
        way = "" if report.held_out.rows else "Search with --split 75/15/10, which keeps test rows."
        return Finding(Status.UNKNOWN, "The best trial has not been scored on test rows.", way)
    metric, sign = report.objective.metric, report.objective.sign
    tested = look.winner[test_name(metric)]
    words = f"Trial {best.trial}: {metric} {show(best.value)}, on the test rows {show(tested.value)}"
    before = look.default.get(test_name(metric))
    if before is None or default is None or default.value is None:
        loss = _ratio(tested.value, best.value, sign)
        if loss is not None and loss > WORSE and not _holds(tested.low, best.value, tested.high):
            return Finding(Status.WARNING, f"{words}, outside their interval.", "Believe the figure of the test rows.")
        return Finding(Status.PASSED, f"{words}.")
    seen, unseen = _ratio(default.value, best.value, sign), _ratio(before.value, tested.value, sign)
    if seen is None or unseen is None or seen <= 1:
        return Finding(Status.PASSED, f"{words}.")
    words += f"; it beats the default {seen:.3g} times on validation rows, {unseen:.3g} times on test rows"
    if unseen < 1:
        return Finding(
            Status.FAILED, f"{words}.", "The validation rows chose by luck: keep more of them, or the default."
        )
    if math.log(unseen) < KEPT * math.log(seen) and seen > CLOSE:
        return Finding(Status.WARNING, f"{words}.", "Believe the test rows; more validation rows choose better.")
    return Finding(Status.PASSED, f"{words}.")


def lucky(evidence: Evidence) -> Finding:
    """The best trial against fresh seeds of it, or else against the trials nearest to it."""
    report, rows = evidence.report, evidence.ranked
    best = report.best
    if best is None or best.value is None:
        return Finding(Status.UNKNOWN, "No trial has completed.")
    sign = report.objective.sign
    fresh = [each.value for each in evidence.retrainings if each.trial == best.trial and each.value is not None]
    if len(fresh) >= 2:
        middle = float(np.median(fresh))
        words = f"Trial {best.trial} has {show(best.value)}, and {show(middle)} over {len(fresh)} fresh seeds (median)"
        ratio = _ratio(middle, best.value, sign)
        if ratio is not None and ratio > WORSE:
            return Finding(Status.WARNING, f"{words}.", "Its seed was lucky: believe the fresh seeds.")
        return Finding(Status.PASSED, f"{words}.")
    if len(rows) < LEAST:
        words = f"{count_of(len(rows), 'trial')} completed; {LEAST} tell a lucky one from its neighbours."
        return Finding(Status.UNKNOWN, words, _again(best))
    rows = rows[:COMPARED]
    values = np.array([sign * (row.value or 0.0) for row in rows])
    if (values > 0).all() or (values < 0).all():
        values = np.sign(values[0]) * np.log(np.abs(values))
    near = _nearest(evidence, rows)
    beside = np.array([np.median(values[near[place]]) for place in range(len(rows))])
    gaps = values - beside
    usual = 1.4826 * float(np.median(np.abs(gaps - np.median(gaps))))
    middle = float(np.median([rows[place].value or 0.0 for place in near[0]]))
    times = -float(gaps[0] - np.median(gaps)) / usual if usual > 0 else 0.0
    words = (
        f"Trial {best.trial} has {show(best.value)}, the {NEIGHBOURS} completed trials nearest to it "
        f"{show(middle)} in the median: {max(times, 0.0):.1f} times the usual difference"
    )
    if times > UNUSUAL:
        return Finding(Status.WARNING, f"{words}.", _again(best))
    return Finding(Status.PASSED, f"{words}.")


def adversary(evidence: Evidence) -> Finding:
    """Whether an adversary took part in the best trial: its weight, its share of the gradient, what it can tell."""
    best = evidence.report.best
    if best is None:
        return Finding(Status.UNKNOWN, "No trial has completed.")
    fixed = evidence.report.spec.space.get("fixed", {})
    weight = best.params.get("w_adv", fixed.get("w_adv") if isinstance(fixed, dict) else None)
    if weight == 0:
        return Finding(
            Status.WARNING, f"Trial {best.trial} has w_adv = 0: its generator never hears of its adversary.",
            "What won is a plain network; to search one that spars, give w_adv a range without off.",
        )  # fmt: skip
    figures = {name: value for name, value in best.metrics.items() if name.startswith("health/")}
    told, share = figures.get("health/dis_auc"), figures.get("health/grad_dis")
    if told is None and share is None:
        return Finding(Status.UNKNOWN, f"Trial {best.trial} has no figures of an adversary's health.")
    known = [
        *([] if weight is None else [f"w_adv {show(weight)}"]),
        *([] if told is None else [f"it tells {told:.0%} of pairs apart"]),
        *([] if share is None else [f"it has {share:.1%} of the gradient"]),
    ]
    words = f"The adversary of trial {best.trial}: {', '.join(known)}"
    found = warnings({name: value for name, value in figures.items() if name != "health/active_units"})
    if found:
        return Finding(Status.WARNING, f"{words}; {'; '.join(map(clean, found))}.", "Change w_adv or lr_dis.")
    return Finding(Status.PASSED, f"{words}.")


def _again(best: TrialRow) -> str:
    pin = f"sparring best STUDY --trial {best.trial} -o best.toml"
    return f"Train it on fresh seeds: {pin} && sparring train best.toml --ensemble 5"


def _nearest(evidence: Evidence, rows: list[TrialRow]) -> np.ndarray:
    """Places of the trials nearest to each, by Gower's distance; (N, NEIGHBOURS)."""
    dimensions = evidence.report.dimensions
    codes = np.array([[encode(each, row.params.get(each.name)) for each in dimensions] for row in rows])
    names = np.array([each.kind in ("str", "bool") for each in dimensions])
    span = np.ptp(codes, axis=0)
    scaled = np.where(span > 0, (codes - codes.min(0)) / np.where(span > 0, span, 1), 0.0)
    near = np.empty((len(rows), NEIGHBOURS), int)
    for place, row in enumerate(scaled):
        apart = np.abs(scaled - row)
        apart = np.where(names, apart > 0, apart).sum(1)
        apart[place] = np.inf
        near[place] = np.argsort(apart, kind="stable")[:NEIGHBOURS]
    return near


def _ratio(worse: float, better: float, sign: float) -> float | None:
    """How many times the second is better than the first; None where a ratio says nothing."""
    if worse <= 0 or better <= 0:
        return None
    return worse / better if sign > 0 else better / worse


def _holds(low: float | None, value: float, high: float | None) -> bool:
    return low is None or high is None or low <= value <= high
