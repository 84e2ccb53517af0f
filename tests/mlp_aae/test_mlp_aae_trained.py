"""The AAE of dense layers, trained on digits; Parzen windows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity
from support.mlp_aae import SMALL, Config, images, model, small, solo

from sparring.data import load_dataset, split_rows
from sparring.metrics import find_metric
from sparring.models.metrics.parzen import Parzen
from sparring.models.sums import add_up
from sparring.space import Space, find_space, read_space


def digits():
    data = load_dataset("digits")
    split = split_rows(len(data))
    rows = torch.from_numpy(np.array(data.fields["image"]))
    return {"image": rows[split.train]}, {"image": rows[split.valid]}


# -- training -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """After 12 epochs of digits: figures of the published share and of none, and the trained models."""
    train, valid = digits()
    runs = {}
    for share in (0.05, 0.0):
        values = {"hidden_size": 128, "hidden_size_dis": 128, "lr_gen": 2e-3, "lr_dis": 2e-3, "latent_dim": 8}
        run = solo(train, valid, epochs=12, adv_share=share, encoder="deterministic", batch_size=64, **values)
        for _ in range(12):
            row = run.run_epoch()
        runs[share] = (row.metrics, run.model)
    return runs


def test_it_reconstructs_far_better_than_the_mean_image(trained):
    for figures, _ in trained.values():
        assert figures["val/score"] < 0.3


def test_the_searched_figure_weighs_reconstruction_against_the_prior(trained):
    (spars, _), (plain, _) = trained[0.05], trained[0.0]
    assert spars["val/balance"] == pytest.approx(spars["val/score"] + spars["val/mmd_prior"] / 0.15)
    assert spars["val/balance"] < 0.5 * plain["val/balance"]
    made = small()
    codes = made.prior_match.figures({**zero_codes(made), "n": torch.tensor(50.0)})
    assert codes["val/mmd_prior"] == pytest.approx(0.15, abs=0.03)  # the unit: codes that are all 0


def zero_codes(made):
    return made.prior_match.sums(torch.zeros(50, 3))


def test_the_adversary_brings_codes_to_the_prior_and_samples_to_the_data(trained):
    (spars, _), (plain, _) = trained[0.05], trained[0.0]
    assert spars["val/mmd_prior"] < 0.25 * plain["val/mmd_prior"]
    assert spars["val/mmd_sample"] < 0.5 * plain["val/mmd_sample"]


def test_every_figure_of_an_epoch_is_finite_and_known(trained):
    figures, _ = trained[0.05]
    assert set(figures) <= set(Config.emitted())
    assert all(math.isfinite(value) for value in figures.values())
    assert {find_metric(name).name for name in Config.emitted()} == set(Config.emitted())


def test_the_verbs_give_images(trained):
    _, made = trained[0.05]
    _, valid = digits()
    answer = made.reconstruct({"image": valid["image"][:10]})["image"]
    assert answer.shape == (10, 1, 8, 8)
    assert ((answer - valid["image"][:10] / 255) ** 2).mean() < 0.03
    samples = made.sample(25, seed=1)["image"]
    assert samples.shape == (25, 1, 8, 8)
    assert 0 <= samples.min() <= samples.max() <= 1
    assert torch.equal(samples, made.sample(25, seed=1)["image"])
    assert not torch.equal(samples, made.sample(25, seed=2)["image"])


def test_noise_is_stranger_than_digits(trained):
    _, made = trained[0.05]
    _, valid = digits()
    known, ood = made.score(valid), made.score({"image": images(200, seed=5)})
    assert ood["reconstruction"].median() > 3 * known["reconstruction"].median()
    assert set(known) == {"reconstruction", "discriminator"}
    assert ((known["discriminator"] >= 0) & (known["discriminator"] <= 1)).all()


def test_the_same_seed_gives_the_same_bits_and_a_checkpoint_resumes():
    train, valid = {"image": images(80)}, {"image": images(30, seed=1)}
    values = {**SMALL, "norm": "batch", "dropout": 0.2, "epochs": 4, "adv_share": 0.1}
    whole, again, other = (solo(train, valid, seed, **values) for seed in (3, 3, 4))
    first = whole.run_epoch().metrics
    assert again.run_epoch().metrics == first
    assert other.run_epoch().metrics != first
    packed = whole.save()
    resumed = solo(train, valid, 3, 2, **values)
    resumed.restore(packed)
    assert resumed.run_epoch().metrics == whole.run_epoch().metrics


def test_the_shipped_space_starts_at_the_published_setting():
    space = Space(read_space(find_space("mlp_aae")), Config, "mlp_aae.toml")
    baseline = space.config(space.baseline())
    assert baseline == Config(epochs=baseline.epochs, steps_per_epoch=baseline.steps_per_epoch)
    assert {"adv_share", "lr_gen", "lr_dis", "latent_dim", "batch_size", "norm", "loss_recon"} <= set(space.kinds)


# -- Parzen windows -------------------------------------------------------------------------------------------------


def test_parzen_is_the_kernel_density_of_scikit_learn_under_the_width_that_suits_training_rows():
    generator = torch.Generator().manual_seed(0)
    draw = lambda n: torch.randn(n, 4, generator=generator) * 0.3  # noqa: E731
    samples, tuning, rows = draw(500), draw(1500), 2 * draw(700)  # on their own the rows would choose a wider one
    parzen = Parzen(4)
    parzen.fit(tuning)
    chosen = tuning[torch.linspace(0, 1499, 1000).long()]
    scores = [KernelDensity(bandwidth=float(s)).fit(samples).score(chosen) for s in parzen.sigmas]
    best = float(parzen.sigmas[int(np.argmax(scores))])
    expected = KernelDensity(bandwidth=best).fit(samples).score(rows) / len(rows)
    parts = [parzen.sums(rows[:300], samples), parzen.sums(rows[300:], samples)]
    assert parzen.figure(add_up(parts) | {"n": torch.tensor(700.0)}) == pytest.approx(expected, rel=1e-4)


def test_parzen_is_left_out_unless_asked_for_and_tells_a_trained_model_from_a_new_one(trained):
    train, valid = digits()
    assert "val/parzen" not in trained[0.05][0]
    found = []
    for state in (None, trained[0.05][1].state_dict()):
        made = model(
            {"image": (1, 8, 8)}, train["image"], hidden_size=128, hidden_size_dis=128, latent_dim=8,
            encoder="deterministic", parzen_samples=1000,
        ).eval()  # fmt: skip
        if state is not None:
            made.load_state_dict(state)
        with torch.no_grad():
            sums = made.evaluate(image=valid["image"])
        found.append(made.figures(sums)["val/parzen"])
    assert found[1] > found[0] + 5


def parzen(made, rows):
    """The figure, and the generated samples that it puts its windows on, in numbers from 0 to 1."""
    made.eval()
    with torch.no_grad():
        sums = made.evaluate(image=rows)
        samples = (made.decode(made.windows) + 1) / 2
    return made.figures(sums)["val/parzen"], samples.numpy()


def density(samples, tuning, rows):
    """scikit-learn's, under the width of the grid that suits ``tuning`` best; nats per row."""
    chosen = tuning[np.linspace(0, len(tuning) - 1, 1000).astype(int)]
    fitted = [KernelDensity(bandwidth=float(width)).fit(samples) for width in Parzen(1).sigmas]
    return max(fitted, key=lambda each: each.score(chosen)).score(rows) / len(rows)


def test_parzen_judges_flat_rows_as_shares_of_their_range_whatever_their_units():
    rows = torch.randn(300, 5, generator=torch.Generator().manual_seed(0)) + 3
    found = []
    for scale in (1.0, 1000.0):
        train = {"image": scale * rows[:200]}
        run = solo(train, train, epochs=3, steps_per_epoch=50, lr_gen=2e-3, parzen_samples=200, **SMALL)
        for _ in range(3):
            run.run_epoch()
        found.append(parzen(run.model, scale * rows[200:]))
    low, high = rows[:200].amin(0), rows[:200].amax(0)
    tuning, judged = (((each - low) / (high - low)).numpy() for each in (rows[:200], rows[200:]))
    for figure, samples in found:
        assert figure == pytest.approx(density(samples, tuning, judged), rel=1e-3)
    assert found[0][0] == pytest.approx(found[1][0], abs=0.05)  # nats; rounding moves the trained weights a little
    assert -5 < found[0][0] < 5  # uniform within the range has 0


def test_parzen_judges_images_by_intensity():
    train, judged = images(100), images(30, seed=1)
    made = small(parzen_samples=200)
    made.prepare({"image": train})
    figure, samples = parzen(made, judged)
    intensity = [(each.flatten(1) / 255).numpy() for each in (train, judged)]
    assert figure == pytest.approx(density(samples, *intensity), rel=1e-4)
    with torch.no_grad():  # as before flat rows were scaled, bit for bit
        assert torch.equal(made.frame.fraction(made.view(judged)), made.unview(made.view(judged)).flatten(1))
