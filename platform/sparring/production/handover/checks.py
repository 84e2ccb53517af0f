"""The eleven checks between a bundle and production. Each says what it found, and, if it fails, the way out.

A comparison that fails (4, 5, 6) may be overruled with a reason, which stays in the history; nothing else may. Drift
only warns, and so does a yardstick that is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from ...display import show
from ...display.held_out import against, show_interval
from ...errors import SparringError, sentence
from ...ledger.looks import test_name
from ...records import Interval
from ...untrusted.texts import read_toml
from ..registry.entries import CheckOutcome
from .bundle import CARD, CARD_PAGE, NEEDED, PINNED, read_files
from .card import ModelCard, page
from .evidence import Evidence
from .manifest import verify
from .schema import NOT_STATED

SAME_FIGURE = 1e-3
"""Share by which a figure of the same weights on the same rows may differ: other batches. Ten times as much if the
search multiplied in less precision than fp32."""

CALLED = {"valid": "validation"}


class Found(NamedTuple):
    """What a check found."""

    is_fine: bool
    words: str
    way_out: str = ""
    is_warning: bool = False


class Check(NamedTuple):
    """One check. A comparison may be overruled by --force."""

    number: int
    name: str
    find: Callable[[Evidence], Found]
    is_comparison: bool = False


def run(evidence: Evidence, reason: str | None = None) -> Iterator[CheckOutcome]:
    """Every check in turn, each when its outcome is asked for. reason: why failed comparisons are overruled.

    Ends after a check without which the later ones could say nothing: checksums, loading.
    """
    for check in CHECKS:
        try:
            found = check.find(evidence)
        except SparringError as error:
            found = Found(False, str(error), "see the sentence")
        outcome = "passed" if found.is_fine else "failed"
        if found.is_fine and found.is_warning:
            outcome = "warned"
        if outcome == "failed" and check.is_comparison and reason:
            outcome = "forced"
        way_out = "" if outcome == "passed" else found.way_out
        if outcome == "failed" and check.is_comparison:
            way_out = "; ".join(filter(None, [way_out, 'or --force "reason"']))
        yield CheckOutcome.model_validate(
            {"number": check.number, "name": check.name, "outcome": outcome, "words": found.words, "way_out": way_out}
        )
        if outcome == "failed" and check.number <= LAST_NEEDED:
            return


def _checksums(evidence: Evidence) -> Found:
    files = read_files(evidence.folder)
    manifest = verify(files, str(evidence.folder))
    if missing := [name for name in NEEDED if name not in manifest.files]:
        return Found(False, f"a bundle holds {', '.join(NEEDED)}, but lacks {', '.join(missing)}", "promote it again")
    size = sum(map(len, files.values()))
    return Found(True, f"{len(manifest.files)} files, {size / 1e6:.2f} MB, every SHA-256 as in the manifest")


def _loads(evidence: Evidence) -> Found:
    found = evidence.examination
    if found.complaint:
        return Found(False, found.complaint, "promote it again; if it stays, the environment lacks what it needs")
    if evidence.model.schema != evidence.candidate.schema:
        return Found(False, f"schema.json {_first_difference(evidence)}", "promote it again: the schema is stale")
    verbs = ", ".join(evidence.model.schema.verbs)
    return Found(True, f"in a fresh process, from its files alone, in {found.load_s:.2f} s; it can {verbs}")


def _parity(evidence: Evidence) -> Found:
    found, limit = evidence.examination, evidence.limits.tolerance
    if found.parity_complaint:
        return Found(False, found.parity_complaint, "the weights are not those of the training; promote it again")
    worst = max(found.parity, key=lambda each: each.worst)
    exact = sum(each.is_exact for each in found.parity)
    words = f"{worst.rows:,} rows at batch sizes {_sizes(evidence)}: {exact} of {len(found.parity)} to the last bit"
    if not worst.worst <= limit:
        return Found(
            False,
            f"{worst.verb} at batch size {worst.batch} differs by {worst.worst:.2g} of the largest value; "
            f"{limit:g} is allowed",
            "weights, fitted transforms or statistics are not those of the training; promote it again",
        )
    return Found(True, f"{words}, all within {worst.worst:.1g} of the largest value")


def _figure(evidence: Evidence) -> Found:
    spec, row = evidence.candidate.study.spec, evidence.candidate.pinned.row
    about = evidence.model.loaded.about
    pinned = evidence.candidate.pinned.raw
    if about.split != spec.split or about.sha256 != evidence.candidate.study.dataset.sha256:
        return Found(
            False,
            f"the bundle names the split {about.split} of the data {about.sha256[:12]}…, the study {spec.split} of "
            f"{evidence.candidate.study.dataset.sha256[:12]}…",
            "promote it again: its rows are not the study's",
        )
    if _pinned(evidence) != pinned:
        return Found(False, f"{PINNED} is not what the study pins for trial {row.trial}", "promote it again")
    interval, objective = evidence.interval, spec.objective
    if interval is None:
        return Found(
            False,
            "the refit was trained on every row, so none is left to score it on",
            'search with split = "75/15/10", which keeps test rows, or leave out --refit',
        )
    recorded, rows = evidence.candidate.recorded, _rows(evidence)
    metric = test_name(objective.metric) if evidence.candidate.held == "test" else objective.metric
    words = f"{metric} {_with_interval(interval)} on {rows}; the study recorded {_with_interval(recorded)}"
    sign, slack = objective.sign, SAME_FIGURE * abs(recorded.value)
    if evidence.candidate.is_refit:  # of another run, on other rows: not worse than the interval allows
        ends = [end for end in (interval.low, interval.high) if end is not None] or [interval.value]
        is_fine = sign * recorded.value >= min(sign * end for end in ends)
    else:
        slack = slack if spec.precision == "fp32" else 10 * slack
        is_fine = abs(interval.value - recorded.value) <= slack
    return Found(is_fine, words, "the figure does not hold; search on, or promote another --trial")


def _incumbent(evidence: Evidence) -> Found:
    current = evidence.current
    if current is None:
        return Found(True, f"nothing is in production as {evidence.name} yet")
    found = evidence.comparison
    assert found is not None
    if isinstance(found, str):
        return Found(False, f"version {current.version} cannot be compared: {found}", "promote it under another --name")
    assert evidence.interval is not None
    incumbent, objective = f"version {current.version}", evidence.candidate.study.spec.objective
    if found.difference.value == 0:
        words = f"{incumbent} has exactly the same figure, {show(found.other.value)}, on the same {_rows(evidence)}"
        return Found(False, words, "keep what is in production")
    said = against(incumbent, found.difference, objective) or "there are too few rows to tell"
    words = (
        f"{said}: {show(evidence.interval.value)} against {show(found.other.value)} on {_rows(evidence)}, difference "
        f"{_with_interval(found.difference)}"
    )
    return Found(said.startswith("better"), words, "search on, or keep what is in production")


def _baselines(evidence: Evidence) -> Found:
    """The default on the rows on which the study recorded both; other methods were measured on the validation rows."""
    default = evidence.candidate.default
    recorded, sign = evidence.candidate.recorded.value, evidence.candidate.study.spec.objective.sign
    if evidence.interval is None:
        return Found(False, "no row is left to score it on", "leave out --refit")
    beside = f"{evidence.candidate.metric} {show(recorded)}, published default {show(default)}"
    if default is not None and sign * default < sign * recorded:
        return Found(False, f"{beside}: the default is better", "search on, or promote --trial 0")
    searched = evidence.candidate.pinned.row.value
    assert searched is not None
    lost = [f"{name} ({show(value)})" for name, value in evidence.rivals.items() if sign * value < sign * searched]
    if lost:
        words = f"{beside}; on the validation rows ({show(searched)}) it loses to {', '.join(lost)}"
        return Found(True, words, "search on: a method without a search is better", is_warning=True)
    if default is None:
        return Found(True, f"{beside}: that trial was not scored", "resume the study, so that they compare", True)
    beaten = f"; better than {len(evidence.rivals)} methods without a search" if evidence.rivals else ""
    return Found(True, beside + beaten)


def _hostile(evidence: Evidence) -> Found:
    trials = evidence.examination.hostile
    if wrong := [trial for trial in trials if not trial.is_fine]:
        return Found(False, f"{wrong[0].what}: {wrong[0].words}", "report it: no input may do that")
    refused = sum(trial.words != "answered" for trial in trials)
    return Found(True, f"{refused} of {len(trials)} refused in a sentence, the others answered with finite numbers")


def _limits(evidence: Evidence) -> Found:
    found, limits = evidence.examination, evidence.limits
    words = f"99 % of one-row requests within {found.latency_ms:.3g} ms, at most {found.memory_mb:,.0f} MB of memory"
    if found.latency_ms > limits.latency_ms:
        return Found(False, f"{words}; the limit is {limits.latency_ms:g} ms", "a smaller net, or --max-latency")
    if found.memory_mb > limits.memory_mb:
        return Found(False, f"{words}; the limit is {limits.memory_mb:,.0f} MB", "a smaller net, or --max-memory")
    return Found(True, words)


def _drift(evidence: Evidence) -> Found:
    found = evidence.drift
    if found is None:
        return Found(True, "no row is left to measure it on", "leave out --refit", is_warning=True)
    words = f"{found.columns:,} input columns, {found.drifted:,} drifted; farthest off {found.field}[{found.column}], "
    words += f"by {found.distance:.2f} of the rows"
    return Found(
        True, words, "held-out rows are not as the training rows were: look at how the set was split", found.drifted > 0
    )


def _card(evidence: Evidence) -> Found:
    try:
        card = ModelCard.model_validate_json(evidence.files[CARD])
    except ValidationError as error:
        return Found(False, f"{CARD}: {sentence(error)}", "promote it again")
    if evidence.files[CARD_PAGE] != page(card).encode():
        return Found(False, f"{CARD_PAGE} does not say what {CARD} says", "promote it again")
    spec, row, data = evidence.candidate.study.spec, evidence.candidate.pinned.row, evidence.candidate.study.dataset
    truth = {"study": spec.name, "trial": row.trial, "is_refit": evidence.candidate.is_refit, "model": spec.model}
    if wrong := [name for name, value in truth.items() if getattr(card, name) != value]:
        return Found(
            False, f"{CARD}: {wrong[0]} is {getattr(card, wrong[0])!r}, not {truth[wrong[0]]!r}", "promote it again"
        )
    if card.data.sha256 != data.sha256 or card.figure.searched != row.value:
        return Found(False, f"{CARD} is of other data, or of another trial", "promote it again")
    interval = evidence.interval
    if interval is not None and (card.figure.value, card.figure.part) != (interval.value, evidence.candidate.held):
        return Found(
            False, f"{CARD} has the figure {card.figure.value:g}, but it is {interval.value:g}", "promote it again"
        )
    fields = evidence.model.schema.fields
    if unstated := [field.name for field in fields if NOT_STATED in (field.unit, field.meaning)]:
        way_out = f"name it under [fields.{unstated[0]}] in the card of {card.data.name}"
        return Found(True, f"complete but for the unit of {', '.join(unstated)}", way_out, is_warning=True)
    return Found(True, f"complete: figure, data ({card.data.licence}), {len(fields)} fields with units, versions")


def _history(evidence: Evidence) -> Found:
    entries = evidence.history
    evidence.registry.check(evidence.name)
    words = f"the chain of its {len(entries)} entries is whole" if entries else "it begins with this one"
    return Found(True, f"{evidence.registry.shown} takes files; {words}")


CHECKS = (
    Check(1, "checksums", _checksums),
    Check(2, "loads alone", _loads),
    Check(3, "same answers", _parity),
    Check(4, "figure holds", _figure, is_comparison=True),
    Check(5, "better than in production", _incumbent, is_comparison=True),
    Check(6, "better than without a search", _baselines, is_comparison=True),
    Check(7, "hostile inputs", _hostile),
    Check(8, "latency and memory", _limits),
    Check(9, "drift", _drift),
    Check(10, "card", _card),
    Check(11, "history", _history),
)
LAST_NEEDED = 3
"""Checks up to this one must pass before the later ones can say anything."""


def _sizes(evidence: Evidence) -> str:
    return ", ".join(f"{batch:,}" for batch in sorted({each.batch for each in evidence.examination.parity}))


def _rows(evidence: Evidence) -> str:
    part = evidence.candidate.held or "no"
    count = len(getattr(evidence.candidate.study.split, part)) if part != "no" else 0
    return f"{count:,} {CALLED.get(part, part)} rows"


def _with_interval(figure: Interval) -> str:
    return show(figure.value) if figure.low is None else f"{show(figure.value)} ({show_interval(figure)})"


def _pinned(evidence: Evidence) -> dict[str, object]:
    return read_toml(evidence.files[PINNED].decode())


def _first_difference(evidence: Evidence) -> str:
    """Where the bundle's schema is not the study's."""
    ours, theirs = (each.model_dump() for each in (evidence.candidate.schema, evidence.model.schema))
    (name,) = [name for name in ours if ours[name] != theirs[name]][:1]
    return f"has other {name} than the study's model and data"
