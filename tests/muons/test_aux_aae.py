"""The auxiliary AAE: what its nets pay, and its codes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.muons import make, probabilities, run, take
from torch import nn
from torch.nn import functional

pytestmark = pytest.mark.slow  # all together


def test_the_codes_discriminator_pays_the_mean_cross_entropy(rows):
    model = make("aux_aae", rows, dropout=0.0)
    batch = take(rows, "aux_aae", slice(0, 50))
    loss = run(model, "dis", batch).loss
    torch.manual_seed(0)
    code = model.encoder(model.ranks(batch["rareness"][:, :4])).detach()
    prior = torch.randn_like(code).abs()
    labels = torch.cat([torch.ones(50, 1), torch.zeros(50, 1)])
    expected = functional.binary_cross_entropy(probabilities(model, torch.cat([prior, code])), labels)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", ["mse", "l1"])
def test_the_autoencoders_loss_is_reconstruction_plus_three_times_the_fooling(rows, loss):
    model = make("aux_aae", rows, dropout=0.0, loss_recon=loss)
    batch = take(rows, "aux_aae", slice(0, 50))
    aux = model.ranks(batch["rareness"][:, :4])
    code = model.encoder(aux)
    difference = model.decoder(code) - aux
    recon = difference.square().mean() if loss == "mse" else difference.abs().mean()
    expected = recon - 3.0 * probabilities(model, code).log().mean()
    torch.testing.assert_close(run(model, "gen", batch).loss, expected, rtol=1e-5, atol=1e-6)


def test_dropout_is_off_where_a_net_only_judges_or_is_judged(rows):
    model = make("aux_aae", rows, dropout=0.5)
    batch = take(rows, "aux_aae", slice(0, 50))
    modes: list[tuple[str, bool]] = []
    for name in ("encoder", "decoder", "discriminator"):
        net = getattr(model, name)
        net.register_forward_pre_hook(lambda module, _, name=name: modes.append((name, module.training)))
    run(model, "dis", batch)
    assert modes == [("encoder", False), ("discriminator", True)]
    modes.clear()
    run(model, "gen", batch)
    assert modes == [("encoder", True), ("decoder", True), ("discriminator", False)]
    assert model.encoder.training
    assert model.discriminator.training


def test_an_adversarial_weight_of_zero_equals_the_plain_autoencoder_bit_for_bit(rows):
    batch = take(rows, "aux_aae", slice(0, 50))
    absent, zeroed, present = make("aux_aae", rows, w_adv=0.0), make("aux_aae", rows), make("aux_aae", rows)
    zeroed.w_adv.zero_()
    absent.discriminator.register_forward_pre_hook(lambda *_: pytest.fail("the discriminator ran"))
    found = []
    for model in (absent, zeroed, present):
        step = run(model, "gen", batch)
        found.append((step.loss, *torch.autograd.grad(step.loss, list(model.encoder.parameters()))))
    assert all(a.equal(b) for a, b in zip(found[0], found[1], strict=True))
    assert not found[0][1].equal(found[2][1])


@pytest.mark.parametrize("code", ["relu", "softplus"])
def test_codes_are_never_negative_and_no_net_is_born_dead(rows, code):
    for seed in range(5):
        model = make("aux_aae", rows, seed=seed, code=code)
        codes = model.encode(rows, seed=0)["codes"]
        assert codes.min() >= 0
        assert (codes.var(0) > 0).all()
        assert (model.reconstruct(rows)["rareness"].var(0) > 0).any()


def test_an_encoder_that_changes_nothing_scores_one(rows):
    model = make("aux_aae", rows)
    model.encoder, model.decoder = nn.Identity(), nn.Identity()
    model.eval()
    batch = take(rows, "aux_aae", slice(0, 1000))
    figures = model.figures(model.evaluate(**batch))
    assert figures["val/share_recon"] == 0
    assert figures["val/code_score"] == pytest.approx(1, abs=1e-3)
    aux = model.ranks(batch["rareness"][:, :4])
    expected = np.abs(np.corrcoef(aux.T.numpy()) - np.eye(4)).max()
    assert figures["val/correlation"] == pytest.approx(expected, rel=1e-3)
