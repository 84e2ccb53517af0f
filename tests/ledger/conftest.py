"""A study's folder."""

from __future__ import annotations

import pytest
from support.ledger import KINDS, METRICS

from sparring.ledger import (
    write_study,
)


@pytest.fixture
def folder(tmp_path):
    study = tmp_path / "study"
    write_study(study, {"kinds": KINDS, "metrics": METRICS})
    return study
