"""The boosted VAE: its loss, and the rows it draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from support.muons import make, run, solo, take
from torch import Tensor

from sparring.data.physics.kinematics import RARENESS
from sparring.models.blocks.gaussian import Mixture
from sparring.models.blocks.losses import gaussian_kl
from sparring.models.blocks.muon_frame import HalfNormalRanks
from sparring.training.noise import cumulate, order

pytestmark = pytest.mark.slow  # all together


def test_the_divergence_is_the_integral(rows):
    grid = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    for mean, log_variance in ((0.7, -1.0), (-1.5, 0.5), (0.0, 0.0)):
        own = torch.distributions.Normal(mean, math.exp(log_variance / 2)).log_prob(grid)
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(grid)
        expected = torch.trapezoid(own.exp() * (own - prior), grid).item()
        found = gaussian_kl(torch.tensor([[mean]]), torch.tensor([[log_variance]])).item()
        assert found == pytest.approx(expected, abs=1e-6)


def by_hand(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Per row: squared error, divergence and weight, from the phase's own noise."""
    seen = model.frame.normalize(model.frame.box(batch["muons"])) / 7
    torch.manual_seed(0)
    mean, log_variance = model.encoder(seen).chunk(2, dim=1)
    code = mean + torch.randn_like(mean) * log_variance.exp().sqrt()
    error = ((model.decoder(code) - seen) ** 2).mean(1)
    kld = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)
    aux = model.ranks(batch["rareness"][:, RARENESS.index("4d")][:, None])[:, 0]
    return error, kld, aux ** float(model.boost_power)


def mixture(components: int, latent_dim: int) -> Mixture:
    torch.manual_seed(0)
    made = Mixture(components, latent_dim).double()
    made.initialize()
    with torch.no_grad():
        made.logit.normal_()
        made.logvar.add_(torch.randn_like(made.logvar) / 2)
    return made


def test_a_mixture_of_one_standard_gaussian_is_the_published_prior():
    one, generator = Mixture(1, 3).double(), torch.Generator().manual_seed(0)
    mean, logvar = torch.randn(2, 50, 3, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(one.divergence(mean, logvar), gaussian_kl(mean, logvar))


@torch.no_grad()
@pytest.mark.parametrize(("deviation", "above"), [(1.0, 3.0), (0.1, 0.2), (0.01, 0.01)])
def test_the_divergence_from_a_mixture_is_bounded_from_above_and_closely_for_narrow_codes(deviation, above):
    prior, grid = mixture(5, 1), torch.linspace(-9, 9, 200_001, dtype=torch.float64)
    family = torch.distributions.Normal(prior.mean[:, 0], (prior.logvar[:, 0] / 2).exp())
    density = (prior.logit.log_softmax(0) + family.log_prob(grid[:, None])).logsumexp(1)
    for place in (-1.5, 0.0, 0.4, 2.0):
        own = torch.distributions.Normal(place, deviation).log_prob(grid)
        truth = torch.trapezoid(own.exp() * (own - density), grid).item()
        at = torch.tensor([[place]], dtype=torch.float64), torch.tensor([[2 * math.log(deviation)]]).double()
        assert truth - 1e-6 <= prior.divergence(*at).item() <= truth + above


@torch.no_grad()
def test_draws_from_a_mixture_have_its_moments():
    prior, generator = mixture(4, 2), torch.Generator().manual_seed(1)
    n = 200_000
    drawn = prior.place(
        torch.randn(n, 2, dtype=torch.float64, generator=generator),
        torch.rand(n, 1, dtype=torch.float64, generator=generator),
    )
    weight = prior.logit.softmax(0)[:, None]
    mean = (weight * prior.mean).sum(0)
    variance = (weight * (prior.logvar.exp() + prior.mean**2)).sum(0) - mean**2
    torch.testing.assert_close(drawn.mean(0), mean, atol=4 * math.sqrt(variance.max() / n), rtol=0)
    torch.testing.assert_close(drawn.var(0), variance, rtol=0.03, atol=0)


def test_a_mixture_moves_towards_the_codes(rows):
    run_ = solo("boost_vae", rows, prior="mixture", components=4, seed=7)
    before = run_.model.mixture.mean.detach().clone()
    run_.run_epoch()
    assert not torch.allclose(run_.model.mixture.mean, before)


@torch.no_grad()
def test_muons_get_the_noise_that_the_loss_stands_for(rows):
    """Where the decoder says always the same, the noise is all that varies."""
    model = make("boost_vae", rows, decoder_noise="likelihood", w_recon=2.0, w_kld=1e-3).eval()
    noise = torch.randn(5000, 6)
    code = torch.zeros(5000, model.config.latent_dim)
    spread = (model._decoded(code, noise) - model.decoder(code)).std(0)
    torch.testing.assert_close(spread, torch.full((6,), math.sqrt(3 * 1e-3 / 2)), rtol=0.05, atol=0)
    assert set(model.drawn(3)) == {"code", "uniform", "noise"}
    bare = make("boost_vae", rows).eval()
    assert set(bare.drawn(3)) == {"code", "uniform"}
    assert bare._decoded(code, noise).equal(bare.decoder(code))


@pytest.mark.parametrize("boost", ["none", "loss"])
def test_the_loss_is_the_weighted_sum_of_error_and_divergence(rows, boost):
    model = make("boost_vae", rows, boost=boost, w_recon=2.0, w_kld=0.25).eval()
    batch = take(rows, "boost_vae", slice(0, 64))
    error, kld, weight = by_hand(model, batch)
    own = weight / model.row_weights(rows["rareness"]).mean() if boost == "loss" else torch.ones(64)
    expected = 2.0 * (own * error).mean() + 0.25 * kld.mean()
    torch.testing.assert_close(run(model, "gen", batch).loss, expected, rtol=1e-5, atol=1e-7)


def test_weights_of_power_zero_are_no_boost(rows):
    batch = take(rows, "boost_vae", slice(0, 64))
    plain, flat = make("boost_vae", rows), make("boost_vae", rows, boost="loss", boost_power=0.0)
    assert run(plain, "gen", batch).loss.equal(run(flat, "gen", batch).loss)


def pick(rows: dict[str, Tensor], places: Any) -> dict[str, Tensor]:
    return {name: field[places] for name, field in rows.items()}


def divergence_of(model: Any, rows: dict[str, Tensor]) -> float:
    return run(model, "gen", rows).metrics["train/kld"].item()


@torch.no_grad()
def test_over_the_draw_the_weighted_divergence_has_the_plain_mean(rows):
    whole = take(rows, "boost_vae", slice(None), torch.float64)
    boosted = make("boost_vae", rows, boost="sample", dtype=torch.float64).eval()
    weights = boosted.sampling_weights(whole)
    torch.testing.assert_close(weights, boosted.ranks(whole["rareness"][:, [RARENESS.index("4d")]])[:, 0].sqrt())
    alone = torch.tensor([divergence_of(boosted, pick(whole, [row])) for row in range(1000)], dtype=torch.float64)
    plain = divergence_of(make("boost_vae", rows, dtype=torch.float64).eval(), whole)
    assert (weights / weights.sum() @ alone).item() == pytest.approx(plain, rel=1e-12)


@torch.no_grad()
def test_passes_draw_rows_as_often_as_they_weigh_so_that_the_mean_comes_out(rows):
    whole = take(rows, "boost_vae", slice(None), torch.float64)
    boosted = make("boost_vae", rows, boost="sample", dtype=torch.float64).eval()
    weights = boosted.sampling_weights(whole)
    passes = [order(5, n, 1000, cumulate(weights)) for n in range(60)]
    found = [divergence_of(boosted, pick(whole, drawn)) for drawn in passes]
    _, kld, weight = by_hand(boosted, whole)
    error = np.std(found) / math.sqrt(60)
    assert np.mean(found) == pytest.approx(kld.mean().item(), abs=4 * error)
    # With the weights of other rows, as published, it would be off by many times its error.
    others = (weight.mean() / weight).roll(1) * kld
    assert abs((others * weight / weight.sum()).sum() - kld.mean()) > 10 * error
    expected = 60_000 * weight / weight.sum()
    misses = (torch.bincount(torch.cat(passes), minlength=1000) - expected) / expected.sqrt()
    assert misses.square().mean().item() == pytest.approx(1, abs=4 * math.sqrt(2 / 1000))


@pytest.mark.parametrize("boost", ["none", "loss", "sample"])
def test_a_pass_draws_rows_by_their_weights_under_sample_boost_alone(rows, boost):
    run_ = solo("boost_vae", rows, boost=boost, seed=7)
    model, seen = run_.model, []
    phase = model.gen
    model.gen = lambda **batch: seen.append(batch["aux"]) or phase(**batch)
    for _ in range(2):
        run_.run_epoch()
    given = rows["rareness"][:800]
    rarest, ranks = given[:, [RARENESS.index("4d")]], HalfNormalRanks(1)
    ranks.fit(rarest)
    aux = ranks(rarest)[:, 0]
    cumulative_weights = cumulate(aux.sqrt()) if boost == "sample" else None
    expected = torch.cat([aux[order(7, n, 800, cumulative_weights)][: 800 // 64 * 64] for n in range(2)])
    assert torch.cat(seen).equal(expected)
    assert (len(torch.unique(expected[:768])) < 768) == (boost == "sample")


def test_after_a_resume_rows_are_seen_as_the_checkpoint_sees_them(rows):
    """Its transforms may be another machine's, fitted to the same rows with other rounding."""
    saved, resumed = (solo("boost_vae", rows, frame="normal", seed=7) for _ in range(2))
    saved.model.frame.mean.add_(0.5)
    resumed.restore(saved.save())
    index = torch.arange(5)
    expected = saved.model.transform_rows(**{name: field[:5] for name, field in resumed.rows.train.items()})
    assert resumed.batches.take(index)["seen"].equal(expected["seen"])
    assert not saved.batches.take(index)["seen"].allclose(expected["seen"])


def test_rows_are_drawn_by_sums_that_float32_could_not_hold():
    weights = torch.tensor([2.0**24, 1, 1, 0, 1])
    cumulative_weights = cumulate(weights)
    assert cumulative_weights.tolist() == [2**24, 2**24 + 1, 2**24 + 2, 2**24 + 2, 2**24 + 3]
    assert order(0, 0, 5, torch.tensor([0, 0, 0, 0, 1.0], dtype=torch.float64)).tolist() == [4] * 5
    even = torch.cat([order(0, n, 5, cumulate(torch.tensor([1.0, 0, 0, 3, 0]))) for n in range(400)])
    assert set(even.tolist()) == {0, 3}
    assert (even == 3).double().mean().item() == pytest.approx(0.75, abs=4 * math.sqrt(0.75 * 0.25 / 2000))
