"""A registry of tiny bundles, and a disk that can die under it."""

from __future__ import annotations

import pytest
from support.frail import FrailDisk

from sparring.production.registry import Registry


@pytest.fixture
def frail(monkeypatch):
    return FrailDisk.under_the_ledger(monkeypatch)


@pytest.fixture
def registry(tmp_path):
    return Registry(address=str(tmp_path / "production"))
