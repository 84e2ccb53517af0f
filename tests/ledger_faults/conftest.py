"""A study's folder, and a disk that fails when it is told to."""

from __future__ import annotations

import pytest
from support.frail import FrailDisk, new_study


@pytest.fixture
def frail(monkeypatch):
    return FrailDisk.under_the_ledger(monkeypatch)


@pytest.fixture
def folder(tmp_path):
    return new_study(tmp_path / "study")
