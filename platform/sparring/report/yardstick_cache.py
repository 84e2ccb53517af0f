"""A study's yardsticks: measured once, then read from the cache in its folder, ``yardsticks.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..display import Say, unsaid
from ..errors import DataError, SparringError
from ..ledger.looks import test_name
from ..ledger.yardsticks import YARDSTICKS, key_of
from ..records import Interval, StudySpec, TrialRow
from ..space.dimension import OPTION
from ..untrusted.texts import read_json
from .yardsticks import Task, Yardstick, depends_on_winner, measure


def read_yardsticks(
    folder: Path, study: Mapping[str, Any], spec: StudySpec, best: TrialRow, *, tests: bool, say: Say = unsaid
) -> tuple[Sequence[Yardstick], list[str]]:
    """The cached ones if they are of the same data and split, else measured now; and what went wrong, in words.

    tests: on the test rows too. say: hears what is measured, where that takes time.
    """
    path, key, options = _place_of(folder, study, spec, best, tests)
    if (cached := _read_cache(path, key)) is not None:
        return cached, []
    say(f"reading {spec.dataset} …")
    from ..study import reopen  # and with it the data

    try:
        # Under options of its own only what no option changes has a checksum; reopen looks at that.
        opened = reopen(folder, best.params) if options else reopen(folder)
        if not options and opened.dataset.sha256 != key["data_sha256"]:
            raise DataError(f"data set {spec.dataset}: it has changed since the search; search again under a new name")
        config = opened.space.config(best.params)
    except (SparringError, OSError) as error:
        return (), [f"no yardsticks: {error}"]
    task = Task(model=spec.model, config=config, fields=opened.dataset.fields, split=opened.split, tests=tests)
    measured, complaints = measure(task, say)
    measured = [_thinned(yardstick, spec) for yardstick in measured]
    if complaints:
        return measured, complaints  # and the next report tries again
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(
            json.dumps({"key": key, "yardsticks": [asdict(yardstick) for yardstick in measured]}, indent=2)
        )
        temporary.replace(path)
    except OSError as error:
        return measured, [
            f"the yardsticks could not be kept in {path}: {error.strerror}; the next report measures again"
        ]
    return measured, []


def kept_yardsticks(
    folder: Path, study: Mapping[str, Any], spec: StudySpec, best: TrialRow, *, tests: bool
) -> Sequence[Yardstick]:
    """The cached ones if they are of the same data and split, else none: nothing is measured."""
    path, key, _ = _place_of(folder, study, spec, best, tests)
    return _read_cache(path, key) or ()


def _place_of(
    folder: Path, study: Mapping[str, Any], spec: StudySpec, best: TrialRow, tests: bool
) -> tuple[Path, dict[str, object], dict[str, object]]:
    """The cache's file, what it must have been measured of, and the winner's options of the data."""
    path = folder / YARDSTICKS
    key = key_of(spec, study["identity"])
    if tests:
        key["tests"] = True
    if depends_on_winner(spec.model):
        key["params"] = dict(best.params)
    options: dict[str, object] = {name: value for name, value in best.params.items() if name.startswith(OPTION)}
    if options:
        key["data"] = options
    return path, key, options


def _thinned(yardstick: Yardstick, spec: StudySpec) -> Yardstick:
    """With the resamples of objectives alone, by which it is compared with the winner."""
    compared = {test_name(objective.metric) for objective in spec.objectives}
    test = {
        name: figure if name in compared else replace(figure, resamples=()) for name, figure in yardstick.test.items()
    }
    return replace(yardstick, test=test)


def _read_cache(path: Path, key: Mapping[str, object]) -> list[Yardstick] | None:
    try:
        document = read_json(path.read_text(encoding="utf-8"))
        return [_read_yardstick(entry) for entry in document["yardsticks"]] if document["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):  # not there, torn, or of another version: measured anew
        return None


def _read_yardstick(entry: Mapping[str, Any]) -> Yardstick:
    test = {
        name: Interval(**{**each, "resamples": tuple(each["resamples"])})
        for name, each in entry.get("test", {}).items()
    }
    return Yardstick(**{**entry, "test": test})
