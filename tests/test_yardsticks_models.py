"""The yardsticks that a system's own figures judge, against the same figures worked out by hand in numpy."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sparring.data import load_dataset, split_rows
from sparring.models import find_config, model_names
from sparring.models.blocks.muon_frame import SHRINK
from sparring.models.boost_vae.model import BoostVAE
from sparring.report.yardsticks import Task, generation, measure, reconstruction
from sparring.report.yardsticks.codes import Net
from sparring.report.yardsticks.gaussianization import gaussianize
from sparring.report.yardsticks.judging import build, judge, tensor
from sparring.space import Space, find_space, read_space

SMALL = {
    "advvae": {"image_size": 16, "hidden_dims": (8, 16), "hidden_dims_dis": (8,), "latent_dim": 16},
    "aae": {"image_size": 16, "width": 8, "n_stages": 2, "latent_dim": 16},
    "aae_series": {"width": 4, "latent_dim": 8},
    "mlp_aae": {"hidden_size": 32, "hidden_size_dis": 16, "latent_dim": 16},
    "aux_aae": {"hidden_gen": (32, 32), "hidden_dis": (32, 32)},
    "auxgan": {"hidden_gen": (32, 32), "hidden_dis": (32, 32), "aux_steps": 1},
    "boost_vae": {"hidden": (32, 32)},
}
"""Nets are in the way here; a newcomer's are its baseline's."""


def space(name):
    return Space(read_space(find_space(name)), find_config(name), name)


def task(name, **settings):
    shown = space(name)
    few = {"n": 3000} if "n" in shown.data else {}
    data = load_dataset(shown.dataset, None, {**shown.data, **few})
    values = {**shown.values(shown.baseline()), **SMALL.get(name, {}), **settings}
    split = split_rows(len(data.ids), "80/20", 42, data.parts)
    return Task(model=name, config=find_config(name)(**values), fields=data.fields, split=split)


def measured(given):
    found, complaints = measure(given)
    assert complaints == []
    return {each.name: each for each in found}


@cache
def of(name):
    """What plain methods reach on the task of a system as it stands, measured once."""
    return measured(task(name))


def columns(given, part):
    """Flat rows as the figures see them, of images of the model's size and of series: the raw ones."""
    rows = given.fields[given.config.fields[0]][getattr(given.split, part)]
    rows = rows / 255 if rows.dtype == np.uint8 else rows
    return rows.reshape(len(rows), -1).astype(np.float64)


# -- every system ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in model_names() if find_config(name).yardsticks != "prediction"])
def test_every_system_has_rivals_in_the_figure_its_own_space_searches(name):
    found = of(name)
    figures = [each.figure(space(name).objectives[0].metric) for each in found.values() if not each.is_floor]
    assert len(figures) >= 2
    assert all(figure is not None and figure >= 0 for figure in figures)


def test_a_system_that_names_no_yardsticks_is_said_to():
    given = task("aae")
    config = SimpleNamespace(yardsticks="")
    found = measure(Task(model="newcomer", config=config, fields=given.fields, split=given.split))
    assert found == ([], ["no yardsticks: newcomer names none"])


def test_the_test_rows_are_never_read():
    given = task("mlp_aae")
    valid, test = np.array_split(given.split.valid, 2)
    split = SimpleNamespace(train=given.split.train, valid=valid, test=test)
    fields = {name: array.copy() for name, array in given.fields.items()}
    before = measured(Task(model="mlp_aae", config=given.config, fields=fields, split=split))
    fields["image"][test] = 255
    after = measured(Task(model="mlp_aae", config=given.config, fields=fields, split=split))
    assert {name: each.figures for name, each in after.items()} == {name: each.figures for name, each in before.items()}


def test_neither_torch_nor_scikit_learn_is_imported_for_a_report_without_them():
    check = "import sys, sparring.report; print({'torch', 'sklearn'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", check], text=True).strip() == "set()"


# -- autoencoders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["advvae", "aae", "aae_series", "mlp_aae"])
def test_components_lose_what_a_singular_value_decomposition_loses(name):
    given = task(name)
    train, valid = columns(given, "train"), columns(given, "valid")
    mean, k = train.mean(axis=0), given.config.latent_dim
    directions = np.linalg.svd(train - mean, full_matrices=False)[2][:k]
    residue = (valid - mean) - (valid - mean) @ directions.T @ directions
    variance = train.var(axis=0).mean()
    found = of(name)
    assert found[f"PCA, {k} components"].figure("val/mse_recon") == pytest.approx((residue**2).mean(), rel=1e-3)
    assert found[f"PCA, {k} components"].figure("val/score") == pytest.approx((residue**2).mean() / variance, rel=1e-3)
    trivial = ((valid - mean) ** 2).mean() / variance
    assert found["mean"].figure("val/score") == pytest.approx(trivial, rel=1e-4)
    assert found["mean"].figure("val/balance") == pytest.approx(trivial, rel=1e-4)  # its codes are the prior


def test_of_shapes_components_lose_a_seventh_where_the_mean_keeps_nothing():
    found = of("advvae")
    assert found["PCA, 16 components"].figure("val/score") == pytest.approx(0.1549, abs=1e-4)
    assert found["PCA, 16 components"].figure("val/balance") < 0.18 < 0.9 < found["mean"].figure("val/balance")


def test_codes_of_components_are_white_and_judged_as_a_nets_would_be():
    given = task("aae")
    train, valid = columns(given, "train"), columns(given, "valid")
    _, spread, directions = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)
    codes = (valid - train.mean(axis=0)) @ directions[:16].T / spread[:16] * np.sqrt(len(train) - 1)
    model = build(given)
    # Signs of components are the solver's choice, and random features tell them apart: a mean over both of each.
    figures = of("aae")["PCA, 16 components"].figures
    n = len(codes)
    assert figures["val/code_variance"] == pytest.approx(codes.var(axis=0).mean(), rel=1e-3)
    flips = np.random.default_rng(0).choice([-1, 1], size=(200, 16))
    matches = []
    for flip in flips:
        sums = model.prior_match.sums(torch.tensor(codes * flip, dtype=torch.float32)) | {"n": torch.tensor(n)}
        matches.append(model.prior_match.figures(sums)["val/mmd_prior"])
    assert min(matches) <= figures["val/mmd_prior"] <= max(matches)
    assert figures["val/balance"] == pytest.approx(figures["val/score"] + figures["val/mmd_prior"] / 0.15, rel=1e-5)


def test_noisy_codes_are_the_posterior_of_the_linear_gaussian_model():
    given = task("advvae")
    train, valid = columns(given, "train"), columns(given, "valid")
    mean, k = train.mean(axis=0), given.config.latent_dim
    values, vectors = np.linalg.eigh(np.cov(train.T))
    noise = values[:-k].mean()
    weights = vectors[:, -k:] * np.sqrt(values[-k:] - noise)  # x = weights z + mean + noise
    inner = weights.T @ weights + noise * np.eye(k)
    codes = np.linalg.solve(inner, weights.T @ (valid - mean).T).T
    spread = noise * np.linalg.inv(inner)
    divergence = (np.trace(spread) - k - np.linalg.slogdet(spread)[1] + (codes**2).sum(axis=1)) / 2
    error = ((codes @ weights.T + mean - valid) ** 2).mean()
    found = of("advvae")["probabilistic PCA, 16 components"]
    assert found.figure("val/mse_recon") == pytest.approx(error, rel=1e-3)
    assert found.figure("val/kld") == pytest.approx(divergence.mean(), rel=1e-3)


def test_only_an_encoder_of_distributions_meets_noisy_codes():
    assert "probabilistic PCA, 16 components" in measured(task("mlp_aae", encoder="stochastic"))
    assert "probabilistic PCA, 16 components" not in measured(task("mlp_aae", encoder="deterministic"))


def test_neither_the_priors_width_nor_the_inputs_scale_moves_them():
    plain = of("aae_series")
    other = measured(task("aae_series", prior_std=5.0, input_scaling="none"))
    for name, each in plain.items():
        assert other[name].figures == pytest.approx(each.figures, rel=1e-3, abs=1e-6)


def test_where_components_would_lose_nothing_half_as_many_are_compared():
    rows = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    split = split_rows(500, "80/20", 42)

    names = ("PCA", "probabilistic PCA")

    def found(latent_dim: int, rows: np.ndarray = rows):
        config = find_config("mlp_aae")(hidden_size=8, hidden_size_dis=8, latent_dim=latent_dim)
        return measured(Task(model="mlp_aae", config=config, fields={"image": rows}, split=split))

    for latent_dim in (6, 10):
        half = found(latent_dim)
        assert set(half) == {"mean", *(f"{name}, 3 components (6 lose nothing)" for name in names)}
        assert not any(each.is_floor for each in half.values())
        assert half["PCA, 3 components (6 lose nothing)"].figure("val/score") > 0.1
    assert set(found(5)) == {"mean", *(f"{name}, 5 components" for name in names)}
    assert set(found(5, rows[:, :1])) == {"mean"}


def test_directions_that_hold_only_rounding_are_no_components():
    draw = np.random.default_rng(0)
    rows = (draw.normal(size=(500, 8)) @ draw.normal(size=(8, 40)) + 100).astype(np.float32)
    assert len(reconstruction.find_components(rows, 20).variances) == 8


def test_of_a_large_set_some_rows_are_fitted_and_the_name_says_how_many(monkeypatch):
    whole = of("aae")["PCA, 16 components"]
    monkeypatch.setattr(reconstruction, "NUMBERS", 256 * 40)
    some = measured(task("aae"))["PCA, 16 components, 40 rows"]
    assert some.figure("val/score") > whole.figure("val/score")


# -- generators --------------------------------------------------------------------------------------------------------


def distance(real, fake):
    """The definition of val/distance, frequency by frequency."""
    axes = np.eye(real.shape[1])
    pairs = [
        (axes[a] + s * axes[b]) / 2**0.5 for a in range(len(axes)) for b in range(a + 1, len(axes)) for s in (1, -1)
    ]
    squares = []
    for direction in [*axes, *pairs]:
        for length in (1, 2, 4):
            each = np.exp(1j * length * real @ direction) - np.exp(1j * length * fake @ direction)
            n = len(each)
            squares.append((abs(each.sum()) ** 2 - (abs(each) ** 2).sum()) / (n * (n - 1)))
    return max(np.mean(squares), 0.0) ** 0.5


@pytest.fixture(scope="module")
def muons():
    given = task("boost_vae")
    model = build(given)
    assert isinstance(model, BoostVAE)
    with torch.no_grad():
        train, valid = (model.judged(tensor(given.rows("muons", part))).numpy() for part in ("train", "valid"))
    return SimpleNamespace(task=given, model=model, train=train, valid=valid, found=of("boost_vae"))


@pytest.mark.slow
def test_the_floor_is_the_mean_over_draws_of_the_figures_definition(muons):
    rng = np.random.default_rng(0)
    draws = [muons.train[rng.integers(len(muons.train), size=len(muons.valid))] for _ in range(generation.DRAWS)]
    expected = np.mean([distance(muons.valid.astype(float), draw.astype(float)) for draw in draws])
    floor = muons.found["floor: training rows, drawn again"]
    assert floor.is_floor
    assert floor.figure("val/distance") == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_the_same_rows_get_the_same_figure_from_the_models_own_evaluation(muons):
    drawn = np.random.default_rng(3).permutation(muons.train, axis=0)[: len(muons.valid)]
    columns_alone = generation.independent(drawn.astype(float))(np.random.default_rng(4), len(drawn))
    fake = torch.tensor(columns_alone, dtype=torch.float32)
    own = judge(BoostVAE, muons.model, muons.task, decoder=Net(lambda code: fake / SHRINK))
    assert own["val/distance"] == pytest.approx(distance(muons.valid.astype(float), columns_alone), rel=2e-2)


@pytest.mark.slow
def test_a_copula_is_nearer_to_muons_than_independent_columns_and_gaussianization_nearer_still(muons):
    figures = {name: each.figure("val/distance") for name, each in muons.found.items()}
    assert figures["independent columns"] > 1.8 * figures["Gaussian copula"]
    assert figures["Gaussian copula"] > 1.5 * figures["Gaussianization, 20 turns"]
    assert figures["Gaussianization, 20 turns"] < 0.03


def test_methods_keep_the_marginals_and_only_their_own_share_of_the_dependence():
    draw = np.random.default_rng(0)
    angle = draw.uniform(0, 2 * np.pi, 4000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * draw.normal(size=(4000, 2))
    line = np.stack([ring[:, 0], np.exp(ring[:, 0] + 0.1 * draw.normal(size=4000))], axis=1)

    def sample(method, rows):
        return method(rows)(np.random.default_rng(1), 4000)

    for method in (generation.independent, generation.copula, generation.gaussian, generation.again):
        quantiles = [np.quantile(rows, np.linspace(0.05, 0.95, 10), axis=0) for rows in (sample(method, line), line)]
        assert np.allclose(*quantiles, rtol=0.1, atol=0.1)
    correlation = [np.corrcoef(sample(method, line).T)[0, 1] for method in (generation.independent, generation.copula)]
    assert abs(correlation[0]) < 0.05 < 0.9 < correlation[1]
    # A ring has no correlation to keep: a copula fills it, Gaussianization leaves most of it empty.
    inside = [
        (np.hypot(*sample(method, ring).T) < 0.6).mean()
        for method in (generation.copula, generation.gaussian, generation.again)
    ]
    assert inside[0] > 0.1 > 0.04 > inside[1] > inside[2] == 0


@pytest.mark.slow
def test_what_cannot_be_computed_is_a_sentence_and_the_others_stand(muons):
    split = SimpleNamespace(train=muons.task.split.train[:5], valid=muons.task.split.valid)
    found, complaints = measure(
        Task(model="boost_vae", config=muons.task.config, fields=muons.task.fields, split=split)
    )
    (sentence,) = [each for each in complaints if "copula" in each]
    assert sentence == "no yardstick Gaussian copula: correlations of 6 columns need more rows than that, but got 5"
    assert {"independent columns", "floor: training rows, drawn again"} <= {each.name for each in found}


# -- independent codes -------------------------------------------------------------------------------------------------


def test_values_that_stay_as_they_are_score_one_by_definition():
    given = task("aux_aae")
    split = SimpleNamespace(train=given.split.train, valid=given.split.train)
    found = measured(Task(model="aux_aae", config=given.config, fields=given.fields, split=split))
    same = found["the values themselves"]
    assert same.figure("val/code_score") == pytest.approx(1.0, rel=1e-3)  # its unit is their own distance
    assert same.figure("val/share_recon") == 0.0
    assert same.figure("val/correlation") > 0.3
    for name in ("4 principal components, made half-normal", "Gaussianization, 20 turns"):
        assert found[name].figure("val/correlation") < 0.1
        assert found[name].figure("val/share_recon") < 1e-3
        assert found[name].figure("val/code_score") < 0.9
    floor = found["floor: draws from the prior"]
    assert floor.is_floor
    assert floor.figure("val/code_score") < 0.25


@pytest.mark.slow
def test_a_shorter_code_loses_and_a_longer_one_does_not():
    short, long = measured(task("aux_aae", latent_dim=2)), measured(task("aux_aae", latent_dim=6))
    assert short["2 principal components, made half-normal"].figure("val/share_recon") > 0.2
    assert long["4 principal components, made half-normal"].figure("val/share_recon") < 1e-3
    # The mean of two of four halves what is lost, less where these tell something of the others.
    assert 0.4 < short["the values themselves"].figure("val/share_recon") < 0.5
    assert long["the values themselves"].figure("val/share_recon") < 1e-6


def test_gaussianization_is_undone_and_makes_a_ring_independent():
    draw = np.random.default_rng(0)
    angle = draw.uniform(0, 2 * np.pi, 4000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.2 * draw.normal(size=(4000, 2))
    fitted = gaussianize(ring[:3000])
    normal = fitted.transform(ring[3000:])
    assert np.abs(fitted.inverse_transform(normal) - ring[3000:]).max() < 0.1
    assert abs(np.corrcoef((ring[3000:] ** 2).T)[0, 1]) > 0.5 > 0.15 > abs(np.corrcoef((normal**2).T)[0, 1])
    assert np.allclose(normal.std(axis=0), 1, atol=0.1)
