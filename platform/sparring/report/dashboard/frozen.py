"""A study's page with its data inside: one file that opens anywhere, asks nobody and does not change."""

from __future__ import annotations

from ...display import clean
from ...ledger import read_study
from ..reading import Report
from .columns import columns_of
from .document import make_document
from .head import about, head_of
from .tables import StudyTables


def make_page(report: Report) -> str:
    """The live page as it would stand now: some 90 kB, and about 0.3 kB for each trial."""
    document = read_study(report.folder)
    tables = StudyTables(report.folder, report.objective.metric)
    tables.poll()
    head = head_of(report)
    frozen = {
        **columns_of(tables),
        "about": about(report.spec, document, report.dimensions),
        "head": head,
        "version": 1,
    }  # fmt: skip
    words = [*head["sentences"], *([head["verdict"]] if head["verdict"] else []), *head["notes"]]
    return make_document(clean(report.spec.name), frozen, words)[0]
