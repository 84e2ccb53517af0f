"""Intervals over rows: as wide as statistics says, and about the figure, whatever figure it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sparring.models.metrics.characteristic_distance import CharacteristicDistance
from sparring.records import Interval
from sparring.study import row_intervals
from sparring.study.intervals import MOST_BLOCKS, blocks_of, difference, mean_of, spread
from sparring.study.row_intervals import computed_once, measure


def mean_square(x):
    return {"square": x.square().sum(), "n": torch.tensor(float(len(x)))}


def root(sums):
    return {"rmse": math.sqrt(float(sums["square"]) / float(sums["n"]))}


def batches(values, rows=None):
    rows = np.random.default_rng(1).permutation(len(values)) if rows is None else rows
    return ({"x": torch.as_tensor(values[block])} for block in blocks_of(rows))


@pytest.mark.parametrize("n", [100, 205, 5000])
def test_an_interval_is_as_wide_as_the_standard_error_says(n):
    values = np.random.default_rng(0).normal(size=n)
    (found,) = measure(mean_square, batches(values), root).values()
    assert found.value == pytest.approx(math.sqrt((values**2).mean()))
    # Delta method: the error of a root is that of the mean square over twice the root.
    error = (values**2).std(ddof=1) / math.sqrt(n) / (2 * found.value)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(error, rel=0.2)  # 6 % by blocks, 2 to 7 % by draws
    assert found.low < found.value < found.high


def test_of_100_intervals_about_95_hold_the_truth():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        (found,) = measure(mean_square, batches(rng.normal(size=150)), root).values()
        held += found.low <= 1 <= found.high
    assert 89 <= held <= 99  # of 95 %, deviation 2.2


def test_a_distance_that_subtracts_its_own_noise_is_not_pushed_up_by_rows_that_meet_their_copies():
    generator = torch.Generator().manual_seed(0)
    closeness, n = CharacteristicDistance(3), 400
    lows = []
    for _ in range(20):
        real, fake = (torch.randn(n, 3, generator=generator) for _ in range(2))

        def evaluate(real, fake):
            return closeness.sums(real, fake) | {"n": torch.tensor(float(len(real)))}

        rows = blocks_of(np.arange(n))
        pairs = ({"real": real[block], "fake": fake[block]} for block in rows)
        found = measure(evaluate, pairs, lambda sums: {"d": closeness.distance(sums, float(sums["n"]))})["d"]
        lows.append(found.low)
    assert lows.count(0.0) >= 17  # a match: nothing says that the samples differ


def test_figures_on_the_same_rows_are_compared_pair_by_pair():
    values = np.random.default_rng(0).normal(size=300)
    one, other = (measure(mean_square, batches(values * scale), root)["rmse"] for scale in (1.0, 1.02))
    assert one.high > other.low  # by themselves they overlap
    assert difference(one, other).high < 0  # yet one is better on the very rows
    assert difference(one, other).value == pytest.approx(one.value - other.value)
    assert mean_of([one, other]).value == pytest.approx((one.value + other.value) / 2)
    assert mean_of([one, other]).low == pytest.approx(1.01 * one.low)


def test_too_few_rows_and_what_is_not_finite_have_no_interval():
    few = measure(mean_square, batches(np.arange(1.0, 8.0)), root)["rmse"]
    assert (few.low, few.high, few.resamples) == (None, None, ())
    assert difference(few, few) == Interval(0.0)
    assert spread(1.0, [1.0, math.nan]).low is None
    assert spread(math.inf, [1.0, 2.0]).low is None


def test_many_rows_are_taken_by_blocks_of_one_length():
    blocks = blocks_of(np.arange(1000))
    assert len(blocks) == MOST_BLOCKS
    assert {len(block) for block in blocks} == {7, 8}
    assert np.concatenate(blocks).tolist() == list(range(1000))
    halves = row_intervals._halves(9)
    assert set(halves.sum(1)) == {4}
    assert len(np.unique(halves, axis=0)) == math.comb(9, 4)  # of 1000 draws, all 126


def test_what_no_row_changes_is_computed_once_inside_and_anew_outside():
    class Net(torch.nn.Module):
        calls = 0

        def drawn(self):
            self.calls += 1
            return self.calls

    net = torch.nn.Module()
    net.part = Net()
    with computed_once(net, ["part.drawn"]):
        assert [net.part.drawn(), net.part.drawn()] == [1, 1]
    assert net.part.drawn() == 2
