"""The AAE of dense layers: its published form, what its nets see, and its losses."""

from __future__ import annotations

import math

import pytest
import torch
from support.mlp_aae import SMALL, Config, images, model, small, solo

from sparring.errors import DataError


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


# -- the published form ---------------------------------------------------------------------------------------------


def test_the_published_nets_have_the_published_parameters():
    made = model()
    assert count(made.encoder) == 674_836
    assert count(made.decoder) == 670_480
    assert count(made.critic) == 137_217


def test_layers_stand_in_the_published_order_and_the_twins_norm_in_its_place():
    kinds = [type(layer).__name__ for layer in model().encoder]
    assert kinds == ["Linear", "LeakyReLU", "Linear", "LeakyReLU", "Linear"]
    twin = model(norm="batch", dropout=0.1)
    kinds = [type(layer).__name__ for layer in twin.decoder]
    assert kinds == ["Linear", "LeakyReLU", "Dropout", "Linear", "BatchNorm1d", "LeakyReLU", "Dropout", "Linear"]
    assert "BatchNorm1d" not in [type(layer).__name__ for layer in twin.critic]
    assert {layer.negative_slope for layer in twin.modules() if isinstance(layer, torch.nn.LeakyReLU)} == {0.2}


def test_published_defaults():
    config = Config()
    assert (config.lr_gen, config.lr_dis, config.beta1, config.batch_size) == (2e-4, 2e-4, 0.5, 32)
    assert (config.latent_dim, config.adv_share, config.encoder, config.prior_std) == (10, 0.001, "stochastic", 1.0)
    assert [phase.name for phase in Config().active_phases] == ["dis", "gen"]


def test_weights_start_as_keras_draws_them():
    made = model()
    for layer in made.modules():
        if isinstance(layer, torch.nn.Linear):
            bound = math.sqrt(6 / sum(layer.weight.shape))
            assert layer.weight.abs().max() <= bound
            assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
            assert not layer.bias.any()


def test_adam_has_the_configured_first_momentum_in_both_phases():
    train = {"image": images()}
    run = solo(train, train, **SMALL, beta1=0.3)
    assert [arm.optimizer.param_groups[0]["betas"] for arm in run.phase_steps] == [(0.3, 0.999)] * 2


def test_a_budget_may_be_counted_in_iterations():
    train = {"image": images(100)}
    run = solo(train, train, **SMALL, epochs=2, steps_per_epoch=7)
    run.run_epoch(), run.run_epoch()
    assert run.is_exhausted
    moment = next(iter(run.phase_steps[1].optimizer.state.values()))["step"]
    assert int(moment) == 14


# -- what the nets see ----------------------------------------------------------------------------------------------


def test_bytes_become_numbers_from_minus_one_to_one_and_intensities_again():
    made = small()
    rows = torch.tensor([0, 255, 51], dtype=torch.uint8).repeat_interleave(64).reshape(3, 1, 8, 8)
    x = made.view(rows)
    assert x.shape == (3, 64)
    torch.testing.assert_close(x[:, 0], torch.tensor([-1.0, 1.0, -0.6]))
    torch.testing.assert_close(made.unview(x)[:, 0, 0, 0], torch.tensor([0.0, 1.0, 0.2]))


def test_images_of_any_size_and_colour_are_brought_to_the_models():
    made = model({"image": (3, 9, 9)}, image_size=6, channels=1, **SMALL)
    assert made.view(images(5, (3, 9, 9))).shape == (5, 36)
    assert made.reconstruct({"image": images(5, (1, 20, 20))})["image"].shape == (5, 1, 6, 6)


def test_flat_rows_are_scaled_by_their_range_in_training_and_back():
    rows = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)) * 3 + 7
    made = model({"image": (5,)}, rows, **SMALL)
    x = made.view(rows)
    torch.testing.assert_close(x.amin(0), torch.full((5,), -1.0))
    torch.testing.assert_close(x.amax(0), torch.full((5,), 1.0))
    torch.testing.assert_close(made.unview(x), rows)
    assert made.reconstruct({"image": rows})["image"].shape == (40, 5)
    with torch.no_grad():
        figures = made.eval().figures(made.evaluate(image=rows))
    assert figures["val/mse_recon"] > 0
    assert "val/ms_ssim" not in figures


def test_what_is_neither_is_refused():
    with pytest.raises(DataError, match="a sample is an image of 1 or 3 channels"):
        model({"image": (2, 8, 8)})


# -- losses ---------------------------------------------------------------------------------------------------------


def losses(made, rows):
    torch.manual_seed(1)
    seen = made.transform_rows(image=rows)
    first = made("dis", seen)
    torch.manual_seed(2)
    return first, made("gen", seen)


@pytest.mark.parametrize("share", [0.001, 0.3, 1.0])
def test_both_weights_of_the_generator_add_up_to_one(share):
    _, step = losses(small(adv_share=share), images())
    error, adversarial = step.metrics["train/loss_recon"], step.metrics["train/loss_adv"]
    torch.testing.assert_close(step.loss, (1 - share) * error + share * adversarial)


def test_the_error_is_of_numbers_from_minus_one_to_one():
    made = small(encoder="deterministic", loss_recon="l1")
    rows = images()
    _, step = losses(made, rows)
    answer = made.decode(made.encode_x(made.view(rows))[0])
    assert step.metrics["train/loss_recon"].item() == pytest.approx(
        (answer - made.view(rows)).abs().mean().item(), rel=1e-6
    )


def test_share_zero_is_the_plain_autoencoder_bit_for_bit():
    made = small(adv_share=0.0)
    rows = images()
    _, step = losses(made, rows)
    assert "train/loss_adv" not in step.metrics
    found = torch.autograd.grad(step.loss, list(made.encoder.parameters()))
    torch.manual_seed(2)
    x = made.view(rows)
    mean, logvar = made.encoder(x).chunk(2, 1)
    code = mean + (logvar / 2).exp() * torch.randn_like(mean)
    plain = torch.nn.functional.mse_loss(made.decoder(code).tanh(), x)
    expected = torch.autograd.grad(plain, list(made.encoder.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_the_adversary_changes_the_encoders_gradient_and_not_the_decoders():
    rows = images()
    found = {}
    for share in (0.0, 0.2):
        made = small(adv_share=share)
        _, step = losses(made, rows)
        found[share] = torch.autograd.grad(step.loss, [made.encoder[0].weight, made.decoder[0].weight])
    assert not torch.allclose(found[0.2][0], 0.8 * found[0.0][0], rtol=1e-3, atol=0)
    torch.testing.assert_close(found[0.2][1], 0.8 * found[0.0][1])


def test_draws_are_real_and_codes_fake():
    """A critic that knows the prior from a code 50 deviations away pays nothing; one that errs pays dearly."""
    made = small(encoder="deterministic")
    with torch.no_grad():
        made.encoder[-1].weight.zero_()
        made.encoder[-1].bias.fill_(50.0)
        for index, layer in enumerate(layer for layer in made.critic if isinstance(layer, torch.nn.Linear)):
            layer.weight.fill_(-0.1 if index == 0 else 0.1)
            layer.bias.fill_(3.0 if index == 0 else 0.0)
    right, _ = losses(made, images())
    with torch.no_grad():
        made.critic[-1].weight.neg_()
    wrong, _ = losses(made, images())
    assert right.loss < math.log(2) < wrong.loss


def test_a_critic_that_guesses_pays_ln_two_in_every_term():
    made = small()
    with torch.no_grad():
        made.critic[-1].weight.zero_()
    first, step = losses(made, images())
    assert first.loss.item() == pytest.approx(math.log(2))
    assert step.metrics["train/loss_adv"].item() == pytest.approx(math.log(2))


def test_a_stochastic_code_has_the_encoders_mean_and_variance_and_a_deterministic_one_no_noise():
    made = small()
    x = made.view(images(1)).expand(20_000, -1)
    mean, logvar = made.encode_x(x[:1])
    torch.manual_seed(0)
    codes, _ = made.draw_code(x, None)
    torch.testing.assert_close(codes.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(codes.var(0), logvar[0].exp(), rtol=0.1, atol=0)
    plain = small(encoder="deterministic")
    assert torch.equal(*(plain.draw_code(x[:5], None)[0] for _ in range(2)))


def test_a_wider_prior_is_drawn_from(monkeypatch):
    made = small(prior_std=5.0)
    seen = []
    monkeypatch.setattr(made.critic, "forward", lambda z: seen.append(z) or z[:, :1])
    losses(made, images(4000))
    draws, codes = seen[0].chunk(2)
    assert draws.std().item() == pytest.approx(5.0, rel=0.05)
    assert codes.std().item() < 3


def test_each_phase_changes_only_its_own_nets():
    train = {"image": images(64)}
    for index, own in ((0, {"critic"}), (1, {"encoder", "decoder"})):
        run = solo(train, train, **SMALL, norm="batch", adv_share=0.3)
        before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
        run.phase_steps = [_Still(arm) for arm in run.phase_steps[:index]] + run.phase_steps[index : index + 1]
        run.run_step(0, torch.arange(32))
        after = run.model.state_dict()
        changed = {name.split(".")[0] for name, tensor in after.items() if not torch.equal(tensor, before[name])}
        assert changed == own


class _Still:
    """An arm that runs its phase and takes no step."""

    def __init__(self, arm):
        self._arm = arm

    def __getattr__(self, name):
        return getattr(self._arm, name)

    def update(self, gradients, rate):
        pass
