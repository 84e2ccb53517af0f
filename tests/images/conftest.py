"""A folder for a set of images, and a home of the data of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def place(tmp_path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    return folder
