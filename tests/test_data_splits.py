"""Splits and the Fourier form of spectra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct
from sklearn.model_selection import train_test_split

from sparring.data import load_dataset, split_rows
from sparring.data.fourier import restore, transform
from sparring.errors import DataError, UnknownName, UsageError

ROWS = st.integers(10, 3000)


@settings(max_examples=60, deadline=None)
@given(n=ROWS, kind=st.sampled_from(["80/20", "75/15/10"]), seed=st.integers(0, 2**32 - 1))
def test_every_row_is_in_exactly_one_part(n, kind, seed):
    split = split_rows(n, kind, seed)
    together = np.concatenate([split.train, split.valid, split.test])
    assert np.array_equal(np.sort(together), np.arange(n))


@settings(max_examples=60, deadline=None)
@given(n=ROWS)
def test_parts_have_their_shares_to_within_a_row(n):
    half, third = split_rows(n, "80/20"), split_rows(n, "75/15/10")
    assert 0 <= len(half.valid) - 0.20 * n < 1
    assert len(half.test) == 0
    assert -1e-9 <= len(third.valid) - 0.15 * n < 1
    assert -1e-9 <= len(third.test) - 0.10 * n < 1


@pytest.mark.parametrize("n", [10, 11, 99, 2048, 4079])
def test_80_20_is_the_published_split_row_for_row(n):
    train, valid = train_test_split(np.arange(n), test_size=0.2, random_state=42)
    split = split_rows(n)
    assert split.train.tolist() == train.tolist()
    assert split.valid.tolist() == valid.tolist()


def test_another_seed_is_another_split():
    assert not np.array_equal(split_rows(50, seed=1).valid, split_rows(50, seed=2).valid)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((9,), DataError, "at least 10 rows, but got 9"),
        ((50, "90/10"), UnknownName, "no split '90/10'; there are: 80/20, 75/15/10"),
        ((50, "80/20", -1), UsageError, "seed is between 0 and .* but got -1"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        split_rows(*arguments)


@settings(max_examples=40, deadline=None)
@given(points=st.integers(1, 400), seed=st.integers(0, 99))
def test_the_fourier_form_gives_the_spectrum_back(points, seed):
    spectra = np.random.default_rng(seed).normal(size=(3, points))
    coefficients = transform(spectra)
    assert coefficients.shape == (3, 2 * points)
    np.testing.assert_allclose(restore(coefficients), spectra, rtol=0, atol=1e-10)


def test_the_fourier_form_is_the_cosine_transform_seen_from_the_first_sample():
    """Re F(f) = cos(pi f / 2N) DCT-II(f): half a sample of phase, its real part."""
    spectrum = np.random.default_rng(0).normal(size=31)
    expected = np.cos(np.pi * np.arange(31) / 62) * dct(spectrum, type=2)
    np.testing.assert_allclose(transform(spectrum)[:31], expected, atol=1e-12)


def test_the_fourier_option_keeps_every_spectrum():
    plain, turned = (load_dataset("exafs", options={"n": 20, "fourier": fourier}) for fourier in (False, True))
    assert turned.shapes["spectrum"] == (452,)
    np.testing.assert_allclose(restore(turned.fields["spectrum"]), plain.fields["spectrum"], atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    train=ROWS, valid=st.integers(0, 300), test=st.integers(0, 300), kind=st.sampled_from(["80/20", "75/15/10"]),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_published_parts_stay_and_the_rest_is_carved(train, valid, test, kind, seed):
    n = train + valid + test
    split = split_rows(n, kind, seed, {"train": train, "valid": valid, "test": test})
    assert np.array_equal(np.sort(np.concatenate([split.train, split.valid, split.test])), np.arange(n))
    assert split.train.max() < train
    if valid:
        assert split.valid.tolist() == list(range(train, train + valid))
    else:
        assert split.valid.max() < train
        share = {"80/20": 20 / 100, "75/15/10": 15 / 90 if test else 15 / 100}[kind]
        assert -1e-9 <= len(split.valid) - share * train < 1
    if test:
        assert split.test.tolist() == list(range(train + valid, n))
    else:
        assert len(split.test) == (0 if kind == "80/20" else -(-train * 10 // (100 - 15 * bool(valid))))


def test_a_published_test_of_mnist_is_never_trained_or_validated_on():
    split = split_rows(70_000, parts={"train": 60_000, "test": 10_000})
    assert (len(split.train), len(split.valid), len(split.test)) == (48_000, 12_000, 10_000)
    assert max(split.train.max(), split.valid.max()) < 60_000


def test_too_few_published_training_rows_are_refused():
    with pytest.raises(DataError, match="at least 10 rows, but got 9"):
        split_rows(500, parts={"train": 9, "test": 491})
