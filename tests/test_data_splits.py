"""Splits, the rows of members, and the Fourier form of spectra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct
from sklearn.model_selection import RepeatedKFold, train_test_split

from sparring.data import member_rows, read_plan, split_rows
from sparring.data.physics.fourier import restore, transform
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


# -- members ----------------------------------------------------------------------------------------------------------


def rows_of(plan, split, seed=0):
    return [member_rows(split, member, 42) for member in plan.draw(seed)]


@settings(max_examples=40, deadline=None)
@given(
    train=st.integers(24, 400), valid=st.integers(0, 50), test=st.integers(0, 50), folds=st.integers(2, 6),
    repeats=st.integers(1, 3), kind=st.sampled_from(["80/20", "75/15/10"]),
)  # fmt: skip
def test_in_each_repeat_every_row_validates_once_and_test_rows_never(train, valid, test, folds, repeats, kind):
    split = split_rows(train + valid + test, kind, 42, {"train": train, "valid": valid, "test": test})
    pool = np.sort(np.concatenate([split.train, split.valid]))
    found = rows_of(read_plan(folds, repeats, None, None, None), split)
    assert len(found) == folds * repeats
    for each in found:
        assert np.array_equal(np.sort(np.concatenate([each.train, each.valid])), pool)
        assert np.array_equal(each.test, split.test)
    for start in range(0, len(found), folds):
        validating = np.concatenate([each.valid for each in found[start : start + folds]])
        assert np.array_equal(np.sort(validating), pool)
    if repeats > 1:
        assert set(found[0].valid) != set(found[folds].valid)


def test_folds_are_those_of_scikit_learn_in_another_order():
    split = split_rows(103)
    dealt = RepeatedKFold(n_splits=5, n_repeats=2, random_state=42).split(np.empty(103))
    found = rows_of(read_plan(5, 2, None, None, None), split)
    for mine, (train, valid) in zip(found, dealt, strict=True):
        assert (set(mine.train), set(mine.valid)) == (set(train), set(valid))
        assert mine.train.tolist() != sorted(mine.train)  # a model's first rows must not be of one class
        assert mine.valid.tolist() != sorted(mine.valid)


@pytest.mark.parametrize("size", [0.3, 1.0, 2.0])
def test_a_bootstrap_draws_with_replacement_and_validates_on_what_it_did_not_draw(size):
    split = split_rows(4000, "75/15/10")
    pool = np.concatenate([split.train, split.valid])
    found = rows_of(read_plan(None, None, 3, size, None), split)
    for each in found:
        assert len(each.train) == round(size * 3600)
        assert set(each.train) | set(each.valid) == set(pool)
        assert not set(each.train) & set(each.valid)
        assert len(each.valid) / 3600 == pytest.approx(np.exp(-size), abs=0.03)  # (1 - 1/n)^(size n)
        assert len(set(each.valid)) == len(each.valid)
        assert np.array_equal(each.test, split.test)
    assert len({tuple(each.train) for each in found}) == 3


def test_an_ensemble_keeps_the_split_and_begins_with_the_published_seeds():
    split = split_rows(50)
    plan = read_plan(None, None, None, None, 1000)
    seeds = [member.seed for member in plan.draw(7)]
    assert seeds[:3] == [97, 39, 22]
    assert sorted(seeds) == list(range(1000))
    for each in rows_of(read_plan(None, None, None, None, 3), split):
        assert each is split


@pytest.mark.parametrize("scheme", ["kfold", "bootstrap", "ensemble"])
def test_more_members_begin_with_those_of_fewer(scheme):
    def drawn(count):
        asked = {"kfold": (4, count, None, None, None), "bootstrap": (None, None, count, None, None)}
        return read_plan(*asked.get(scheme, (None, None, None, None, count))).draw(5)

    few, many = drawn(2), drawn(4)
    assert many[: len(few)] == few
    assert len({member.name for member in many}) == len(many)
    split = split_rows(60)
    for mine, other in zip(few, many, strict=False):
        assert np.array_equal(member_rows(split, mine, 42).train, member_rows(split, other, 42).train)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((5, None, 3, None, None), "--kfold and --bootstrap: at most one of --kfold, --bootstrap, --ensemble"),
        ((None, 2, None, None, None), "--repeats: belongs to --kfold, which is not given"),
        ((None, None, None, 1.0, 3), "--bootstrap-size: belongs to --bootstrap"),
        ((1, None, None, None, None), "--kfold: wants 2 to 1000 members, .* but got 1"),
        ((None, None, None, None, 1001), "--ensemble: wants 2 to 1000 members, .* but got 1001"),
        ((500, 3, None, None, None), "--repeats: wants at least 1, and 1000 members at most, but got 500 · 3"),
        ((5, 0, None, None, None), "--repeats: wants at least 1"),
        ((None, None, 3, 0.0, None), "--bootstrap-size: wants a share of the rows above 0, .* but got 0"),
    ],
)
def test_members_that_cannot_be_are_refused(asked, words):
    with pytest.raises(UsageError, match=words):
        read_plan(*asked)
    assert read_plan(None, None, None, None, None) is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((30, None, None, None, None), "k-fold: 30 folds need as many rows, but there are 20; ask for fewer folds"),
        ((12, None, None, None, None), r"fold-\d+ has 19 and 1 of 20; ask for fewer folds"),
        ((None, None, 3, 0.04, None), "draw-1 has 1 and 19 of 20; ask for another --bootstrap-size"),
        ((None, None, 3, 9.0, None), "draw-1 has 20 and 0 of 20; ask for another --bootstrap-size"),
    ],
)
def test_too_few_rows_for_a_member_are_refused(asked, words):
    with pytest.raises(UsageError, match=words):
        rows_of(read_plan(*asked), split_rows(20))
