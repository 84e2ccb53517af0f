"""Distances of codes from their prior that need no adversary: against plain sums, and that codes come to match it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.systems import Setting
from torch import Tensor

from sparring.models.blocks.prior_distance import SCALES, mmd, sliced_wasserstein

HAVE_IT = ("aae", "aae_series", "mlp_aae", "advvae", "aux_aae")


def draw(n: int, size: int = 3, seed: int = 0) -> Tensor:
    return torch.randn(n, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def plain_mmd(codes: np.ndarray, draws: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([(w := 2 * len(a) * scale) / (w + np.sum((a - b) ** 2)) for scale in SCALES]))

    n = len(codes)
    within = sum(kernel(rows[i], rows[j]) for rows in (codes, draws) for i in range(n) for j in range(n) if i != j)
    return within / (n * (n - 1)) - 2 * float(np.mean([[kernel(a, b) for b in draws] for a in codes]))


def test_the_discrepancy_is_the_unbiased_sum_over_all_pairs():
    codes, draws = 2 * draw(7, seed=1) + 0.5, draw(7)
    assert float(mmd(codes, draws)) == pytest.approx(plain_mmd(codes.numpy(), draws.numpy()), rel=1e-10)


def test_of_one_distribution_it_is_zero_in_the_mean_and_of_another_it_is_not():
    same = torch.stack([mmd(draw(16, seed=2 * k), draw(16, seed=2 * k + 1)) for k in range(400)])
    assert abs(float(same.mean())) < 4 * float(same.std()) / 20
    wide = torch.stack([mmd(1.5 * draw(16, seed=2 * k), draw(16, seed=2 * k + 1)) for k in range(400)])
    assert float(wide.mean()) > 10 * float(wide.std()) / 20


def test_the_sliced_distance_compares_ranks_along_each_direction():
    codes, draws, directions = draw(8, seed=1) + 1, draw(8), draw(5, seed=2)
    expected = []
    for direction in directions.numpy():
        along = direction / np.linalg.norm(direction)
        expected.append(np.mean((np.sort(codes.numpy() @ along) - np.sort(draws.numpy() @ along)) ** 2))
    assert float(sliced_wasserstein(codes, draws, directions)) == pytest.approx(np.mean(expected), rel=1e-12)


def test_of_a_shifted_copy_it_is_the_shifts_square_over_the_dimensions():
    """Mean over directions of (θ·shift)², known in closed form."""
    draws, shift = draw(64), torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64)
    found = sliced_wasserstein(draws + shift, draws, draw(20_000, seed=3))
    assert float(found) == pytest.approx(25 / 3, rel=0.03)


@pytest.mark.parametrize("kind", ["mmd", "swd"])
def test_points_that_follow_its_gradient_come_to_lie_as_the_prior_does(kind: str):
    """From a clump 4 away from the centre; the discrepancy pulls weakly at what lies far out."""
    points = 0.1 * draw(128, 2, seed=5) + 3
    points.requires_grad_()
    for step in range(300):
        draws = draw(128, 2, seed=100 + step)
        loss = mmd(points, draws) if kind == "mmd" else sliced_wasserstein(points, draws, draw(16, 2, seed=9000 + step))
        (gradient,) = torch.autograd.grad(loss, points)
        with torch.no_grad():
            points -= {"mmd": 100.0, "swd": 20.0}[kind] * gradient
    middle, spread = points.detach().median(0).values, points.detach().std(0)
    assert middle.abs().max() < 0.5
    assert 0.7 < spread.min() < spread.max() < {"mmd": 2.0, "swd": 1.2}[kind]


@pytest.mark.parametrize("name", HAVE_IT)
@pytest.mark.parametrize("weight", ["w_mmd", "w_swd"])
def test_every_encoder_pays_its_weight_times_the_distance(name: str, weight: str) -> None:
    setting = Setting(name)
    losses = []
    for value in (0.0, 1.0, 2.0):
        training = setting.training(**{"w_mmd": 0.0, "w_swd": 0.0, weight: value})
        step = training.phase_steps[[arm.phase.name in ("gen", "recon") for arm in training.phase_steps].index(True)]
        index = training.phase_steps.index(step)
        known = training.batches.take(torch.arange(training.share.rows))
        with training.noise.begin(0, index), step.others_stilled():
            found, gradients = step.run({key: known[key] for key in step.wants})
        losses.append(float(found.loss.detach()))
        assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)
    none, once, twice = losses
    assert once != none
    assert twice - none == pytest.approx(2 * (once - none), rel=1e-3)


ALONE: dict[str, dict[str, Any]] = {
    "aae": {"adversarial": False, "is_joint": False},
    "aae_series": {"adversarial": False, "is_joint": False},
    "mlp_aae": {"adv_share": 0.0},
    "advvae": {"kld_weight": 0.0, "recon_weight": 0.0, "gen_weight": 0.0},
}
"""Without an adversary, or anything else that knows of the prior."""


@pytest.mark.slow
@pytest.mark.parametrize("weight", ["w_mmd", "w_swd"])
@pytest.mark.parametrize("name", ALONE)
def test_without_an_adversary_codes_come_to_match_the_prior(name: str, weight: str) -> None:
    setting, fields = Setting(name, n=600), Setting(name).model_class.Config.model_fields
    still = {key: 0.0 for key in ("dropout", "input_noise") if key in fields}
    rates = {phase.lr: 3e-3 for phase in setting.model_class.Config.phases}
    found = []
    for value in (0.0, 1.0):
        values = {**ALONE[name], **still, **rates, "lr_schedule": "none", "w_mmd": 0.0, "w_swd": 0.0, weight: value}
        training = setting.training(rows=400, epochs=12, **values)
        metrics = [training.run_epoch().metrics for _ in range(12)][-1]
        found.append(abs(metrics["val/mmd_prior"]))
    assert found[1] < 0.5 * found[0]


@pytest.mark.parametrize("name", ["aae", "mlp_aae"])
def test_trainings_with_it_repeat_bit_for_bit_and_resume(name: str) -> None:
    setting = Setting(name, w_mmd=1.0, w_swd=1.0)
    whole, begun, resumed = (setting.training() for _ in range(3))
    begun.run_epoch()
    resumed.restore(begun.save())
    whole.run_epoch()
    assert whole.run_epoch().metrics == resumed.run_epoch().metrics
    first, second = whole.model.state_dict(), resumed.model.state_dict()
    assert all(first[key].equal(second[key]) for key in first)
