"""What a study's page says in words: name, figures on top, checks, importance. What takes seconds comes later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from ...display import clean, name_trial
from ...ledger.prospects import drawn_values, expected_bests
from ...records import Outcome
from ..checks import examine
from ..formats import finite
from ..headline import headline
from ..prospects import prospect_sentence
from ..reading import Report


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
        "best": best and best.trial,
        "best_name": best and name_trial(best.trial, report.tries),
        "baseline": baseline and baseline.value,
        "front": [row.trial for row in report.front],
        "tries": {str(number): clean(name) for number, name in report.tries.items()},
        "queued": sorted(report.queued),
        "prospect": prospect_sentence(report),
        "expected": [list(each) for each in expected_bests(values, report.objective)] if report.prospect else [],
        "foretold": report.prospect and asdict(report.prospect),
    }
    return cast("dict[str, Any]", finite(content))


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
