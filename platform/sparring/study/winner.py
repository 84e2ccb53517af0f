"""The trial that a study goes by: one answer for all who ask.

The look at the test rows, `best`, `predict`, `promote`, summary and report all take this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..ledger import read_study, spec_from_json, trial_rows
from ..ledger.ranking import best_row, is_ranked
from ..records import TrialRow
from .fresh_seeds import cheapest, conclusion_of


def find_winner(folder: Path, rows: Iterable[TrialRow] | None = None) -> TrialRow | None:
    """What fresh seeds conclude: the winner, or of a tie the one that trains the fastest; before any the search's best.

    rows: the study's ended trials, read already. None if none has completed. Raises as ``read_trials``.
    """
    ranked = [row for row in (trial_rows(folder) if rows is None else rows) if is_ranked(row)]
    if not ranked:
        return None
    found = conclusion_of(folder)
    number = None if found is None else cheapest(found, ranked)
    concluded = next((row for row in ranked if row.trial == number), None)  # none if it ended after rows were read
    return concluded or best_row(ranked, spec_from_json(read_study(folder)["spec"]).objective)
