"""Checks of the search: its ranges, what stopping early brought, how far it got."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import binom, spearmanr

from ...display import clean, foretell, show
from ...ledger.effort import limit_seconds
from ...records import Outcome
from ...space.dimension import Dimension
from ..importance import TRUSTED, encode
from .evidence import Evidence, Finding, Status, count_of

LEAST = 10
"""Trials without which these say nothing."""

EDGE = 0.15
"""Share of a range, in its own scale, that counts as its end: the best of sixty draws do not lie nearer than that."""

CHANCE = 0.05
"""Chance, over all ends of all ranges together, of finding so many of the best at an end without a reason."""

AGREES = 0.4
"""Rank correlation of a stop's epoch with the end below which stopping there is near to guessing."""

AHEAD = 0.2
"""Share of the stopped trials that were ahead of the later best one, from which on stopping is doubted."""

BEST_SHARE = 0.05
"""The part of a space that one would like to have drawn from at least once."""

PAYS = 1.05
"""Ratio that as many trials again would have to bring to be worth it."""


def bounds(evidence: Evidence) -> Finding:
    """Whether the best trials lie at the end of a range."""
    rows = evidence.ranked
    ranges = [each for each in evidence.report.dimensions if each.kind in ("float", "int") and _places(each) > 1]
    if len(rows) < LEAST or not ranges:
        return Finding(
            Status.UNKNOWN, f"{count_of(len(rows), 'trial')} completed; {LEAST} show whether a range is too narrow."
        )
    top = rows[: max(4, len(rows) // 4)]
    hit = []
    for dimension in ranges:
        low, high = _ends(dimension)
        share = max(EDGE, 1 / _places(dimension))
        values = [row.params[dimension.name] for row in top if dimension.name in row.params]
        places = [
            (encode(dimension, value) - low) / (high - low)
            for value in values
            if value != dimension.off  # which lies beside the range
        ]
        for end, near in (("lower", sum(p <= EDGE for p in places)), ("upper", sum(p >= 1 - EDGE for p in places))):
            chance = float(binom.sf(near - 1, len(places), share)) if places else 1.0
            if chance < CHANCE / (2 * len(ranges)) and near > len(places) / 2:
                hit.append((chance, dimension, end, near, len(places)))
    if not hit:
        return Finding(
            Status.PASSED, f"The best {len(top)} trials crowd at no end of any of {count_of(len(ranges), 'range')}."
        )
    named = [
        f"{near} of the best {count} have {clean(dimension.name)} in the {end} {EDGE:.0%} of its range, "
        f"which ends at {show(_end(dimension, end))}"
        for _, dimension, end, near, count in sorted(hit, key=lambda each: each[0])
    ]
    words = f"{'; '.join(named)}."
    names = ", ".join(clean(dimension.name) for _, dimension, *_ in hit)
    return Finding(Status.WARNING, words, f"Widen {names} there: what is best may lie beyond.")


def stopping(evidence: Evidence) -> Finding:
    """What stopping early saved, and whether the order at its epoch is that of the end."""
    report, epochs = evidence.report, evidence.epochs
    stopped = [row for row in report.trials if row.outcome is Outcome.PRUNED and row.value is not None]
    whole = evidence.ranked
    if report.spec.pruner == "none":
        return Finding(Status.UNKNOWN, "This study stops no trial early (--pruner none).")
    if len(stopped) + len(whole) < LEAST or not epochs:
        count = len(stopped) + len(whole)
        return Finding(Status.UNKNOWN, f"{count_of(count, 'trial')} ended with a value; {LEAST} say more.")
    trained = sum(row.epochs for row in (*stopped, *whole))
    saved = 1 - trained / (epochs * (len(stopped) + len(whole)))
    start = f"Stopping {len(stopped)} of {len(stopped) + len(whole)} trials early saved {saved:.0%} of the epochs"
    if not stopped:
        return Finding(
            Status.WARNING, f"No trial of {len(whole)} was stopped early, so nothing was saved.",
            "Let the pruner stop earlier: --pruner halving, or more epochs per trial.",
        )  # fmt: skip
    rung, sign = min(row.epochs for row in stopped), report.objective.sign
    pairs = [(_best_until(evidence, row.trial, rung), row.value) for row in whole if evidence.curves.get(row.trial)]
    known = [(early, late) for early, late in pairs if early is not None]
    ahead = [
        row.trial
        for row in stopped
        if whole
        and (theirs := _best_until(evidence, whole[0].trial, row.epochs)) is not None
        and sign * (row.value or 0.0) < sign * theirs
    ]
    was = "was" if len(ahead) == 1 else "were"
    overtaken = f"{len(ahead)} of the stopped {was} ahead of the later best one at that epoch" if ahead else ""
    if len(known) < LEAST - 2:
        words = f"{start}; too few completed to compare their order at epoch {rung} with that at the end."
        return Finding(Status.UNKNOWN, words)
    agreement = float(spearmanr(*zip(*known, strict=True)).statistic)
    words = (
        f"{start}; among the {len(known)} that went on, the order at epoch {rung} is that of the end by {agreement:.2f}"
    )
    words += f", and {overtaken}." if overtaken else "."
    if not agreement >= AGREES or len(ahead) > max(2, AHEAD * len(stopped)):
        return Finding(Status.WARNING, words, "Stop later: fewer rungs, a patient pruner, or --pruner none.")
    return Finding(Status.PASSED, words)


def predictable(evidence: Evidence) -> Finding:
    """Whether a forest can tell the order of trials from their hyperparameters; if not, they moved nothing."""
    importance = evidence.report.importance
    if math.isnan(importance.explained):
        return Finding(Status.UNKNOWN, f"{importance.sentence[:1].upper()}{importance.sentence[1:]}.")
    known = sum(row.value is not None for row in evidence.report.trials)
    words = (
        f"From the hyperparameters a forest predicts {max(importance.explained, 0.0):.0%} of the variance in the order "
        f"of {count_of(known, 'trial')} that it has not seen (R² {importance.explained:.2f})."
    )
    if importance.explained >= TRUSTED:
        return Finding(Status.PASSED, words)
    if known < 2 * LEAST:
        return Finding(Status.UNKNOWN, words)
    way = "Either nothing searched matters, or noise hides it: search other fields, wider or longer."
    return Finding(Status.WARNING, words, way)


def end(evidence: Evidence) -> Finding:
    """Whether the budget is spent, and whether more of it would pay."""
    report, spec = evidence.report, evidence.report.spec
    limit = limit_seconds(spec)
    spent = []
    if spec.trials is not None:
        spent.append((len(report.trials) / spec.trials, f"{len(report.trials)} of {count_of(spec.trials, 'trial')}"))
    if math.isfinite(limit):
        words = f"{evidence.effort.seconds:,.0f} of {limit:,.0f} seconds of training"
        # Another trial is not begun where its seconds are not left: an end a little before the limit is the end.
        rest = evidence.effort.epoch_s * evidence.epochs * spec.slots
        spent.append(((evidence.effort.seconds + rest) / limit, words))
    share, words = max(spent, default=(1.0, f"{count_of(len(report.trials), 'trial')} by the clock"))
    if share < 1 and evidence.is_running:
        return Finding(Status.UNKNOWN, f"The search runs: {words} are spent.")
    if share < 1:
        return Finding(Status.WARNING, f"Only {words} are spent.", "The same command again goes on with the search.")
    more = report.prospect
    best = report.best
    if more is None or best is None or best.value is None:
        return Finding(Status.PASSED, f"The budget is spent: {words}.")
    drawn = sorted(row.trial for row in report.trials if row.trial >= report.known)
    late = drawn.index(best.trial) + 1 if best.trial in drawn else 0
    found = f"the best is the {late}. of {len(drawn)} drawn" if late else "the best was given, not drawn"
    words = f"The budget is spent ({words}); {found}; {foretell(more)}, after {show(best.value)}."
    ratio = best.value / more.expected if report.objective.sign > 0 else more.expected / best.value
    if best.value > 0 and more.expected > 0 and ratio > PAYS and late > 0.8 * len(drawn):
        return Finding(Status.WARNING, words, "It was still getting better: search on with more trials or time.")
    return Finding(Status.PASSED, words)


def enough(evidence: Evidence) -> Finding:
    """Whether so many draws can be expected to have met the good part of the space."""
    report = evidence.report
    drawn = sum(row.trial >= report.known for row in report.trials)
    if not report.is_endless:
        return Finding(Status.PASSED, f"{count_of(drawn, 'trial')} were drawn of a space that has an end.")
    chance = 1 - (1 - BEST_SHARE) ** drawn
    more = math.ceil(math.log(BEST_SHARE) / math.log(1 - BEST_SHARE)) - drawn
    words = (
        f"{count_of(drawn, 'trial')} drawn in {len(report.dimensions)} dimensions: blind draws would have met the best "
        f"{BEST_SHARE:.0%} of the space with a chance of {chance:.0%}."
    )
    if chance >= 0.5:
        return Finding(Status.PASSED, words)
    way = f"{more} more make it 95 %: search on with more trials or time."
    return Finding(Status.WARNING if drawn else Status.UNKNOWN, words, way)


def _places(dimension: Dimension) -> float:
    """How many values a range has; infinite for floats without a step. 0 for choices that are no numbers in order."""
    if dimension.choices:
        return 0 if dimension.kind == "str" else len(dimension.choices)
    if dimension.high <= dimension.low:
        return 1
    if dimension.kind == "int" or dimension.step:
        return round((dimension.high - dimension.low) / (dimension.step or 1)) + 1
    return math.inf


def _ends(dimension: Dimension) -> tuple[float, float]:
    if dimension.choices:
        return 0.0, len(dimension.choices) - 1.0
    return encode(dimension, dimension.low), encode(dimension, dimension.high)


def _end(dimension: Dimension, end: str) -> object:
    if dimension.choices:
        return dimension.choices[0 if end == "lower" else -1]
    return dimension.low if end == "lower" else dimension.high


def _best_until(evidence: Evidence, trial: int, epoch: int) -> float | None:
    """The best of a trial's figures up to an epoch; None without any."""
    sign = evidence.report.objective.sign
    values = [value for at, value in evidence.curves.get(trial, {}).items() if at <= epoch]
    return sign * float(np.min(np.multiply(sign, values))) if values else None
