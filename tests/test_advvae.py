"""The AdvVAE: its layers and counts, its two phases against plain formulas, its similarity loss, and its verbs."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.signal import convolve2d
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from sparring.data import load_dataset
from sparring.errors import DataError
from sparring.models import find_model
from sparring.models.advvae.config import Config
from sparring.models.advvae.model import AdvVAE
from sparring.models.base import Step
from sparring.models.blocks.losses import gaussian_kl
from sparring.models.blocks.ssim import SSIM_WEIGHTS, ms_ssim, ssim_window
from sparring.models.sums import add_up

SMALL: dict[str, Any] = {"image_size": 8, "hidden_dims": (4, 6), "hidden_dims_dis": (4,), "latent_dim": 3}
WEIGHTS = ("gen_weight", "recon_weight", "kld_weight")


def make_rows(n: int = 12) -> Tensor:
    return torch.from_numpy(load_dataset("digits").fields["image"][:n].copy())


def make(seed: int = 0, channels: int = 1, **fields: Any) -> AdvVAE:
    """A small AdvVAE in float64, in training mode."""
    torch.manual_seed(seed)
    model = AdvVAE(Config(**{**SMALL, **fields}), {"image": (channels, 8, 8)})
    model.double().prepare({"image": make_rows(100)})
    return model


def run(model: AdvVAE, phase: str = "gen", **inputs: Tensor) -> Step:
    torch.manual_seed(7)  # the same noise for every model
    return model(phase, model.transform_rows(image=make_rows()) | inputs)


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


# -- architecture -----------------------------------------------------------------------------------------------------


def test_the_published_sizes_have_the_published_parameter_counts() -> None:
    assert find_model("advvae") is AdvVAE
    model = AdvVAE(Config(), {"image": (1, 32, 32)})
    assert count(model.encoder, model.decoder) == 3_345_121
    assert count(model.critic) == 389_825
    five = AdvVAE(Config(hidden_dims_dis=(32, 64, 128, 256, 512)), {"image": (1, 32, 32)})
    assert count(five.critic) == 1_570_497


@pytest.mark.parametrize(("dims", "side"), [((8,), 6), ((16, 32), 28), ((4, 5, 6, 7), 16)])
def test_any_list_of_dimensions_builds_and_counts_by_the_formula(dims: tuple[int, ...], side: int) -> None:
    config = Config(hidden_dims=dims, hidden_dims_dis=dims, image_size=side, latent_dim=9)
    model = AdvVAE(config, {"image": (3, 11, 13)})
    flat, pairs = dims[-1] * (side // 2 ** len(dims)) ** 2, list(zip((3, *dims), dims, strict=False))
    encoder = sum(9 * i * o + 3 * o for i, o in pairs) + 2 * (flat * 9 + 9)
    ups = list(zip(reversed(dims), (*reversed(dims[:-1]), dims[0]), strict=True))
    decoder = 9 * flat + flat + sum(9 * i * o + 3 * o for i, o in ups) + 9 * dims[0] * 3 + 3
    assert count(model.encoder) == encoder
    assert count(model.decoder) == decoder
    assert count(model.critic) == sum(9 * i * o + 3 * o for i, o in pairs) + flat + 1
    answer = model.reconstruct({"image": torch.zeros(2, 3, 11, 13, dtype=torch.uint8)})["image"]
    assert answer.shape == (2, 3, side, side)


def test_layers_stand_in_the_published_order() -> None:
    def kinds(net: nn.Module) -> list[type[nn.Module]]:
        return [type(module) for module in net.modules() if not list(module.children())]

    model = make()
    down, up = [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU], [nn.ConvTranspose2d, nn.BatchNorm2d, nn.LeakyReLU]
    assert kinds(model.encoder) == [*down, *down, nn.Linear, nn.Linear]
    assert kinds(model.decoder) == [nn.Linear, *up, *up, nn.Conv2d]
    assert kinds(model.critic) == [*down, nn.Linear]
    assert kinds(make(norm_dis="group").critic)[1] is nn.GroupNorm
    assert kinds(make(norm_dis="none").critic)[1] is nn.Identity


def test_sizes_that_do_not_halve_are_refused_with_the_way_out() -> None:
    words = r"hidden_dims of 5 halvings need an image_size that is a multiple of 32, but got 28; .*or image_size 32"
    with pytest.raises(ValidationError, match=words):
        Config(image_size=28)
    with pytest.raises(ValidationError, match=r"hidden_dims_dis of 4 halvings need an image_size that is a multiple"):
        Config(image_size=8, hidden_dims=(4,))
    with pytest.raises(ValidationError, match="hidden_dims"):
        Config(hidden_dims=())
    with pytest.raises(DataError, match=r"1 or 3 channels, height and width, but got shape \(49,\)"):
        AdvVAE(Config(), {"image": (49,)})


# -- phases -----------------------------------------------------------------------------------------------------------


def plain_bce(logits: Tensor, label: float) -> Tensor:
    return functional.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label))


def plain_outputs(model: AdvVAE) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Real, reconstruction and sample, and the posterior's mean and deviation, with the noise of ``run``."""
    x = make_rows().double() / 127.5 - 1
    mean, logvar = model.encoder(x)
    torch.manual_seed(7)
    code = mean + logvar.mul(0.5).exp() * torch.randn(mean.shape, dtype=mean.dtype)
    sample = model.decoder(torch.randn(mean.shape, dtype=mean.dtype))
    return x, model.decoder(code), sample, mean, logvar.mul(0.5).exp()


@pytest.mark.parametrize("loss_type", ["mse", "ssim"])
def test_the_generators_loss_is_the_weighted_sum_of_its_terms(loss_type: str) -> None:
    # Powers of two: knobs are float32, and these are exact in it.
    model = make(gen_weight=0.5, recon_weight=0.25, kld_weight=0.125, loss_type=loss_type)
    x, recon, sample, mean, deviation = plain_outputs(copy.deepcopy(model))
    prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
    divergence = kl_divergence(Normal(mean, deviation), prior).sum(1).mean()
    error = (recon - x).square().mean()
    if loss_type == "ssim":
        error = 1 - ms_ssim((recon + 1) / 2, (x + 1) / 2, ssim_window(8).double()).mean()
    fooled = [plain_bce(model.critic(image), 1.0) for image in (recon, sample)]
    step = run(model)
    torch.testing.assert_close(step.metrics["train/kld"], divergence, rtol=1e-6, atol=0)
    torch.testing.assert_close(step.metrics["train/loss_recon"], error, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(step.metrics["train/loss_adv"], sum(fooled), rtol=1e-6, atol=0)
    expected = error + 0.125 * divergence + 0.25 * fooled[0] + 0.5 * fooled[1]
    torch.testing.assert_close(step.loss, expected, rtol=1e-6, atol=1e-9)


def test_each_weight_alone_changes_the_gradients_and_without_any_the_discriminator_is_not_run() -> None:
    off = dict.fromkeys(WEIGHTS, 0.0)

    def pull(**fields: Any) -> Tensor:
        model = make(**{**off, **fields})
        return torch.autograd.grad(run(model).loss, model.decoder.enter.weight)[0]

    silent = make(**off)
    silent.critic.register_forward_pre_hook(lambda *_: pytest.fail("the discriminator ran"))
    assert set(run(silent).metrics) == {"train/loss_gen", "train/loss_recon"}
    plain = pull()
    for weight in ("gen_weight", "recon_weight"):
        assert not pull(**{weight: 0.5}).allclose(plain, rtol=1e-6, atol=0)
    assert pull(kld_weight=0.5).equal(plain)  # the divergence is the encoder's alone
    encoder = [
        torch.autograd.grad(run(model).loss, model.encoder.mean.weight)[0]
        for model in (make(**off), make(**{**off, "kld_weight": 0.5}))
    ]
    assert not encoder[0].allclose(encoder[1], rtol=1e-6, atol=0)


def test_the_discriminator_learns_reconstructions_and_samples_as_half_a_fake_each() -> None:
    model = make()
    carry = {name: image.detach() for name, image in run(model).carry.items()}
    expected = plain_bce(model.critic(model.view(make_rows())), 1.0)
    expected = expected + 0.5 * plain_bce(model.critic(carry["sampled"]), 0.0)
    expected = (expected + 0.5 * plain_bce(model.critic(carry["recon"]), 0.0)) / 2
    torch.testing.assert_close(run(model, "dis", **carry).loss, expected, rtol=1e-9, atol=0)
    nn.init.zeros_(model.critic.leave.weight)
    nn.init.zeros_(model.critic.leave.bias)
    assert run(model, "dis", **carry).loss.item() == pytest.approx(math.log(2), rel=1e-12)


# -- similarity -------------------------------------------------------------------------------------------------------


def plain_ssim(x: np.ndarray, y: np.ndarray, points: int = 11) -> float:
    """MS-SSIM of two grey images by scipy, from the paper's formulas."""
    lags = np.arange(points) - points // 2
    line = np.exp(-(lags**2) / 4.5)
    window = np.outer(line, line) / line.sum() ** 2
    scales = next(n for n in range(5, 0, -1) if n == 1 or min(x.shape) >> (n - 1) >= points)
    weights = np.array(SSIM_WEIGHTS[:scales]) / sum(SSIM_WEIGHTS[:scales])
    product = 1.0
    for scale, weight in enumerate(weights):

        def blur(image: np.ndarray) -> np.ndarray:
            return convolve2d(image, window, mode="valid")

        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        term = (2 * vxy + 0.0009) / (vx + vy + 0.0009)
        if scale == scales - 1:
            term = term * (2 * mx * my + 0.0001) / (mx**2 + my**2 + 0.0001)
        product *= max(term.mean(), 1e-6) ** weight
        half = len(x) // 2
        x, y = (image[: 2 * half, : 2 * half].reshape(half, 2, half, 2).mean((1, 3)) for image in (x, y))
    return float(product)


@pytest.mark.parametrize(("side", "scales"), [(16, 1), (32, 2), (96, 4), (176, 5)])
def test_ms_ssim_is_the_published_formula(side: int, scales: int) -> None:
    rng = np.random.default_rng(side)
    x = rng.random((2, 3, side, side))
    y = np.clip(x + 0.2 * rng.standard_normal(x.shape), 0, 1)
    found = ms_ssim(torch.from_numpy(x), torch.from_numpy(y), ssim_window(side).double())
    expected = [np.mean([plain_ssim(x[n, c], y[n, c]) for c in range(3)]) for n in range(2)]
    assert side >> (scales - 1) >= 11
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_ms_ssim_is_one_for_equal_images_and_has_gradients_where_structures_contradict() -> None:
    x = torch.rand(2, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    window = ssim_window(8).double()
    assert len(window) == 7
    torch.testing.assert_close(ms_ssim(x, x, window), torch.ones(2, dtype=torch.float64), rtol=0, atol=1e-9)
    against = (1 - x).requires_grad_()
    found = ms_ssim(against, x, window)
    assert 0 < found.max() < 0.01
    assert torch.autograd.grad(found.sum(), against)[0].isfinite().all()


def test_the_divergence_is_torchs_summed_over_the_code() -> None:
    mean, logvar = torch.randn(5, 4), torch.randn(5, 4)
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, logvar), expected)


# -- validation and verbs ---------------------------------------------------------------------------------------------


@torch.no_grad()
def test_figures_add_up_over_batches_and_are_those_of_the_verbs() -> None:
    model, rows = make().eval(), make_rows(30)
    parts = [model.evaluate(image=piece) for piece in (rows[:7], rows[7:])]
    figures = model.figures(add_up(parts))
    whole = model.figures(model.evaluate(image=rows))
    assert figures == pytest.approx(whole, rel=1e-9)
    answer, image = model.reconstruct({"image": rows})["image"], rows.double() / 255
    torch.testing.assert_close(model.targets(rows), image, rtol=0, atol=1e-7)
    assert figures["val/mse_recon"] == pytest.approx(float((answer - image).square().mean()), rel=1e-6)
    variance = (make_rows(100).double() / 255).var(0, correction=0).mean()
    assert figures["val/score"] == pytest.approx(figures["val/mse_recon"] / float(variance), rel=1e-6)
    mean, logvar = model.encoder(2 * image - 1)
    assert figures["val/kld"] == pytest.approx(float(gaussian_kl(mean, logvar).mean()), rel=1e-6)
    assert set(figures) == {name for name in Config.metrics if name.startswith("val/")} - set(Config.optional)


@torch.no_grad()
def test_the_mean_image_scores_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = make().eval(), make_rows(100)
    mean = (rows.double() / 127.5 - 1).mean(0)
    monkeypatch.setattr(model, "decode", lambda code: mean.expand(len(code), -1, -1, -1))
    figures = model.figures(model.evaluate(image=rows))
    assert figures["val/score"] == pytest.approx(1.0, rel=1e-6)
    assert figures["val/mmd_sample"] > 0.1


def test_the_verbs_repeat_take_other_forms_and_leave_the_model_in_training() -> None:
    model, rows = make(), make_rows(5)
    before = copy.deepcopy(model.state_dict())
    assert model.reconstruct({"image": rows})["image"].equal(model.reconstruct({"image": rows})["image"])
    whole, part = (model.reconstruct({"image": images})["image"] for images in (rows, rows[2:3]))
    torch.testing.assert_close(part, whole[2:3])
    assert model.sample(7, seed=0)["image"].shape == (7, 1, 8, 8)
    assert model.sample(4, seed=1)["image"].equal(model.sample(4, seed=1)["image"])
    assert not model.sample(4, seed=1)["image"].equal(model.sample(4, seed=2)["image"])
    colour = torch.zeros(3, 3, 20, 30, dtype=torch.uint8)
    for scores in (model.score({"image": rows}), model.score({"image": colour})):
        assert set(scores) == {"reconstruction", "discriminator"}
        assert all(score.isfinite().all() and score.dim() == 1 for score in scores.values())
    assert model.training
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())


def test_the_outlier_scores_are_the_loss_per_image_and_the_discriminators_doubt() -> None:
    model, rows = make(recon_weight=0.25, kld_weight=0.125), make_rows(5)
    scores = model.score({"image": rows})
    model.eval()
    x = rows.double() / 127.5 - 1
    mean, logvar = model.encoder(x)
    recon = model.decoder(mean)
    for n in range(5):
        error = (recon[n] - x[n]).square().mean() + 0.125 * gaussian_kl(mean, logvar)[n]
        error = error + 0.25 * plain_bce(model.critic(recon[n : n + 1]), 1.0)
        assert scores["reconstruction"][n].item() == pytest.approx(error.item(), rel=1e-6)
        assert scores["discriminator"][n].item() == pytest.approx(1 - model.critic(x)[n].sigmoid().item(), rel=1e-6)


# -- feature matching -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["features_recon_weight", "features_gen_weight"])
def test_features_are_matched_per_reconstruction_and_in_the_mean_of_samples(kind: str) -> None:
    """Against the critic's last hidden layer, seen by a hook on what follows it."""
    plain, model = make(), make(**{kind: 0.5})
    hidden: list[Tensor] = []
    model.critic.leave.register_forward_pre_hook(lambda module, inputs: hidden.append(inputs[0]))
    x, recon, sample, _, _ = plain_outputs(model)
    for images in (x, recon, sample):
        model.critic(images)
    of_x, of_recon, of_sample = hidden
    if kind == "features_recon_weight":
        expected = ((of_recon - of_x) ** 2).mean()
    else:
        expected = ((of_sample.mean(0) - of_x.mean(0)) ** 2).mean()
    torch.testing.assert_close(run(model).loss - run(plain).loss, 0.5 * expected, rtol=1e-6, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["features_recon_weight", "features_gen_weight"])
def test_matched_features_come_nearer(kind: str) -> None:
    """Of a critic that stands still, on one batch, without any other term but the reconstruction's."""
    found = []
    for weight in (0.0, 1.0):
        model = make(kld_weight=0.0, recon_weight=0.0, gen_weight=0.0, **{kind: weight})
        own = model.parameters_of(model.config.phases[0])
        optimizer = torch.optim.Adam(own.values(), lr=3e-3)
        for _ in range(100):
            step = run(model)
            for parameter, gradient in zip(
                own.values(), torch.autograd.grad(step.loss, list(own.values()), allow_unused=True), strict=True
            ):
                parameter.grad = gradient
            optimizer.step()
        x, recon, sample, _, _ = plain_outputs(model)
        of_x, of_recon, of_sample = (model.critic.features(images) for images in (x, recon, sample))
        apart = of_recon - of_x if kind == "features_recon_weight" else of_sample.mean(0) - of_x.mean(0)
        found.append(float(apart.square().mean().detach()))
    assert found[1] < 0.7 * found[0]
