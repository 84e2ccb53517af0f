"""The match of codes with the prior and of samples with the data, against plain sums over all pairs and large draws."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sparring.models.metrics.mmd import FEATURES, PriorMatch, SampleMatch
from sparring.models.sums import add_up

D = 6


def draw(n: int, size: int = D, seed: int = 0) -> Tensor:
    return torch.randn(n, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def figures(match: PriorMatch, mean: Tensor, logvar: Tensor | None = None, parts: int = 1) -> dict[str, float]:
    rest: tuple[Tensor | None, ...] = (None,) * parts if logvar is None else logvar.chunk(parts)
    sums = add_up(match.sums(piece, spread) for piece, spread in zip(mean.chunk(parts), rest, strict=True))
    return match.figures(sums | {"n": torch.tensor(len(mean))})


def similarity(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """The kernel of every pair, mean over the features of cos ω·(x - y)."""
    return (directions @ (x[:, None] - y).flatten(0, 1).T).cos().mean(0).reshape(len(x), len(y))


def test_the_priors_match_is_the_unbiased_mmd_over_all_pairs() -> None:
    match, x = PriorMatch(D).double(), draw(7) * 2 + 1
    within = similarity(x, x, match.directions)
    pairs = (within.sum() - within.trace()) / (7 * 6)
    cross = ((match.directions @ x.T).cos().mean(1) * match.expected).mean()
    expected = pairs - 2 * cross + match.expected.square().mean()
    for parts in (1, 3):
        assert figures(match, x, parts=parts)["val/mmd_prior"] == pytest.approx(float(expected), rel=1e-9)


def test_what_is_expected_of_the_prior_is_what_large_draws_of_it_give() -> None:
    match, z = PriorMatch(D).double(), draw(200_000)
    found = (z @ match.directions.T).cos().mean(0)
    torch.testing.assert_close(found, match.expected, rtol=0, atol=0.01)


def test_draws_from_the_prior_match_and_others_do_not() -> None:
    match = PriorMatch(D).double()
    own = [figures(match, draw(300, seed=seed))["val/mmd_prior"] for seed in range(40)]
    assert abs(sum(own) / 40) < 0.0005  # unbiased: below 0 as often as above
    assert min(own) < 0 < max(own) < 0.01
    zero = figures(match, torch.zeros(300, D, dtype=torch.float64))
    assert zero["val/mmd_prior"] == pytest.approx(0.15, abs=0.05)
    for other in (draw(300) * 3, draw(300) / 3, draw(300) + 1):
        assert figures(match, other)["val/mmd_prior"] > 0.04


def test_gaussian_codes_are_averaged_in_closed_form() -> None:
    match, mean = PriorMatch(D).double(), draw(200) * 0.6
    logvar = draw(200, seed=5) * 0.3 - 1
    drawn = mean.repeat(400, 1) + (logvar / 2).exp().repeat(400, 1) * draw(80_000, seed=6)
    closed, sampled = figures(match, mean, logvar), figures(match, drawn)
    assert closed["val/mmd_prior"] == pytest.approx(sampled["val/mmd_prior"], abs=0.004)
    assert closed["val/mmd_prior"] != pytest.approx(figures(match, mean)["val/mmd_prior"], abs=0.004)


@pytest.mark.parametrize("parts", [1, 3])
def test_the_codes_variance_is_the_mean_over_the_code(parts: int) -> None:
    x = draw(50) * torch.tensor([0.0, 0.1, 1.0, 2.0, 1.0, 1.0], dtype=torch.float64) + 3
    found = figures(PriorMatch(D).double(), x, parts=parts)["val/code_variance"]
    assert found == pytest.approx(float(x.var(0, correction=0).mean()), rel=1e-9)


def test_the_samples_match_is_the_unbiased_mmd_over_all_pairs() -> None:
    match, real, fake = SampleMatch(D).double(), draw(9) * 3, draw(5, seed=1) + 0.5
    match.fit(real.split(4), torch.tensor(4.0))
    omega = match.directions / 2
    assert omega.shape == (FEATURES, D)
    expected = -2 * similarity(real, fake, omega).mean()
    for x in (real, fake):
        within = similarity(x, x, omega)
        expected = expected + (within.sum() - within.trace()) / (len(x) * (len(x) - 1))
    assert float(match(fake)) == pytest.approx(float(expected), rel=1e-6)  # counts of rows are float32


def test_samples_like_the_data_match_and_the_mean_of_the_data_does_not() -> None:
    match, real = SampleMatch(D).double(), draw(4000) * 3
    match.fit(real.split(1000), real.var(0).mean())
    assert abs(float(match(draw(256, seed=3) * 3))) < 0.01
    assert float(match(real.mean(0).expand(256, D))) > 0.1
