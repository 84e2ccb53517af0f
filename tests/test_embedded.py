"""The embedded sets of images and series: what they hold, against their sources' own words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.datasets import load_digits

from sparring.data import load_dataset, read_card
from sparring.data.embedded.shapes import drawn
from sparring.data.physics.kinematics import SKEWED, to_polar
from sparring.errors import DataError


@pytest.mark.parametrize("name", ["digits", "cylinder-bell-funnel", "shapes", "ring-downs"])
def test_the_card_tells_the_shapes_and_the_set_is_the_same_twice(name):
    first, again = load_dataset(name), load_dataset(name)
    assert first.sha256 == again.sha256
    card = read_card(name)
    assert {key: field.shape for key, field in card.fields.items()} == first.shapes
    assert f"{len(first):,}" in card.size
    with pytest.raises(DataError, match="it is embedded and takes no path"):
        load_dataset(name, "/tmp")


def test_digits_are_bytes_and_keep_every_shade():
    image = load_dataset("digits").fields["image"]
    assert image.dtype == np.uint8
    assert image.shape == (1797, 1, 8, 8)
    ink = load_digits().images
    assert np.array_equal(np.round(image[:, 0] / 255 * 16), ink)
    assert image.max() == 255


def parameters(series, shape):
    """Begin, end and height of noiseless series of one shape, read off the values."""
    inside = series != 0
    begin, end = inside.argmax(1) + 1, series.shape[1] - inside[:, ::-1].argmax(1)
    return begin, end, series.max(1)


def test_series_follow_the_published_formulas():
    found = load_dataset("cylinder-bell-funnel", options={"noise": 0.0, "n": 3000})
    series = found.fields["series"][:, :, 0]
    t = np.arange(1, 129)
    assert np.array_equal(found.axes["series"], t)
    for shape, name in enumerate(("cylinder", "bell", "funnel")):
        rows = series[shape::3].astype(float)
        assert found.ids[shape].startswith(name)
        assert found.labels[shape] == name
        begin, end, height = parameters(rows, name)
        if name == "bell":
            begin = begin - 1  # it is 0 at a
        if name == "funnel":
            end = end + 1  # it is 0 at b; beyond t = 128 it is cut
        widths = (end - begin)[end < 128]
        assert begin.min() == 16
        assert begin.max() == 32
        assert widths.min() == 32
        assert 90 <= widths.max() <= 96
        assert np.mean(height) == pytest.approx(6, abs=0.2)
        assert np.std(height) == pytest.approx(1, abs=0.1)
        whole = np.flatnonzero(end < 128)[:50]
        for row in whole:
            a, b, h = begin[row], end[row], height[row]
            inside = (t >= a) & (t <= b)
            form = {"cylinder": 1.0, "bell": (t - a) / (b - a), "funnel": (b - t) / (b - a)}[name]
            np.testing.assert_allclose(rows[row], h * inside * form, atol=1e-5)


def test_the_noise_is_white_and_of_the_deviation_asked_for():
    quiet, noisy = (
        load_dataset("cylinder-bell-funnel", options={"noise": noise}).fields["series"] for noise in (0.0, 0.5)
    )
    noise = (noisy - quiet)[:, :, 0].astype(float)
    assert noise.std() == pytest.approx(0.5, rel=0.01)
    assert np.mean(noise[:, 1:] * noise[:, :-1]) == pytest.approx(0, abs=0.003)


def test_a_shape_covers_its_own_area_wherever_it_lies():
    turn, radius = np.linspace(0, np.pi, 7), np.full(7, 0.25)
    middle = np.random.default_rng(0).uniform(0.4, 0.6, (7, 2))
    areas = {"square": 2 * 0.25**2, "disc": np.pi * 0.25**2, "triangle": 3 * 3**0.5 / 4 * 0.25**2}
    for kind, area in areas.items():
        covered = drawn(kind, middle, radius, turn, 64)
        np.testing.assert_allclose(covered.mean((1, 2)), area, rtol=0.01)
        pixel = (np.arange(64) + 0.5) / 64
        weights = covered.sum((1, 2))
        np.testing.assert_allclose((covered.sum(1) @ pixel) / weights, middle[:, 0], atol=2e-3)
        np.testing.assert_allclose((covered.sum(2) @ pixel) / weights, middle[:, 1], atol=2e-3)


def test_a_turned_shape_is_another_picture_but_a_turned_disc_is_not():
    middle, radius = np.full((2, 2), 0.5), np.full(2, 0.3)
    for kind, differs in (("square", True), ("triangle", True), ("disc", False)):
        first, turned = drawn(kind, middle, radius, np.array([0.0, np.pi / 4]), 16)
        assert (np.abs(first - turned).max() > 0.3) == differs


def test_shapes_take_turns_keep_their_kinds_and_seldom_reach_over_the_edge():
    found = load_dataset("shapes", options={"n": 300, "side": 32})
    image = found.fields["image"]
    assert (image.dtype, image.shape) == (np.uint8, (300, 1, 32, 32))
    assert found.labels[:3] == ("square", "disc", "triangle")
    assert found.ids[4] == "disc-00004"
    border = np.concatenate([image[:, 0, 0], image[:, 0, -1], image[:, 0, :, 0], image[:, 0, :, -1]], axis=1)
    assert 0 < (border.max(1) > 0).mean() < 0.3  # the largest reach over the edge
    brightest = image.max((1, 2, 3))
    assert brightest.min() >= 127
    assert brightest.max() <= 255


def test_a_ring_down_is_silent_before_the_strike_and_follows_one_damped_oscillation():
    found = load_dataset("ring-downs", options={"n": 50, "noise": 0.0})
    series = found.fields["series"].astype(float)
    t = np.arange(128)
    assert np.array_equal(found.axes["series"], t)
    for sample in series[:20]:
        first = (sample != 0).any(1).argmax()
        assert 8 <= first <= 44
        # x(t+1) = 2·e^(-1/tau)·cos(w)·x(t) - e^(-2/tau)·x(t-1), for all three sensors with the same two numbers
        from_here = sample[first + 6 :]
        now, before, after = from_here[1:-1].ravel(), from_here[:-2].ravel(), from_here[2:].ravel()
        (a, b), residue, *_ = np.linalg.lstsq(np.stack([now, before], axis=1), after, rcond=None)
        assert residue[0] < 1e-10
        tau = -2 / np.log(-b)
        cycles = np.arccos(a / 2 / np.sqrt(-b)) / (2 * np.pi) * 128
        assert 20 <= tau <= 80
        assert 3 <= cycles <= 9


def test_the_noise_of_ring_downs_has_the_deviation_asked_for():
    quiet, noisy = (load_dataset("ring-downs", options={"noise": noise}).fields["series"] for noise in (0.0, 0.1))
    assert (noisy - quiet).std() == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(("name", "field"), [("shapes", "image"), ("ring-downs", "series")])
def test_a_few_principal_components_do_not_hold_the_sets_that_are_to_be_won(name, field):
    rows = load_dataset(name, options={"n": 1500}).fields[field].reshape(1500, -1).astype(float)
    rows -= rows.mean(0)
    variances = np.linalg.svd(rows, compute_uv=False) ** 2
    shares = variances.cumsum() / variances.sum()
    assert shares[7] < 0.8  # eight numbers, where six make a sample


def test_no_gaussian_copula_fits_the_muons():
    """Scores of each column, r, z, pt, pz: were one copula the whole dependence, squares would correlate as scores
    squared do."""
    polar = to_polar(load_dataset("muons").fields["muons"])[:, list(SKEWED)]
    scores = norm.ppf((polar.argsort(0).argsort(0) + 0.5) / len(polar))
    correlation = np.corrcoef(scores.T)
    of_squares = np.corrcoef((scores**2).T)
    off = ~np.eye(4, dtype=bool)
    assert np.abs(of_squares - correlation**2)[off].max() > 0.3
    fitted = np.random.default_rng(0).multivariate_normal(np.zeros(4), correlation, len(polar))
    found = np.abs(np.corrcoef((fitted**2).T) - np.corrcoef(fitted.T) ** 2)
    assert found[off].max() < 0.05
