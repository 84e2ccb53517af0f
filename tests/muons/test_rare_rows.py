"""Figures of the rarest rows: what they must see, and what the figures over all rows do not."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from sparring.data.embedded.muons import draw
from sparring.data.physics.kinematics import RARENESS, SKEWED
from sparring.data.physics.rareness import rareness
from sparring.models.blocks.muon_frame import MuonFrame
from sparring.models.metrics.characteristic_distance import CharacteristicDistance
from sparring.models.metrics.classifier_auc import Detection
from sparring.models.metrics.rare_rows import RareRows
from sparring.models.sums import add_up

COUNT = 4_000


@pytest.fixture(scope="module")
def samples() -> tuple[torch.Tensor, ...]:
    """Training rows, validation rows, further real rows and these without the rarest 5 %, in normal columns."""
    rng = np.random.default_rng(0)
    train, real, other, more, reference = (draw(n, rng) for n in (10_000, COUNT, COUNT, 2 * COUNT, 10_000))
    rare = rareness(more, reference)[:, RARENESS.index("4d")]
    common = more[rare < np.quantile(rare, 0.95)][:COUNT]
    frame = MuonFrame()
    frame.fit(torch.tensor(train))
    return tuple(frame.normalize(frame.box(torch.tensor(rows).float())) for rows in (train, real, other, common))


@pytest.fixture(scope="module")
def judges(samples) -> tuple[CharacteristicDistance, RareRows]:
    closeness, rare = CharacteristicDistance(6), RareRows(SKEWED)
    rare.fit(samples[0], closeness.waves)
    return closeness, rare


def figures(judges, real: torch.Tensor, fake: torch.Tensor) -> tuple[float, float, float]:
    """val/distance, then that of the rarest tenth and hundredth."""
    closeness, rare = judges
    waves = closeness.waves(real), closeness.waves(fake)
    sums = {name: value.double() for name, value in rare.sums(real, fake, *waves).items()}
    return (closeness.distance(closeness.sums_of(*waves), len(real)), *rare.distances(sums, len(real)))


def test_a_tenth_and_a_hundredth_of_the_training_rows_are_rare(samples, judges):
    shares = judges[1].masks(samples[0]).mean(1)
    assert shares.tolist() == pytest.approx([0.1, 0.01], abs=2e-4)
    # Rows of the same distribution: 4,000 scatter by 0.005 and 0.0016.
    assert judges[1].masks(samples[1]).mean(1).tolist() == pytest.approx([0.1, 0.01], abs=0.006)


def test_missing_tails_are_seen_where_the_distance_of_all_rows_hardly_moves(samples, judges):
    _, real, other, common = samples
    fine, missing = figures(judges, real, other), figures(judges, real, common)
    assert missing[0] < 0.03  # a fair generator's
    assert fine[1] < 0.15
    assert missing[1] > 2 * fine[1]
    assert missing[2] > 0.6 > fine[2]


def test_a_generator_without_any_rare_row_is_about_one_away(samples, judges):
    _, real, other, _ = samples
    inner = other * 0.01
    _, tenth, hundredth = figures(judges, real, inner)
    assert tenth == pytest.approx(1, abs=0.1)
    assert hundredth == pytest.approx(1, abs=0.6)  # of 40 rows
    assert judges[1].masks(inner).sum() == 0


def test_too_many_rare_rows_are_no_match_either(samples, judges):
    _, real, other, _ = samples
    wide = other.clone()
    wide[:, SKEWED] *= 1.5
    assert figures(judges, real, wide)[1] > 1


def test_it_is_the_difference_of_the_rare_rows_own_characteristic_functions(samples, judges):
    closeness, rare = (copy.deepcopy(judge).double() for judge in judges)
    # Rare rows of both, side by side: a pair's own noise has a term of both.
    real, fake = (rows[rare.masks(rows.double())[0] > 0][:300].double() for rows in samples[1:3])
    fake = fake * 1.1
    masks = [rare.masks(rows)[0].numpy() for rows in (real, fake)]
    waves = [np.exp(1j * (rows @ closeness.frequencies.T).numpy()) for rows in (real, fake)]
    train = samples[0].double()
    known = rare.masks(train)[0].numpy()[:, None] * np.exp(1j * (train @ closeness.frequencies.T).numpy())
    each = masks[0][:, None] * waves[0] - masks[1][:, None] * waves[1]
    total = (np.abs(each.sum(0)) ** 2 - (np.abs(each) ** 2).sum(0)).sum() / (300 * 299)
    expected = math.sqrt(max(total, 0.0) / (np.abs(known.mean(0)) ** 2).sum())
    assert expected > 0
    assert figures((closeness, rare), real, fake)[1] == pytest.approx(expected, rel=1e-4)


def test_batches_add_up(samples, judges):
    closeness, rare = judges
    real, fake = samples[1][:100], samples[3][:100]

    def sums(piece: slice) -> dict[str, torch.Tensor]:
        a, b = real[piece], fake[piece]
        return rare.sums(a, b, closeness.waves(a), closeness.waves(b))

    parts = add_up([sums(slice(0, 30)), sums(slice(30, 100))])
    assert rare.distances(parts, 100) == pytest.approx(rare.distances(sums(slice(0, 100)), 100), rel=1e-4, abs=1e-5)


def test_what_is_not_finite_has_no_distance(samples, judges):
    fake = samples[2].clone()
    fake[7, 0] = float("nan")
    assert all(map(math.isnan, figures(judges, samples[1], fake)))


def test_trees_tell_within_the_rare_rows_what_they_hardly_tell_of_all(samples, judges):
    train, real, other, _ = samples
    # Rare rows lose the correlation of their columns; nine tenths stay as they are.
    rng = torch.Generator().manual_seed(0)
    more = torch.cat([other, train[:4_000]])
    rare = judges[1].masks(more)[0] > 0
    spoilt = more.clone()
    for column in SKEWED:
        own = more[rare, column]
        spoilt[rare, column] = own[torch.randperm(len(own), generator=rng)]
    detection = Detection(4_000)
    detection.fit(train[4_000:])
    sums = detection.sums(real, detection.known, spoilt, judges[1].masks)
    of_all, tenth = float(sums["auc"]) / len(real), float(sums["auc_rare"][0] / sums["n_rare"][0])
    assert sums["n_rare"].tolist() == judges[1].masks(real).sum(1).tolist()
    assert tenth > of_all + 0.08


def test_trees_find_no_rare_row_where_none_is_made(samples, judges):
    train, real, other, _ = samples
    detection = Detection(500)
    detection.fit(train)
    sums = detection.sums(real, detection.known, other[:1_000] * 0.01, judges[1].masks)
    assert (sums["auc_rare"] / sums["n_rare"]).tolist() == [1.0, 1.0]
