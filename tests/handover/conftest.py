"""A study of each system, trained once, its candidate and its bundle; the checks' own work made small."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from support.promoted import candidate_of, searched, staged

from sparring.production.handover import fresh
from sparring.production.handover.candidate import Candidate
from sparring.study import intervals, row_intervals


@pytest.fixture(autouse=True)
def _little_work(monkeypatch):
    monkeypatch.setattr(fresh, "CALLS", 2)
    monkeypatch.setattr(row_intervals, "RESAMPLES", 40)
    monkeypatch.setattr(intervals, "MOST_BLOCKS", 8)
    row_intervals._halves.cache_clear()
    yield
    row_intervals._halves.cache_clear()


@pytest.fixture(scope="session")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Candidate]:
    """The candidate of a study of the system, made once."""
    place = tmp_path_factory.mktemp("studies")
    return cache(lambda name: candidate_of(searched(place, name)))


@pytest.fixture(scope="session")
def original(candidate, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Its bundle, made once and not to be touched."""
    place = tmp_path_factory.mktemp("bundles")
    return cache(lambda name: staged(candidate(name), place / name / "bundle"))


@pytest.fixture
def bundle(original, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of it, to be harmed."""
    return lambda name: shutil.copytree(original(name), tmp_path / "bundle")
