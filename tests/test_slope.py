"""Penalties on a discriminator's slope: against gradients written down by hand, and what they are for."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from support.systems import Setting
from torch import Tensor, nn

from sparring.models.blocks.losses import ADVERSARIAL
from sparring.models.blocks.slope import gradient_penalty, r1, squared_slopes

HAVE_IT = ("aegan", "aae", "aae_series", "advvae", "mlp_aae", "aux_aae", "auxgan")


@pytest.fixture
def net() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 1)
    made = nn.Sequential(*layers).double()
    made[1].running_mean.copy_(torch.linspace(-1, 1, 5))
    made[1].running_var.copy_(torch.linspace(0.5, 2, 5))
    return made.train()


def by_hand(net: nn.Sequential, x: Tensor) -> Tensor:
    """The chain rule, written out: ∇D = W1ᵀ·diag(scale·(1 − tanh²))·W2ᵀ with the norm's recorded statistics."""
    first, norm, last = net[0], net[1], net[4]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    hidden = (first(x) - norm.running_mean) * scale + norm.bias
    return ((1 - hidden.tanh() ** 2) * scale * last.weight) @ first.weight


def test_the_slope_is_that_of_each_row_with_the_statistics_recorded(net):
    x = torch.randn(6, 3, dtype=torch.float64)
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    torch.testing.assert_close(squared_slopes(net, x), by_hand(net, x).square().sum(1), rtol=1e-10, atol=0)
    assert all(buffer.equal(before[name]) for name, buffer in net.named_buffers())
    assert all(module.training for module in net.modules())


@pytest.mark.parametrize("kind", ["r1", "gp"])
def test_a_penalty_and_its_gradient_are_those_by_hand(net, kind, monkeypatch):
    real, fake = torch.randn(2, 6, 3, dtype=torch.float64)
    place = torch.rand(6, 1, dtype=torch.float64)
    monkeypatch.setattr(torch, "rand_like", lambda like: place.to(like).view(like.shape))
    if kind == "r1":
        found, expected = r1(net, real), by_hand(net, real).square().sum(1).mean() / 2
    else:
        between = place * real + (1 - place) * fake
        found, expected = gradient_penalty(net, real, fake), (by_hand(net, between).norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=0)
    parameters = [net[0].weight, net[0].bias, net[1].weight, net[4].weight]
    for mine, theirs in zip(
        torch.autograd.grad(found, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-10)


def test_between_takes_every_batch_of_fakes_with_all_reals(monkeypatch):
    seen = []
    net = nn.Linear(2, 1).double()
    net.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    monkeypatch.setattr(torch, "rand_like", lambda like: torch.full_like(like, 0.25))
    real, fakes = torch.zeros(2, 2).double(), torch.arange(8).double().view(4, 2)
    gradient_penalty(net, real, fakes)
    assert seen[0].tolist() == (0.75 * fakes).tolist()


def test_a_discriminator_without_any_slope_still_has_a_gradient(monkeypatch):
    net = nn.Linear(2, 1)
    nn.init.zeros_(net.weight)
    (gradient,) = torch.autograd.grad(gradient_penalty(net, torch.zeros(3, 2), torch.ones(3, 2)), net.weight)
    assert gradient.isfinite().all()


# -- what they are for ------------------------------------------------------------------------------------------------


def train(weight: float, kind: str, loss: str, steps: int = 400) -> tuple[float, float]:
    """Reals at 0, fakes at 2 on a line: the mean slope in between, and how far outputs lie apart."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, betas=(0.5, 0.9))
    real, fake = torch.zeros(64, 1), torch.full((64, 1), 2.0)
    for _ in range(steps):
        penalty = r1(net, real) if kind == "r1" else gradient_penalty(net, real, fake)
        total = ADVERSARIAL[loss](net(real), True) + ADVERSARIAL[loss](net(fake), False) + weight * penalty
        for parameter, gradient in zip(
            net.parameters(), torch.autograd.grad(total, list(net.parameters())), strict=True
        ):
            parameter.grad = gradient
        optimizer.step()
    points = torch.linspace(0, 2, 50)[:, None]
    with torch.no_grad():
        return float(squared_slopes(net, points).sqrt().mean()), float(net(real).mean() - net(fake).mean())


def test_with_the_gradient_penalty_a_wasserstein_discriminator_tells_the_distance():
    """W1 of two points is their distance, 2, and its slope 1 in between; without, both grow without a bound."""
    slope, distance = train(10.0, "gp", "wasserstein")
    assert slope == pytest.approx(1, abs=0.1)
    assert distance == pytest.approx(2, abs=0.2)
    assert train(0.0, "gp", "wasserstein", steps=100)[1] > 100


def test_r1_keeps_the_discriminator_flat_at_real_samples():
    free, held = train(0.0, "r1", "bce")[1], train(10.0, "r1", "bce")[1]
    assert held < 0.3 * free


def test_r1_ends_the_circling_around_the_equilibrium():
    """The Dirac GAN of arXiv:1801.04406: fakes at θ, reals at 0, D(x) = ψ·x. Without a penalty (θ, ψ) runs
    around (0, 0) for ever."""

    judge = ADVERSARIAL["wasserstein"]

    def play(weight: float) -> float:
        theta = torch.tensor(1.0, requires_grad=True)
        net = nn.Linear(1, 1, bias=False)
        nn.init.ones_(net.weight)
        for _ in range(500):
            fake = theta.detach().view(1, 1)
            loss = ADVERSARIAL["wasserstein"](net(torch.zeros(1, 1)), True) + ADVERSARIAL["wasserstein"](
                net(fake), False
            )
            (gradient,) = torch.autograd.grad(loss + weight * r1(net, torch.zeros(1, 1)), net.weight)
            with torch.no_grad():
                net.weight -= 0.1 * gradient
            (gradient,) = torch.autograd.grad(judge(net(theta.view(1, 1)), True), theta)
            with torch.no_grad():
                theta -= 0.1 * gradient
        return math.hypot(theta.item(), net.weight.item())

    assert play(0.0) > 0.9
    assert play(1.0) < 0.01


@pytest.mark.parametrize("name", HAVE_IT)
@pytest.mark.parametrize("weight", ["w_r1", "w_gp"])
def test_every_discriminator_pays_its_weight_times_the_penalty(name: str, weight: str, monkeypatch: Any) -> None:
    """The phase's loss with it less the loss without, for a weight and twice that weight."""
    setting = Setting(name)
    losses = []
    for value in (0.0, 1.0, 2.0):
        training = setting.training(**{"w_r1": 0.0, "w_gp": 0.0, weight: value})
        known = training.batches.take(torch.arange(training.share.rows))
        for index, step in enumerate(training.phase_steps):
            with training.noise.begin(0, index), step.others_stilled():
                found, gradients = step.run({key: known[key] for key in step.wants})
            known.update((key, tensor.detach()) for key, tensor in found.carry.items())
            if step.phase.name == "dis":
                losses.append(float(found.loss.detach()))
                assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)
    none, once, twice = losses
    assert once > none
    assert twice - none == pytest.approx(2 * (once - none), rel=1e-4)
