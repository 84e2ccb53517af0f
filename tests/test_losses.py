"""The losses against plain numpy, their limits, and that they run fused."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.models.blocks.losses import (
    ADVERSARIAL,
    RECONSTRUCTION,
    fool,
    penalty,
    unreality,
    wcc,
    wcc_kernel,
)
from sparring.models.config import AdversarialLoss


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    """Predictions and positive targets, 5 samples of 9 features, float64."""
    generator = torch.Generator().manual_seed(7)
    prediction, target = torch.rand(2, 5, 9, dtype=torch.float64, generator=generator)
    return prediction, target


def reference(name: str, p: np.ndarray, t: np.ndarray) -> float:
    """One sample, one feature at a time."""
    per_sample = []
    for p_n, t_n in zip(p, t, strict=True):
        match name:
            case "mse":
                value = sum((a - b) ** 2 for a, b in zip(p_n, t_n, strict=True)) / len(p_n)
            case "l1":
                value = sum(abs(a - b) for a, b in zip(p_n, t_n, strict=True)) / len(p_n)
            case "emd":
                value = sum((sum(p_n[: i + 1]) - sum(t_n[: i + 1])) ** 2 for i in range(len(p_n))) / len(p_n)
            case "cosine":
                value = 1 - p_n @ t_n / math.sqrt(p_n @ p_n) / math.sqrt(t_n @ t_n)
            case "bce":
                s = 1 / (1 + np.exp(-p_n))
                value = float(np.mean(-t_n * np.log(s) - (1 - t_n) * np.log(1 - s)))
        per_sample.append(value)
    return sum(per_sample) / len(per_sample)


@pytest.mark.parametrize("name", ["mse", "l1", "emd", "cosine", "bce"])
def test_a_loss_is_the_mean_over_samples_of_its_plain_formula(name: str, pair: tuple[Tensor, Tensor]) -> None:
    found = RECONSTRUCTION[name](*pair)
    assert found.shape == ()
    assert float(found) == pytest.approx(reference(name, *(side.numpy() for side in pair)), rel=1e-12)


def weighted_correlation(f: np.ndarray, g: np.ndarray, half_width: float) -> float:
    correlation = np.correlate(f, g, mode="full")
    lags = np.arange(len(correlation)) - (len(f) - 1)  # lag 0 stands in the middle of the 2N - 1
    width2 = half_width / math.sqrt(2 * math.log(2)) * 2
    return float(np.sum(correlation * np.exp(-(lags**2) / (2 * width2))))


@pytest.mark.parametrize("features", [8, 9, 49])
@pytest.mark.parametrize("half_width", [1.0, 10.0])
def test_wcc_is_the_weighted_sum_of_numpys_cross_correlation(features: int, half_width: float) -> None:
    p, t = np.random.default_rng(3).normal(0.3, 1, (2, 6, features))
    p[0] = -t[0]
    similarity = [
        weighted_correlation(p_n, t_n, half_width)
        / math.sqrt(weighted_correlation(p_n, p_n, half_width) * weighted_correlation(t_n, t_n, half_width))
        for p_n, t_n in zip(p, t, strict=True)
    ]
    assert min(similarity) < 0 < max(similarity)  # or the clipping would not be seen
    kernel = wcc_kernel(features, half_width).double()
    found = wcc(torch.from_numpy(p), torch.from_numpy(t), kernel)
    assert float(found) == pytest.approx(1 - np.mean(np.clip(similarity, 0, 1)), abs=2e-6)  # the kernel is float32


def test_wcc_centres_its_weight_on_lag_zero() -> None:
    kernel = wcc_kernel(31, 3.0)
    peaks = torch.eye(31)
    shifts = [float(wcc(peaks[15 + shift, None], peaks[15, None], kernel)) for shift in range(-5, 6)]
    assert shifts[5] == pytest.approx(0, abs=1e-6)
    assert shifts == pytest.approx(shifts[::-1], abs=1e-6)
    assert shifts[5:] == sorted(shifts[5:])


def test_wcc_of_an_all_zero_prediction_has_a_finite_gradient() -> None:
    prediction = torch.zeros(2, 5, requires_grad=True)
    wcc(prediction, torch.rand(2, 5), wcc_kernel(5, 2.0)).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("name", sorted(RECONSTRUCTION))
def test_a_fused_loss_equals_the_loss_of_each_lane(name: str) -> None:
    lanes = torch.rand(2, 3, 4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    kernel = (wcc_kernel(9, 4.0).double(),) if name == "wcc" else ()
    measure = torch.func.grad_and_value(lambda p, t: RECONSTRUCTION[name](p, t, *kernel))
    gradients, losses = torch.func.vmap(measure)(*lanes)
    for lane, (p, t) in enumerate(zip(*lanes, strict=True)):
        gradient, loss = measure(p, t)
        torch.testing.assert_close(losses[lane], loss, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(gradients[lane], gradient, rtol=1e-12, atol=1e-14)


def test_the_adversarial_bce_is_the_cross_entropy_of_the_sigmoid() -> None:
    logits = torch.tensor([[-3.0], [0.5], [4.0]], dtype=torch.float64)
    for real in (True, False):
        expected = nn.functional.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, float(real)))
        assert float(ADVERSARIAL["bce"](logits, real)) == pytest.approx(float(expected), rel=1e-12)
    assert float(ADVERSARIAL["bce"](torch.zeros(4, 1), True)) == pytest.approx(math.log(2))


def test_the_least_squares_loss_measures_the_distance_from_its_label() -> None:
    logits = torch.tensor([[1.0], [3.0]])
    assert float(ADVERSARIAL["mse"](logits, True)) == pytest.approx((0 + 4) / 2)
    assert float(ADVERSARIAL["mse"](logits, False)) == pytest.approx((1 + 9) / 2)


def test_hinge_costs_what_is_wanting_to_the_margin_and_nothing_beyond() -> None:
    logits = torch.tensor([[-2.0], [0.25], [3.0]])
    assert float(ADVERSARIAL["hinge"](logits, True)) == pytest.approx((3 + 0.75 + 0) / 3)
    assert float(ADVERSARIAL["hinge"](logits, False)) == pytest.approx((0 + 1.25 + 4) / 3)


def test_wasserstein_costs_how_far_fakes_are_above_reals() -> None:
    real, fake = torch.tensor([[1.0], [4.0]]), torch.tensor([[0.5], [-2.0]])
    total = ADVERSARIAL["wasserstein"](real, True) + ADVERSARIAL["wasserstein"](fake, False)
    assert float(total) == pytest.approx((0.5 - 2) / 2 - (1 + 4) / 2)


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_a_fake_that_is_bad_enough_brings_its_generator_a_gradient_and_a_good_one_too(name: AdversarialLoss) -> None:
    """Hinge's own term for reals has none beyond the margin, so fooling must not take that."""
    for logit in (-3.0, 2.0):
        logits = torch.tensor([[logit]], requires_grad=True)
        (gradient,) = torch.autograd.grad(fool(name, logits), logits)
        assert gradient.item() < 0 or (name, logit) == ("mse", 2.0)  # beyond its label of 1 mse pulls back
        assert gradient.item() != 0


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_an_adversarial_loss_of_lanes_equals_that_of_each(name: AdversarialLoss) -> None:
    lanes = torch.randn(3, 5, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for measure in (partial(ADVERSARIAL[name], real=True), partial(ADVERSARIAL[name], real=False), partial(fool, name)):
        torch.testing.assert_close(torch.func.vmap(measure)(lanes), torch.stack([measure(lane) for lane in lanes]))


def test_what_is_found_strange_is_ordered_alike_by_probability_and_by_output() -> None:
    logits = torch.tensor([[-40.0], [-30.0], [0.0], [5.0]])
    assert unreality("bce", logits).tolist() == pytest.approx([1, 1, 0.5, 0.0066929], abs=1e-6)
    assert unreality("wasserstein", logits).tolist() == [40, 30, 0, -5]


def test_a_penalty_sums_the_norms_of_the_parameter_tensors() -> None:
    nets = [nn.Linear(2, 1), nn.Linear(1, 1, bias=False)]
    with torch.no_grad():
        for parameter, values in zip(
            (p for net in nets for p in net.parameters()), ([[3.0, -4.0]], [2.0], [[-1.0]]), strict=True
        ):
            parameter.copy_(torch.tensor(values))
    assert penalty("L1", nets).item() == pytest.approx(7 + 2 + 1)
    assert penalty("L2", nets).item() == pytest.approx(5 + 2 + 1)
