"""A registry of tiny bundles, and a disk that can die under it."""

from __future__ import annotations

import pytest
from support.frail import FrailDisk

from sparring.ledger import disk
from sparring.production.registry import Registry


@pytest.fixture
def frail(monkeypatch):
    made = FrailDisk()
    monkeypatch.setattr(disk, "os", made)
    monkeypatch.setattr(disk, "shutil", made)
    return made


@pytest.fixture
def registry(tmp_path):
    return Registry(address=str(tmp_path / "production"))
