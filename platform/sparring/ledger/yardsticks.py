"""The file in which a report keeps the yardsticks that it has measured, as far as a running search reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ..records import StudySpec
from ..untrusted.texts import read_json

YARDSTICKS = "yardsticks.json"

FORM = 2
"""Goes up when yardsticks are others for the same study, so that older ones are not read."""


def key_of(spec: StudySpec, identity: Mapping[str, object]) -> dict[str, object]:
    """Of what yardsticks must have been measured to be this study's. identity: that of its study.json."""
    return {"model": spec.model, "split": spec.split, "data_sha256": identity["data_sha256"], "form": FORM}


def known_rival(folder: Path, spec: StudySpec, identity: Mapping[str, object]) -> tuple[str, float] | None:
    """The best yardstick and its figure in the leading objective, if a report has measured it; else None.

    The report may have been another study's, beside ``folder``, of the same system, data and split. Yardsticks that
    depend on the winner, or on options of the data that a space searches, are none of a search that runs.
    """
    key, metric, sign = key_of(spec, identity), spec.objective.metric, spec.objective.sign
    for path in (folder / YARDSTICKS, *sorted(folder.parent.glob(f"*/{YARDSTICKS}"))):
        found = []
        try:
            document = read_json(path.read_text(encoding="utf-8"))
            if document["key"] in (key, {**key, "tests": True}):
                found = [(str(each["name"]), float(each["figures"][metric])) for each in document["yardsticks"]
                         if not each["is_floor"] and metric in each["figures"]]  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):  # not there, torn, or of another version
            continue
        if best := min(
            (each for each in found if math.isfinite(each[1])), key=lambda each: sign * each[1], default=None
        ):
            return best
    return None
