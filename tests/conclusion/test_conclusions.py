"""A small replay of studies with a known truth by the benchmark's own code: what is claimed holds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

STUDIES = 40


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[1] / "benchmarks" / "conclusions.py"
    spec = importlib.util.spec_from_file_location("conclusions", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["conclusions"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("sigma", "trials"), [(0.01, 24), (0.15, 24), (0.15, 100)])
def test_a_winner_is_the_best_and_the_figure_is_the_truth(benchmark, sigma, trials):
    studies = [benchmark.replay(seed, trials, sigma) for seed in range(STUDIES)]
    assert sum(each.is_false for each in studies) <= 2
    assert sum(each.is_praised and each.is_worse(each.conclusion.trial) for each in studies) <= 1
    errors = [each.error for each in studies]
    # Three fresh seeds each: four deviations of the mean over the studies.
    assert abs(np.mean(errors)) < 4 * sigma / np.sqrt(3 * STUDIES)
    if sigma > 0.1:
        assert np.mean([each.optimism for each in studies]) < -0.1
