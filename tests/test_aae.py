"""The AAE of images and its twin for series: layers and counts, the three phases, the codes' match, the verbs."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor, nn
from torch.nn import functional

from sparring.data import load_dataset, split_rows
from sparring.errors import DataError
from sparring.models import find_model
from sparring.models.aae.config import PHASES
from sparring.models.aae.config import Config as ImageConfig
from sparring.models.aae.model import AAE
from sparring.models.aae_series.config import Config as SeriesConfig
from sparring.models.aae_series.model import SeriesAAE
from sparring.models.blocks.convolutions import CodeDecoder, CodeEncoder
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining

SMALL: dict[str, Any] = {"width": 4, "latent_dim": 3, "n_stages": 2, "width_dis": 4}


def make_rows(n: int = 12) -> Tensor:
    return torch.from_numpy(load_dataset("digits").fields["image"][:n].copy())


def make(seed: int = 0, **fields: Any) -> AAE:
    """A small adversarial AAE in float64, in training mode."""
    torch.manual_seed(seed)
    model = AAE(ImageConfig(**{"image_size": 8, "adversarial": True, **SMALL, **fields}), {"image": (1, 8, 8)})
    model.double().prepare({"image": make_rows(100)})
    return model


def make_series(shape: tuple[int, ...] = (20, 2), **fields: Any) -> SeriesAAE:
    torch.manual_seed(0)
    return SeriesAAE(SeriesConfig(**{"adversarial": True, **SMALL, **fields}), {"series": shape})


def solo(seed: int = 0, rows: int = 256, **fields: Any) -> TrialTraining:
    config = ImageConfig(**{"image_size": 8, "n_stages": 2, "width": 8, "latent_dim": 4, "batch_size": 32, **fields})
    dataset = load_dataset("digits")
    split = split_rows(len(dataset))
    train, valid = (
        {"image": torch.from_numpy(dataset.fields["image"][index])} for index in (split.train[:rows], split.valid)
    )
    return TrialTraining(
        AAE, config, train, valid,
        trial=Trial(number=0, params={}, seed=seed), objective=Objective(metric="val/score"),
    )  # fmt: skip


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


# -- architecture -----------------------------------------------------------------------------------------------------


def test_the_published_sizes_have_the_published_parameter_counts() -> None:
    assert find_model("aae") is AAE
    assert find_model("aae_series") is SeriesAAE
    model = AAE(ImageConfig(), {"image": (1, 28, 28)})
    assert (count(model.encoder), count(model.decoder), count(model.critic)) == (1_288_256, 1_290_689, 17_105)


@pytest.mark.parametrize("extent", [7, 8, 15, 16, 27, 28, 30, 31, 32])
@pytest.mark.parametrize("stages", [1, 2, 3, 4])
def test_every_size_of_image_and_series_comes_back_as_it_went_in(extent: int, stages: int) -> None:
    for channels, extents in ((3, (extent,)), (1, (extent, extent + 5))):
        encoder = CodeEncoder(channels, extents, 2, stages, 5, dropout=0.1)
        decoder = CodeDecoder(channels, extents, 2, stages, 5)
        x = torch.zeros(2, channels, *extents)
        assert encoder(x).shape == (2, 5)
        assert decoder(encoder(x)).shape == x.shape


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(DataError, match=r"series: a sample is times by channels, but got shape \(20,\)"):
        make_series((20,))


def test_the_last_layer_of_the_critic_is_a_bare_logit_and_of_the_decoder_a_number() -> None:
    model = make()
    logits = model.critic(torch.randn(500, 3, dtype=torch.float64) * 100)
    assert logits.min() < -0.5 < 0.5 < logits.max()  # the published one ends in ReLU and sigmoid: never below ½
    answer = model.reconstruct({"image": make_rows()})["image"]
    assert 0 < answer.min() < answer.max() < 1


# -- phases -----------------------------------------------------------------------------------------------------------


def test_a_plain_autoencoder_has_one_phase_a_joint_one_two_and_the_published_sparring_three() -> None:
    assert ImageConfig().active_phases == PHASES[:1]
    assert ImageConfig(adversarial=True).active_phases == ImageConfig.phases[:3] == PHASES
    assert ImageConfig(adversarial=True, is_joint=True).active_phases == PHASES[:2]
    assert [(phase.name, phase.nets) for phase in PHASES] == [
        ("recon", ("encoder", "decoder")), ("dis", ("critic",)), ("reg", ("encoder",))
    ]  # fmt: skip
    assert set(ImageConfig.emitted()) >= {"train/lr_recon", "train/lr_dis", "train/lr_reg"}


def plain_bce(logits: Tensor, label: float) -> Tensor:
    return functional.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label))


def test_the_three_losses_are_the_formulas() -> None:
    model = make(dropout=0.0, prior_std=2.0)
    x = make_rows().double() / 255
    step = model("recon", model.transform_rows(image=make_rows()))
    error = (model.decoder(model.encoder(x)).sigmoid() - x).square().mean()
    torch.testing.assert_close(step.loss, error, rtol=1e-6, atol=0)
    torch.testing.assert_close(model.transform_rows(image=make_rows())["x"], x, rtol=0, atol=1e-7)
    code = model.encoder(x)
    torch.manual_seed(3)
    draws = 2 * torch.randn_like(code)
    torch.manual_seed(3)
    dis = model("dis", {"x": x}).loss
    torch.testing.assert_close(dis, plain_bce(model.critic(draws), 1.0) + plain_bce(model.critic(code), 0.0))
    torch.testing.assert_close(model("reg", {"x": x}).loss, plain_bce(model.critic(code), 1.0))
    for net in (model.critic.leave,):
        nn.init.zeros_(net.weight)
        nn.init.zeros_(net.bias)
    assert model("dis", {"x": x}).loss.item() == pytest.approx(2 * math.log(2))


def test_the_joint_loss_adds_the_weighted_adversarial_term() -> None:
    model = make(dropout=0.0, is_joint=True, w_adv=0.25)
    step = model("recon", model.transform_rows(image=make_rows()))
    x = make_rows().double() / 255
    expected = (model.decode(model.encoder(x)) - x).square().mean() + 0.25 * plain_bce(
        model.critic(model.encoder(x)), 1.0
    )
    torch.testing.assert_close(step.loss, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("phase", "net", "drops"),
    [
        ("recon", "encoder", True),
        ("dis", "encoder", False),
        ("dis", "critic", True),
        ("reg", "encoder", True),
        ("reg", "critic", False),
    ],
)
def test_a_phase_drops_in_the_net_it_trains_and_in_no_other(phase: str, net: str, drops: bool) -> None:
    model = make(dropout=0.5)
    for other in {"encoder", "critic"} - {net}:
        getattr(model, other).dropout = 0.0
    seen: list[Tensor] = []
    getattr(model, net).leave.register_forward_hook(lambda _, inputs, output: seen.append(output))
    last = []
    for _ in range(2):
        model(phase, model.transform_rows(image=make_rows()))
        last.append(seen[-1])  # of the critic in its own phase: what it says of the codes, not of the draws
    assert last[0].equal(last[1]) != drops


def test_sparring_with_weight_0_trains_the_plain_autoencoder_bit_for_bit() -> None:
    plain, zero, sparring = (
        solo(**fields) for fields in ({}, {"adversarial": True, "is_joint": True, "w_adv": 0.0}, {"adversarial": True})
    )
    for each in (plain, zero, sparring):
        for _ in range(2):
            each.run_epoch()
    plain_state, zero_state, told = (each.model.state_dict() for each in (plain, zero, sparring))
    nets = [name for name in plain_state if name.startswith(("encoder", "decoder"))]
    assert all(plain_state[name].equal(zero_state[name]) for name in nets)
    assert not all(plain_state[name].equal(told[name]) for name in nets)
    assert not plain_state["critic.leave.weight"].equal(zero_state["critic.leave.weight"])


def test_the_rates_decay_by_epoch() -> None:
    each = solo(adversarial=True, lr_recon=1e-3, lr_reg=1e-4)
    rows = [each.run_epoch().metrics for _ in range(3)]
    assert [row["train/lr_recon"] for row in rows] == pytest.approx([1e-3, 0.99e-3, 0.99**2 * 1e-3])
    assert rows[2]["train/lr_reg"] == pytest.approx(0.99**2 * 1e-4)


@pytest.mark.slow
def test_sparring_brings_the_codes_nearer_to_the_prior_and_the_samples_to_the_data() -> None:
    found, worst = {}, {}
    for adversarial in (False, True):
        each = solo(
            rows=1438, adversarial=adversarial, width=16, latent_dim=8, epochs=15, dropout=0.0,
            lr_recon=4e-3, lr_dis=2e-3, lr_reg=2e-3, schedule_gamma=0.95,
        )  # fmt: skip
        found[adversarial] = [each.run_epoch().metrics for _ in range(15)][-1]
        with torch.no_grad():
            codes = each.model.eval().encoder(each.model.view(each.rows.valid["image"]))
        worst[adversarial] = max(kstest(column, "norm").statistic for column in codes.T.numpy())
    plain, sparring = found[False], found[True]
    assert sparring["val/mmd_prior"] < plain["val/mmd_prior"] / 2
    assert sparring["val/mmd_sample"] < plain["val/mmd_sample"] / 2
    assert worst[True] < worst[False]  # Kolmogorov-Smirnov, the worst number of the code
    assert max(plain["val/score"], sparring["val/score"]) < 0.5


# -- series -----------------------------------------------------------------------------------------------------------


def test_series_are_scaled_by_channel_and_judged_in_raw_units() -> None:
    rows = torch.randn(50, 20, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0]) + 5
    model = make_series()
    model.double().prepare({"series": rows.double()})
    model.eval()
    x = model.view(rows.double())
    assert x.shape == (50, 2, 20)
    torch.testing.assert_close(x.mean((0, 2)), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(x.std((0, 2), correction=0), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(model.unview(x), rows.double())
    with torch.no_grad():
        figures = model.figures(model.evaluate(series=rows.double()))
    answer = model.reconstruct({"series": rows.double()})["series"]
    assert answer.shape == rows.shape
    error = (answer - rows).square().mean()
    assert figures["val/mse_recon"] == pytest.approx(float(error), rel=1e-6)
    variance = rows.double().var(0, correction=0).mean()
    assert figures["val/score"] == pytest.approx(float(error / variance), rel=1e-6)
    always = set(SeriesConfig.metrics) - set(SeriesConfig.optional)
    assert set(figures) == {name for name in always if name.startswith("val/")}


# -- verbs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adversarial", [False, True])
def test_the_verbs_repeat_and_leave_the_model_in_training(adversarial: bool) -> None:
    model, rows = make(adversarial=adversarial, dropout=0.5, prior_std=3.0), make_rows(6)
    before = copy.deepcopy(model.state_dict())
    assert model.reconstruct({"image": rows})["image"].equal(model.reconstruct({"image": rows})["image"])
    assert model.sample(4, seed=1)["image"].equal(model.sample(4, seed=1)["image"])
    assert model.sample(4, seed=0)["image"].shape == (4, 1, 8, 8)
    scores = model.score({"image": rows})
    assert set(scores) == {"reconstruction", "code"} | ({"discriminator"} if adversarial else set())
    error = (model.reconstruct({"image": rows})["image"] - rows.double() / 255).square().mean((1, 2, 3))
    torch.testing.assert_close(scores["reconstruction"], error, rtol=1e-6, atol=0)
    model.eval()
    code = model.encoder(rows.double() / 255).detach()
    torch.testing.assert_close(scores["code"], code.square().mean(1) / 9, rtol=1e-5, atol=0)
    if adversarial:
        doubt = 1 - model.critic(code).detach().squeeze(1).sigmoid()
        torch.testing.assert_close(scores["discriminator"], doubt, rtol=1e-5, atol=0)
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())
    assert make().training


def test_draws_are_of_the_priors_deviation() -> None:
    model = make(prior_std=4.0)
    seen: list[Tensor] = []
    model.decoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.sample(2000, seed=0)
    assert torch.cat(seen).std().item() == pytest.approx(4.0, rel=0.05)


def test_the_searched_figure_weighs_reconstruction_against_the_prior() -> None:
    metrics = solo(adversarial=True).run_epoch().metrics
    assert metrics["val/balance"] == pytest.approx(metrics["val/score"] + metrics["val/mmd_prior"] / 0.15)
