"""Layers whose weight is divided by its largest singular value: that value, who moves its estimate, what it is for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.systems import Setting
from torch import nn

from sparring.models.blocks.losses import ADVERSARIAL
from sparring.models.blocks.mlp import freeze_first, stack
from sparring.models.blocks.slope import squared_slopes
from sparring.models.blocks.spectral import Spectral, bound_spectrum
from sparring.training.norms import outside, stilled

HAVE_IT = ("aegan", "aae", "aae_series", "advvae", "mlp_aae", "aux_aae", "auxgan")
LAYERS = {"linear": lambda: nn.Linear(7, 5), "convolution": lambda: nn.Conv2d(3, 6, 3, stride=2, padding=1)}


def made(kind: str, forwards: int = 0) -> tuple[nn.Module, Any]:
    """A plain layer and the bounded one with its parameters, after so many forwards in training; float64."""
    torch.manual_seed(0)
    plain = LAYERS[kind]().double()
    net = nn.Sequential(plain)
    bound_spectrum(net)
    layer = net.double()[0]
    for _ in range(forwards):
        layer.bounded()
    return plain, layer


@pytest.mark.parametrize("kind", LAYERS)
def test_the_weight_is_divided_by_its_largest_singular_value(kind):
    plain, layer = made(kind, forwards=300)
    largest = torch.linalg.svdvals(plain.weight.flatten(1))[0]
    torch.testing.assert_close(layer.bounded(), plain.weight / largest, rtol=1e-9, atol=0)
    x = torch.randn(4, *{"linear": (7,), "convolution": (3, 8, 8)}[kind], dtype=torch.float64)
    bias = plain.bias if kind == "linear" else plain.bias[:, None, None]
    torch.testing.assert_close(layer(x) - bias, (plain(x) - bias) / largest, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_its_gradient_is_that_of_the_quotient(kind):
    plain, layer = made(kind, forwards=300)
    pull = torch.randn_like(plain.weight)
    expected = (pull * plain.weight / torch.linalg.svdvals(plain.weight.flatten(1))[0]).sum()
    (found,) = torch.autograd.grad((pull * layer.bounded()).sum(), layer.weight)
    torch.testing.assert_close(found, *torch.autograd.grad(expected, plain.weight), rtol=1e-6, atol=1e-9)


def test_one_forward_is_one_step_of_power_iteration():
    plain, layer = made("linear")
    u = layer.u.clone()
    v = plain.weight.t() @ u
    after = plain.weight @ (v / v.norm())
    bounded = layer.bounded()
    torch.testing.assert_close(layer.u, (after / after.norm()).detach())
    torch.testing.assert_close(bounded, plain.weight / after.norm())


def test_the_first_weights_are_those_of_a_plain_net():
    torch.manual_seed(0)
    plain = stack((4, 8, 8, 1), "relu", end="linear")
    drawn = torch.rand(1)
    torch.manual_seed(0)
    net = stack((4, 8, 8, 1), "relu", end="linear")
    bound_spectrum(net)
    assert torch.rand(1).equal(drawn)
    assert dict(net.named_parameters()).keys() == dict(plain.named_parameters()).keys()
    assert all(mine.equal(theirs) for mine, theirs in zip(net.parameters(), plain.parameters(), strict=True))


def test_the_estimate_stands_still_in_eval_mode_when_frozen_and_while_others_train():
    net = stack((4, 8, 1), "relu", end="linear", normalises=False)
    bound_spectrum(net)
    root = nn.ModuleDict({"critic": net, "other": nn.Linear(1, 1)})
    x = torch.randn(3, 4)

    def moved() -> list[bool]:
        layers = [module for module in net.modules() if isinstance(module, Spectral)]
        before = [layer.u.clone() for layer in layers]
        net(x)
        return [not layer.u.equal(u) for layer, u in zip(layers, before, strict=True)]

    assert moved() == [True, False]  # of one output there is only one direction
    with stilled(outside(root, ["other"])):
        assert moved() == [False, False]
    with stilled(outside(root, ["critic"])):
        assert moved() == [True, False]
    net.eval()
    assert moved() == [False, False]
    net.train()
    freeze_first(net, 1)
    net.train()
    assert moved() == [False, False]


# -- what it is for ---------------------------------------------------------------------------------------------------


def test_a_wasserstein_discriminator_of_such_layers_has_a_slope_of_at_most_one():
    """Reals at 0, fakes at 2: it cannot find them further apart than they are, and learns to find them apart."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    bound_spectrum(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    real, fake = torch.zeros(8, 1), torch.full((8, 1), 2.0)
    for _ in range(300):
        loss = ADVERSARIAL["wasserstein"](net(real), True) + ADVERSARIAL["wasserstein"](net(fake), False)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        assert squared_slopes(net, torch.linspace(-5, 5, 101)[:, None]).max() < 1.01
        assert 1.5 < float(net(real).mean() - net(fake).mean()) < 2.02


# -- in every system --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=HAVE_IT)
def setting(request: pytest.FixtureRequest) -> Setting:
    return Setting(request.param, norm_dis="spectral")


def state_of(training: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in training.model.state_dict().items()}


def test_every_layer_of_every_discriminator_is_bounded(setting):
    model = setting.model()
    (phase,) = (phase for phase in model.config.active_phases if phase.name == "dis")
    for net in phase.nets:
        layers = [m for m in getattr(model, net).modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        assert layers
        assert all(isinstance(layer, Spectral) for layer in layers)
        assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in getattr(model, net).modules())


def test_only_the_discriminators_own_phase_moves_its_estimates(setting):
    training = setting.training()
    known = training.batches.take(torch.arange(training.share.rows))
    for index, step in enumerate(training.phase_steps):
        before = state_of(training)
        with training.noise.begin(0, index), step.others_stilled():
            found, _ = step.run({name: known[name] for name in step.wants})
        known.update((name, value.detach()) for name, value in found.carry.items())
        moved = {name.partition(".")[0] for name, old in before.items() if not old.equal(state_of(training)[name])}
        estimates = {name.partition(".")[0] for name in before if name.endswith(".u")}
        assert moved & estimates == (set(step.phase.nets) if step.phase.name == "dis" else set())


def test_the_same_seed_and_a_resume_give_the_same_bits(setting):
    whole, begun, resumed = (setting.training() for _ in range(3))
    begun.run_epoch()
    resumed.restore(begun.save())
    whole.run_epoch()
    assert whole.run_epoch().metrics == resumed.run_epoch().metrics
    first, second = state_of(whole), state_of(resumed)
    assert all(first[name].equal(second[name]) for name in first)
