"""A study's folder, and a disk that fails when it is told to."""

from __future__ import annotations

import pytest
from support.frail import FrailDisk, new_study

from sparring.ledger import (
    disk,
)


@pytest.fixture
def frail(monkeypatch):
    made = FrailDisk()
    monkeypatch.setattr(disk, "os", made)
    monkeypatch.setattr(disk, "shutil", made)
    return made


@pytest.fixture
def folder(tmp_path):
    return new_study(tmp_path / "study")
