"""Looks at the test rows, as the table ``test/`` keeps them: append-only, so a study says for ever how many there were.

The rows had no part in training or in any choice when they were looked at first. Whoever searches on after a look has
seen them: later figures on them are no longer those of unseen rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike

import pyarrow as pa

from ..records import Interval
from .reading import read_test
from .schema import Columns

WINNER, DEFAULT, DIFFERENCE = "winner", "default", "difference"
"""Whose figures a line holds; the difference is the winner's less the default's, on the same rows."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the winner and the published default reached on the test rows when a study ended."""

    number: int
    """Counted from 1."""
    trial: int
    """The winner's number."""
    trials: int
    """Trials that had ended by then."""
    rows: int
    """Test rows."""
    winner: Mapping[str, Interval]
    """By ``test/…``, as its figure on the validation rows is called ``val/…``."""
    default: Mapping[str, Interval] = field(default_factory=dict)
    """Empty where it is the winner, did not complete, or its weights were not kept."""
    difference: Mapping[str, Interval] = field(default_factory=dict)


def test_name(metric: str) -> str:
    """What a ``val/…`` figure is called on the test rows."""
    return f"test/{metric.removeprefix('val/')}"


def of_look(columns: Columns, look: Look, seq: int, at: datetime) -> pa.Table:
    """A look as lines of the table, one per figure and whose it is."""
    lines = [
        {
            **columns.core(trial, seq), "look": look.number, "role": role, "metric": metric, "value": figure.value,
            "low": figure.low, "high": figure.high, "rows": look.rows, "trials": look.trials, "at": at,
            "resamples": list(figure.resamples) or None,
        }
        for role, trial, figures in ((WINNER, look.trial, look.winner), (DEFAULT, 0, look.default),
                                     (DIFFERENCE, look.trial, look.difference))
        for metric, figure in figures.items()
    ]  # fmt: skip
    return pa.Table.from_pylist(lines, schema=columns.schemas["test"])


def read_looks(folder: str | PathLike[str]) -> tuple[Look, ...]:
    """Every look at the test rows of a study, the first one first. Raises as ``read_trials``."""
    found: dict[int, dict[str, dict[str, Interval]]] = {}
    about: dict[int, tuple[int, int, int]] = {}
    for line in read_test(folder).table.to_pylist():
        number, role = line["look"], line["role"]
        figure = Interval(line["value"], line["low"], line["high"], tuple(line["resamples"] or ()))
        found.setdefault(number, {}).setdefault(role, {})[line["metric"]] = figure
        if role == WINNER:
            about[number] = line["trial"], line["trials"], line["rows"]
    return tuple(
        Look(
            number=number, trial=about[number][0], trials=about[number][1], rows=about[number][2],
            winner=roles[WINNER], default=roles.get(DEFAULT, {}), difference=roles.get(DIFFERENCE, {}),
        )
        for number, roles in sorted(found.items())
        if number in about
    )  # fmt: skip
