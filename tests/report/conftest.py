"""A study of trials that ended in every way."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.reports import MIXED, study

from sparring.report import importance


@pytest.fixture(scope="module", autouse=True)
def small_forests():
    """A third of the time, and still enough for effects as plain as those built in here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "REPEATS", 2)
        patch.setattr(importance, "TREES", 25)
        yield


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    return study(tmp_path, MIXED)
