"""Rows of muons for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sparring.data import load_dataset
from sparring.data.embedded.muons import draw


@pytest.fixture(scope="session")
def rows() -> dict[str, Tensor]:
    data = load_dataset("muons", options={"n": 1000, "reference": 1000})
    return {name: torch.tensor(field) for name, field in data.fields.items()}


@pytest.fixture(scope="session")
def muons() -> np.ndarray:
    return draw(6000, np.random.default_rng(5))
