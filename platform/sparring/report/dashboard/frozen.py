"""A study's page with its data inside: one file that opens anywhere, asks nobody and does not change."""

from __future__ import annotations

from ...display import clean
from ...ledger import read_study
from ...ledger.ranking import is_ranked
from ..reading import Report
from .columns import columns_of
from .document import make_document
from .head import about, head_of, notes_for_page
from .tables import StudyTables
from .trial import details_of

IN_FULL = 12
"""Trials, the best first, of which every figure by epoch is inside; the published default is another."""


def make_page(report: Report) -> str:
    """The live page as it would stand now: some 110 kB for a short study, and about 0.3 kB for each trial more."""
    document = read_study(report.folder)
    tables = StudyTables(report.folder, report.objective.metric)
    tables.poll()
    head = head_of(report)
    ranked = [row for row in report.trials if is_ranked(row)]
    chosen = {row.trial: row for row in (*ranked[:IN_FULL], *report.front[:IN_FULL], *filter(None, [report.baseline]))}
    frozen = {
        **columns_of(tables),
        "about": about(report.spec, document, report.dimensions),
        "head": head,
        "notes": notes_for_page(report.folder),
        "details": details_of(report.folder, report.spec, {number: row.params for number, row in chosen.items()}),
        "version": 1,
    }  # fmt: skip
    words = [*head["sentences"], *([head["verdict"]] if head["verdict"] else []), *head["notes"]]
    return make_document(clean(report.spec.name), frozen, words)[0]
