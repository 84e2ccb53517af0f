"""What a study's page says in words: name, figures on top, checks, importance. What takes seconds comes later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, cast

from ...display import clean, name_trial, show_interval
from ...errors import LedgerError
from ...ledger.notes import read_notes
from ...ledger.prospects import drawn_values, expected_bests
from ...ledger.retrainings import retraining_rows
from ...records import Interval, Outcome
from ..checks import examine
from ..formats import finite
from ..headline import headline
from ..prospects import beyond, prospect_sentence
from ..reading import Report
from ..seconds import STAGES, stages, timed, timing_sentence


def head_of(report: Report) -> dict[str, Any]:
    """All of it, from a report; of 10,000 trials in about ten seconds, nearly all of them the report's own."""
    best, baseline = report.best, report.baseline
    values = drawn_values(report.drawn, report.objective, report.known)
    content = {
        "cards": [{"label": label, "value": value} for label, value in headline(report)],
        "sentences": [clean(words) for words in (*report.held_out.sentences, *report.conclusion)],
        "verdict": clean(report.verdict),
        "loses": bool(report.stronger),
        "notes": [clean(note) for note in report.notes],
        "checks": [asdict(check) for check in examine(report)],
        "importance": asdict(report.importance),
        "yardsticks": [
            {"name": clean(each.name), "value": each.figure(report.objective.metric)} for each in report.yardsticks
        ],
        "methods": _methods(report),
        "race": _race(report),
        "tested": report.held_out.metric if report.held_out.figure(best) else "",
        "best": best and best.trial,
        "best_name": best and name_trial(best.trial, report.tries),
        "baseline": baseline and baseline.value,
        "front": [row.trial for row in report.front],
        "tries": {str(number): clean(name) for number, name in report.tries.items()},
        "queued": sorted(report.queued),
        "prospect": prospect_sentence(report),
        "expected": [list(each) for each in expected_bests(values, report.objective)] if report.prospect else [],
        "beyond": [list(each) for each in beyond(report)],
        "foretold": report.prospect and asdict(report.prospect),
        "stages": _stages(report),
        "timing": timing_sentence(report.trials),
    }
    return cast("dict[str, Any]", finite(content))


def _methods(report: Report) -> list[dict[str, Any]]:
    """Yardsticks, published default and best trial on the same split, the best first; empty without yardsticks."""
    if not report.yardsticks:
        return []
    held_out, best, baseline = report.held_out, report.best, report.baseline
    found: list[tuple[str, float | None, Interval | None, str]] = [
        (clean(each.name), each.figure(report.objective.metric), each.test.get(held_out.metric), "")
        for each in report.yardsticks
    ]
    if baseline is not None and baseline is not best:
        found.append(("published default", baseline.value, held_out.figure(baseline), "chosen"))
    if best is not None:
        found.append(("best trial", best.value, held_out.figure(best), "best"))
    found = [each for each in found if each[1] is not None]
    found.sort(key=lambda each: report.objective.sign * (each[1] or 0.0))
    return [
        {"name": name, "value": value, "test": test and test.value, "interval": show_interval(test), "mark": mark}
        for name, value, test, mark in found
    ]


def _race(report: Report) -> list[dict[str, Any]]:
    """Trials that were trained again from fresh seeds, the best median first, and those that reached no figure last."""
    found: dict[int, list[float]] = {}
    for each in retraining_rows(report.folder):
        found.setdefault(each.trial, []).extend([] if each.value is None else [each.value])
    searched = {row.trial: row.value for row in report.trials}
    rows = [
        {
            "trial": trial,
            "searched": searched.get(trial),
            "median": median(values) if values else None,
            "values": values,
        }
        for trial, values in found.items()
    ]
    return sorted(rows, key=lambda row: (row["median"] is None, report.objective.sign * (row["median"] or 0.0)))


def _stages(report: Report) -> list[dict[str, Any]]:
    """Where the seconds of the timed trials went; ``column`` names them of each trial."""
    rows = timed(report.trials)
    if not rows:
        return []
    return [{"column": column, **stage._asdict()} for column, stage in zip(STAGES, stages(rows), strict=True)]


def notes_for_page(folder: Path) -> list[dict[str, Any]]:
    """What people wrote about the study (trial: None) and its trials; of a file that is none, what is wrong with it."""
    try:
        notes = read_notes(folder)
    except LedgerError as error:
        return [{"trial": None, "text": clean(str(error)), "written": ""}]
    return [
        {"trial": note.trial, "text": note.text, "written": note.written and f"{note.written:%d %B %Y, %H:%M} UTC"}
        for note in notes
    ]


def about(report_spec: Any, document: Mapping[str, Any], dimensions: Any) -> dict[str, Any]:
    """What is known before any trial has ended: what the study is."""
    return {
        "name": clean(report_spec.name),
        "model": clean(report_spec.model),
        "dataset": clean(report_spec.dataset),
        "split": report_spec.split,
        "trials": report_spec.trials,
        "slots": report_spec.slots,
        "sampler": report_spec.sampler,
        "pruner": report_spec.pruner,
        "epochs": document.get("epochs", 0),
        "objectives": [asdict(each) for each in report_spec.objectives],
        "outcomes": {str(outcome): outcome.advice for outcome in Outcome},
        "dimensions": [
            finite({
                "name": each.name, "kind": each.kind, "low": each.low, "high": each.high, "log": each.log,
                "choices": [str(choice) if each.kind in ("str", "bool") else choice for choice in each.choices],
                "off": each.off,
            })
            for each in dimensions
        ],
    }  # fmt: skip
