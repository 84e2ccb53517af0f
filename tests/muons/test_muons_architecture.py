"""The nets of the three muon systems."""

from __future__ import annotations

import pytest
import torch
from support.muons import each_of
from torch import nn
from torch.nn import functional

from sparring.errors import DataError
from sparring.models import find_model
from sparring.models.blocks.dense import Normalised, StackedMlp, dense, regress
from sparring.models.blocks.eval_mode import eval_mode

pytestmark = pytest.mark.slow  # all together


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_the_published_sizes_have_the_published_parameter_counts(rows):
    shapes = {field: tuple(values.shape[1:]) for field, values in rows.items()}
    gan = find_model("auxgan")(find_model("auxgan").Config(), shapes)
    assert (count(gan.generator), count(gan.discriminator)) == (1_376_604, 1_271_851)
    assert count(gan.regressors) == 4 * (1 * 32 + 32 + 32 * 64 + 64 + 64 + 1)
    whole = find_model("auxgan")(find_model("auxgan").Config(aux="4d"), shapes)
    assert count(whole.regressors) == 4 * 64 + 64 + 64 * 128 + 128 + 128 + 1
    coder = find_model("aux_aae")(find_model("aux_aae").Config(), shapes)
    nets = coder.encoder, coder.decoder, coder.discriminator
    assert [count(net) for net in nets] == [1_010_004, 1_010_004, 1_007_001]


def test_layers_stand_in_the_published_order():
    def kinds(net: nn.Sequential) -> list[type]:
        return [type(layer) for layer in net]

    linear, leaky, norm, drop = nn.Linear, nn.LeakyReLU, nn.BatchNorm1d, nn.Dropout
    assert kinds(dense([3, 4, 2], norm=Normalised("after"), end=nn.Tanh())) == [linear, leaky, norm, linear, nn.Tanh]
    assert kinds(dense([3, 4, 2], norm=Normalised("before"))) == [linear, norm, leaky, linear]
    assert kinds(dense([3, 4, 5, 1], dropout=0.2)) == [linear, leaky, drop, linear, leaky, drop, linear]
    layer = dense([3, 4, 2], norm=Normalised("after"), slope=0.3)
    assert (layer[1].negative_slope, layer[2].eps, layer[2].momentum) == (0.3, 1e-3, 0.2)


def test_a_data_set_without_muons_is_refused():
    with pytest.raises(DataError, match=r"muons: a sample is 7 numbers"):
        find_model("auxgan")(find_model("auxgan").Config(), {"muons": (6,), "rareness": (5,)})


def test_inference_mode_is_left_as_it_was_entered():
    nets = nn.Sequential(nn.Dropout()), nn.Sequential(nn.Dropout()).eval()
    with eval_mode(*nets):
        assert not any(module.training for net in nets for module in net.modules())
    assert [net[0].training for net in nets] == [True, False]


def test_a_regressor_learns_a_curve():
    torch.manual_seed(0)
    x = torch.rand(2000, 1) * 4 - 2
    net = dense([1, 32, 64, 1])
    regress(net, x, x.abs(), steps=400)
    assert functional.mse_loss(net(x), x.abs()).item() < 0.002


def test_the_nets_of_a_bank_learn_curves_of_their_own():
    torch.manual_seed(0)
    bank = StackedMlp(2, (1, 32, 64, 1))
    bank.initialize(0.8)
    assert bank(torch.zeros(1, 2, 1)).flatten().tolist() == pytest.approx([0.8, 0.8])
    x = torch.rand(2000, 2, 1) * 4 - 2
    wanted = torch.stack([x[:, 0].abs(), 1 + x[:, 1].sin()], dim=1)
    regress(bank, x, wanted, steps=400)
    for n, net in each_of(bank):
        torch.testing.assert_close(bank(x)[:, n], net(x[:, n]), rtol=1e-5, atol=1e-6)
        assert functional.mse_loss(net(x[:, n]), wanted[:, n]).item() < 0.002
