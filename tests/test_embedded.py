"""The embedded sets of images and series: what they hold, against their sources' own words."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sparring.data import load_dataset, read_card
from sparring.errors import DataError


@pytest.mark.parametrize("name", ["digits", "cylinder-bell-funnel"])
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
