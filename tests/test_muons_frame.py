"""What muon models see: transforms against NumPy, SciPy and scikit-learn, their inverses, keyed noise and distances."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import halfnorm, kstest, norm, spearmanr
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from sparring.data import load_dataset
from sparring.data.embedded.muons import draw
from sparring.data.physics.kinematics import ANGLES, FIRST, LAST, SKEWED, to_box, to_polar
from sparring.errors import DataError
from sparring.models.blocks.muon_frame import HalfNormalRanks, MuonFrame, interpolate
from sparring.models.metrics.characteristic_distance import LENGTHS, CharacteristicDistance
from sparring.models.metrics.keyed_noise import keyed_normal, keyed_uniform
from sparring.models.metrics.two_sample import auc
from sparring.models.sums import add_up

TRAIN = 4000


@pytest.fixture(scope="module")
def data():
    return load_dataset("muons", options={"n": 6000})


@pytest.fixture(scope="module")
def muons(data) -> torch.Tensor:
    return torch.tensor(data.fields["muons"])


@pytest.fixture(scope="module")
def frame(muons) -> MuonFrame:
    fitted = MuonFrame()
    fitted.fit(muons[:TRAIN])
    return fitted


# -- the frame --------------------------------------------------------------------------------------------------------


def test_the_box_is_numpys(frame, muons):
    np.testing.assert_allclose(frame.box(muons), to_box(to_polar(muons.numpy())), rtol=0, atol=2e-6)


def test_normal_columns_are_scikit_learns(frame, muons):
    boxed = to_box(to_polar(muons.numpy()))
    power = PowerTransformer(method="box-cox").fit((boxed[:TRAIN][:, SKEWED] + 1) / 2.4 + 0.1)
    angles = QuantileTransformer(n_quantiles=500, output_distribution="normal", subsample=None)
    angles.fit(boxed[:TRAIN][:, ANGLES])
    np.testing.assert_allclose(frame.power, power.lambdas_, rtol=1e-4)
    found = frame.normalize(frame.box(muons)).numpy()
    expected = power.transform((boxed[:, SKEWED] + 1) / 2.4 + 0.1)
    inside = (boxed[:, SKEWED] > FIRST[list(SKEWED)]).all(1)
    np.testing.assert_allclose(found[inside][:, SKEWED], expected[inside], rtol=0, atol=2e-4)
    expected = angles.transform(boxed[:, ANGLES])
    # Further out, a step of float32 near the share 1 is worth more than this.
    body = np.abs(expected).max(1) < 3.5
    np.testing.assert_allclose(found[body][:, ANGLES], expected[body], rtol=0, atol=1e-3)


def test_new_muons_are_about_standard_normal(frame, muons):
    columns = frame.normalize(frame.box(muons[TRAIN:])).numpy()
    for column in range(6):
        assert kstest(columns[:, column], "norm").statistic < 0.05


def test_normal_columns_go_back_to_the_same_muons(frame, muons):
    boxed = frame.box(muons)
    normal = frame.normalize(boxed)
    back = frame.denormalize(normal)
    # Angles beyond the training rows' last quantile stay on it.
    known = ((boxed[:, ANGLES] > frame.quantiles[0] - 1e-6) & (boxed[:, ANGLES] < frame.quantiles[-1] + 1e-6)).all(1)
    assert known[:TRAIN].all()
    assert float((back - boxed)[known].abs().max()) / 1.94 < 1e-5
    raw = frame.unbox(back, muons[:, :1])[known]
    scale = muons.abs().amax(0)
    assert float(((raw - muons[known]).abs() / scale).max()) < 1e-5
    assert raw[:, 0].equal(muons[known, 0])


def test_the_ends_of_the_quantiles_come_back(frame):
    ends = torch.zeros(2, 6)
    ends[:, ANGLES] = frame.quantiles[[0, -1]]
    normal = frame.normalize(ends)
    np.testing.assert_allclose(normal[:, ANGLES], [[-5.2, -5.2], [5.2, 5.2]], atol=0.05)
    torch.testing.assert_close(frame.denormalize(normal)[:, ANGLES], ends[:, ANGLES], rtol=0, atol=1e-6)
    outside = ends.clone()
    outside[:, ANGLES] *= 1.5
    torch.testing.assert_close(frame.normalize(outside), normal)


@pytest.mark.parametrize("far", [-50.0, -8.0, 30.0, 50.0])
def test_what_has_no_inverse_lands_on_the_edge_of_the_box(frame, far):
    boxed = frame.denormalize(torch.full((3, 6), far))
    edge = torch.tensor(FIRST, dtype=torch.float32) if far < 0 else torch.full((6,), LAST)
    torch.testing.assert_close(boxed[0, SKEWED], edge[list(SKEWED)], rtol=0, atol=1e-5)
    raw = frame.unbox(torch.full((1, 6), far), torch.ones(1, 1))
    assert raw.isfinite().all()
    assert float(raw[0, 6]) == pytest.approx(10.27 if far < 0 else 386.08, rel=1e-5)


def test_gradients_come_through_both_ways(frame, muons):
    boxed = frame.box(muons[:50]).requires_grad_()
    frame.denormalize(frame.normalize(boxed)).sum().backward()
    torch.testing.assert_close(boxed.grad[:, SKEWED], torch.ones(50, len(SKEWED)), rtol=1e-3, atol=1e-3)


def test_the_numbers_travel_with_the_state(frame, muons):
    other = MuonFrame()
    other.load_state_dict(frame.state_dict())
    assert other.normalize(other.box(muons)).equal(frame.normalize(frame.box(muons)))


def test_a_column_that_never_changes_is_left_finite(muons):
    rows = muons[:200].clone()
    rows[:, 6] = 50.0
    frame = MuonFrame()
    frame.fit(rows)
    boxed = frame.box(rows)
    assert frame.normalize(boxed).isfinite().all()
    torch.testing.assert_close(frame.denormalize(frame.normalize(boxed)), boxed, rtol=0, atol=1e-5)


def test_a_sample_that_is_no_muon_is_refused():
    from sparring.models.blocks.muon_frame import check_muons

    with pytest.raises(DataError, match=r"muons: a sample is 7 numbers \(charge, x, .*\), but got shape \(6,\)"):
        check_muons({"muons": (6,)})


def test_interpolation_is_numpys_and_takes_the_middle_where_knots_coincide():
    knots, values = torch.tensor([[0.0], [1.0], [1.0], [3.0]]), torch.tensor([[0.0], [1.0], [2.0], [4.0]])
    x = torch.tensor([[-1.0], [0.0], [0.25], [1.5], [3.0], [9.0]])
    expected = np.interp(x[:, 0], knots[:, 0], values[:, 0])
    np.testing.assert_allclose(interpolate(x, knots, values)[:, 0], expected)
    assert interpolate(torch.ones(1, 1), knots, values).item() == 1.5


def test_angles_are_read_between_quantiles_at_even_distances(frame):
    shares = torch.cat([torch.linspace(-0.1, 1.1, 1001), torch.linspace(0, 1, 500)])[:, None].expand(-1, 2)
    torch.testing.assert_close(
        frame.angles(shares), interpolate(shares, frame.shares, frame.quantiles), rtol=0, atol=2e-6
    )
    assert frame.angles(torch.tensor([[0.0, 1.0], [-1.0, 7.0]])).equal(
        torch.stack([frame.quantiles[0, 0], frame.quantiles[-1, 1]]).expand(2, 2)
    )


def test_columns_outside_the_box_are_those_of_its_edge(frame):
    edge = torch.stack([torch.tensor(FIRST, dtype=torch.float32)[list(SKEWED)], torch.full((4,), LAST)])
    far = torch.tensor([[-1.0], [1.0]]).expand(2, 4).clone().requires_grad_()
    found = frame.normalize_skewed(far)
    torch.testing.assert_close(found, frame.normalize_skewed(edge))
    assert torch.isfinite(torch.autograd.grad(found.sum(), far)[0]).all()


# -- ranks ------------------------------------------------------------------------------------------------------------


def test_rareness_becomes_half_normal_in_the_order_of_rareness(data):
    rareness = torch.tensor(data.fields["rareness"])
    ranks = HalfNormalRanks(5)
    ranks.fit(rareness[:TRAIN])
    aux = ranks(rareness)
    for column in range(5):
        assert kstest(aux[:TRAIN, column], halfnorm.cdf).pvalue > 0.99
        assert kstest(aux[TRAIN:, column], halfnorm.cdf).pvalue > 0.01
        assert spearmanr(aux[:TRAIN, column], rareness[:TRAIN, column]).statistic > 1 - 1e-9
    assert aux.min() > 0
    relative = (ranks.inverse(aux) - rareness).abs() / rareness
    assert float(relative[:TRAIN].max()) < 1e-5


def test_the_largest_of_n_gets_the_quantile_of_its_rank():
    ranks = HalfNormalRanks(1)
    ranks.fit(torch.arange(100.0)[:, None])
    assert ranks(torch.tensor([[99.0], [1e9]]))[:, 0].tolist() == pytest.approx([halfnorm.ppf(0.995)] * 2, rel=1e-5)
    assert ranks(torch.tensor([[10.0]])).item() == pytest.approx(halfnorm.ppf(0.105), rel=1e-3)


# -- keyed noise ------------------------------------------------------------------------------------------------------


def test_keyed_noise_belongs_to_the_row_and_not_to_the_batch(muons):
    whole = keyed_normal(muons, 20)
    assert keyed_normal(muons[100:107], 20).equal(whole[100:107])
    assert torch.vmap(lambda rows: keyed_normal(rows, 20))(muons[:60].view(3, 20, 7)).view(60, 20).equal(whole[:60])
    assert keyed_normal(muons, 5).equal(whole[:, :5])


def test_keyed_noise_is_noise(muons):
    uniform = keyed_uniform(muons, 20).numpy()
    assert 0 < uniform.min() < uniform.max() < 1
    assert min(kstest(uniform[:, column], "uniform").pvalue for column in range(20)) > 1e-4
    normal = keyed_normal(muons, 20).numpy()
    away = np.corrcoef(normal.T) - np.eye(20)
    assert np.abs(away).max() < 5 / math.sqrt(len(muons))
    assert abs(np.corrcoef(normal[1:, 0], normal[:-1, 0])[0, 1]) < 4 / math.sqrt(len(muons))
    other = keyed_normal(muons, 20, stream=1).numpy()
    assert abs(np.corrcoef(normal[:, 0], other[:, 0])[0, 1]) < 4 / math.sqrt(len(muons))


def test_one_bit_of_one_column_changes_all_its_noise(muons):
    moved = muons[:1].clone()
    moved[0, 6] = torch.nextafter(moved[0, 6], torch.tensor(1e9))
    assert (keyed_normal(moved, 20) != keyed_normal(muons[:1], 20)).all()


# -- distance ---------------------------------------------------------------------------------------------------------


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    closeness = CharacteristicDistance(a.shape[1]).to(a)
    return closeness.distance(closeness.sums(a, b), len(a))


def test_the_distance_is_that_of_the_characteristic_functions():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 300, 2))
    directions = np.array([[1, 0], [0, 1], [0.5**0.5, 0.5**0.5], [0.5**0.5, -(0.5**0.5)]])
    a[:, 0] += 0.4
    total = 0.0
    for length in LENGTHS:
        wave = np.exp(1j * length * a @ directions.T) - np.exp(1j * length * b @ directions.T)
        total += (np.abs(wave.sum(0)) ** 2 - (np.abs(wave) ** 2).sum(0)).sum() / (300 * 299)
    expected = math.sqrt(total / (4 * len(LENGTHS)))
    assert distance(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected, rel=1e-5)


def test_batches_add_up():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(100, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    closeness = CharacteristicDistance(3).double()
    parts = [closeness.sums(a[piece], b[piece]) for piece in (slice(0, 30), slice(30, 100))]
    whole = closeness.sums(a, b)
    assert closeness.distance(add_up(parts), 100) == pytest.approx(closeness.distance(whole, 100), rel=1e-10, abs=1e-10)


def test_samples_of_one_distribution_are_no_distance_apart_on_average():
    generator = torch.Generator().manual_seed(0)
    same = [distance(*torch.randn(2, 200, 3, generator=generator).unbind()) for _ in range(40)]
    # Unbiased, so half of the squares are negative and shown as 0; biased, all would be about 0.08.
    assert 10 <= sum(each == 0 for each in same) <= 30
    assert max(same) < 0.08


def test_dependence_alone_is_seen():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 2000, 2, generator=generator).unbind()
    turned = torch.stack([b[:, 0], 0.8 * b[:, 0] + 0.6 * b[:, 1]], dim=1)
    assert distance(a, turned) > 5 * max(distance(a, b), 0.02)


def test_a_sample_that_is_not_finite_has_no_distance():
    a, b = torch.randn(2, 50, 2).unbind()
    b[3, 1] = float("nan")
    assert math.isnan(distance(a, b))


# -- the figure of merit ----------------------------------------------------------------------------------------------


def test_trees_guess_between_samples_of_one_distribution():
    found = auc(*np.random.default_rng(0).standard_normal((2, 4000, 6)))
    assert abs(found.value - 0.5) < 4 * found.error
    assert found.error == pytest.approx(math.sqrt(1 / (6 * 2000)), rel=0.1)  # of ranks, under the null
    assert len(found.scores) == 2 * 2000


def test_two_shifted_normals_reach_the_closed_form():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 20_000, 1))
    found = auc(a + 1.0, b)
    assert found.value == pytest.approx(norm.cdf(1 / math.sqrt(2)), abs=4 * found.error)


def test_trees_see_what_does_not_overlap_and_what_only_depends():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((2, 2000, 2))
    assert auc(a, b + 100).value == 1.0
    dependent = np.stack([b[:, 0], b[:, 0] * np.sign(b[:, 1])], axis=1)
    assert auc(a, dependent).value > 0.9


def test_the_size_is_configurable_and_the_seed_repeats():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((500, 3)), rng.standard_normal((300, 3)) + 0.3
    assert auc(a, b).rows == 300
    assert auc(a, b, rows=100).rows == 100
    assert auc(a, b, seed=4).value == auc(a, b, seed=4).value != auc(a, b, seed=5).value


@pytest.mark.parametrize(
    ("a", "b", "complaint"),
    [
        (np.ones((50, 3)), np.ones((50, 2)), r"the same columns, but got \(50, 3\) and \(50, 2\)"),
        (np.ones((10, 3)), np.ones((50, 3)), r"at least 20 rows each, but got 10"),
        (np.ones((50, 3)), np.full((50, 3), np.nan), r"the generated one has others"),
    ],
)
def test_samples_that_cannot_be_compared_are_refused(a, b, complaint):
    with pytest.raises(DataError, match=complaint):
        auc(a, b)


def test_two_surrogates_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    first, second = (to_box(to_polar(draw(10_000, rng))) for _ in range(2))
    found = auc(first, second)
    assert abs(found.value - 0.5) < 4 * found.error
