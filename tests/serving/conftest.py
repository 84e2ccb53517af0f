"""A small AEGAN and a small AuxAAE, trained once, as bundles; and a registry of them to be changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.promoted import candidate_of, searched, staged
from support.served import put, shifted

from sparring.production.handover.bundle import read_files
from sparring.production.registry import Registry


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    """(the files of each, ordinary rows of the AEGAN by field)."""
    place = tmp_path_factory.mktemp("bundles")
    candidates = {name: candidate_of(searched(place, name)) for name in ("aegan", "aux_aae")}
    files = {name: read_files(staged(each, place / name / "bundle")) for name, each in candidates.items()}
    return files, {name: values.numpy() for name, values in candidates["aegan"].probe(12).items()}


@pytest.fixture(scope="session")
def rows(bundles) -> dict[str, np.ndarray]:
    return bundles[1]


@pytest.fixture(scope="session")
def _models(bundles, tmp_path_factory) -> Path:
    """Of the AEGAN three versions that answer differently, the third current; of the AuxAAE one."""
    place = tmp_path_factory.mktemp("production")
    registry = Registry(address=str(place))
    for by in range(3):
        put(registry, "aegan", shifted(bundles[0]["aegan"], by / 100))
    put(registry, "aux_aae", bundles[0]["aux_aae"])
    return place


@pytest.fixture
def models(_models, tmp_path) -> Path:
    return shutil.copytree(_models, tmp_path / "production")
