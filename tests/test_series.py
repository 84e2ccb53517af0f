"""Time series: windows whose parts share no time, rows, samples as they are, and what is said of a bad file."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, parquet

from sparring.data import Split, load_dataset, member_rows, read_plan, split_dataset
from sparring.data.dataset import Dataset
from sparring.data.readers import series
from sparring.errors import DataError, UsageError

RNG = np.random.default_rng(0)


def read(path: Path, **options: Any) -> Dataset:
    return series.read(path, series.Options(**options))


def recording(folder: Path, times: int) -> Path:
    np.save(folder / "t.npy", RNG.normal(size=times))
    return folder / "t.npy"


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def times_of(data: Dataset, rows: np.ndarray) -> set[int]:
    """Every time that the windows in these rows hold."""
    length = data.shapes["series"][0]
    return {int(data.ids[row].removeprefix("time-")) + step for row in rows for step in range(length)}


def assert_apart(data: Dataset, split: Split) -> None:
    held = [times_of(data, rows) for rows in (split.train, split.valid, split.test)]
    assert all(one.isdisjoint(other) for one, other in combinations(held, 2))


# -- windows of a recording -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "npy"])
def test_windows_are_cut_from_a_recording(tmp_path, suffix):
    values = np.stack([np.arange(400.0), -np.arange(400.0)], axis=1)
    path = tmp_path / f"t.{suffix}"
    table = arrow.table({"a": values[:, 0], "b": values[:, 1]})
    if suffix == "npy":
        np.save(path, values)
    elif suffix == "tsv":
        path.write_text("a\tb\n" + "\n".join(f"{a:g}\t{b:g}" for a, b in values))
    else:
        (parquet.write_table if suffix == "parquet" else csv.write_csv)(table, path)
    data = read(path, length=16, stride=4)
    assert data.shapes == {"series": (16, 2)}
    for row, name in enumerate(data.ids):
        first = int(name.removeprefix("time-")) - 1
        np.testing.assert_array_equal(data.fields["series"][row], values[first : first + 16])
    if suffix != "npy":
        assert read(path, length=16, stride=4, columns=("b",)).shapes == {"series": (16, 1)}


@given(
    times=st.integers(20, 3000), length=st.integers(2, 60), stride=st.integers(1, 40),
    valid=st.floats(0, 0.5), test=st.floats(0, 0.45),
)  # fmt: skip
def test_no_time_lies_in_two_parts_and_no_part_is_too_small(times, length, stride, valid, test):
    options = series.Options(length=length, stride=stride, valid_share=valid, test_share=test)
    try:
        starts, parts = series.cut(times, options)
    except DataError:
        return  # too short for its parts: refused, which others here look at
    assert (starts + length <= times).all()
    assert sum(parts.values()) == len(starts)
    assert parts["train"] >= 10
    assert parts["valid"] >= 2
    assert ("test" in parts) == (test > 0)
    borders = np.cumsum([0, *parts.values()])
    spans = [(starts[a], starts[b - 1] + length) for a, b in pairwise(borders)]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_recordings_parts_are_kept_by_the_split(tmp_path):
    data = read(recording(tmp_path, 1000), length=10, stride=2)
    assert list(data.parts) == ["train", "valid", "test"]
    split = split_dataset(data)
    first = {part: min(int(data.ids[row][5:]) for row in getattr(split, part)) for part in data.parts}
    assert first == {"train": 1, "valid": 751, "test": 901}


@pytest.mark.parametrize(("times", "part", "share", "longest"), [(500, "train", 375, 43), (800, "valid", 120, 80)])
def test_a_recording_too_short_for_its_parts_is_refused_with_a_length_that_does(tmp_path, times, part, share, longest):
    """Drawn at random instead, 3 of 3 validation windows of 800 times would overlap those that train."""
    message = refusal(load_dataset, "series", recording(tmp_path, times))
    assert f"{part} needs at least" in message
    assert f"windows of 128 times, one every 32, so {416 if part == 'train' else 160} times" in message
    assert f"its share of {times} is {share}; --set data.length={longest}, or " in message
    data = load_dataset("series", tmp_path / "t.npy", {"length": longest})
    assert_apart(data, split_dataset(data))
    assert "needs at least" in refusal(load_dataset, "series", tmp_path / "t.npy", {"length": longest + 1})


@pytest.mark.parametrize(
    ("times", "options", "words"),
    [
        (
            700,
            {},
            "valid needs at least 2 windows .* so 160 times, but its share of 700 is 105; .*, or raise valid_share",
        ),
        (1100, {}, "test needs at least 1 window of .* so 128 times, .* of 1100 is 110; .*, or give test_share=0"),
        (2000, {"valid_share": 0.0}, "valid needs .* of 2000 is 0; shorten length and stride, or raise valid_share"),
        (20, {}, "train needs at least 10 windows .* but its share of 20 is 15; shorten .*, or record more"),
    ],
)
def test_the_part_that_is_too_short_says_what_else_would_do(tmp_path, times, options, words):
    assert re.search(f"t.npy: {words}", refusal(read, recording(tmp_path, times), **options))


@pytest.mark.parametrize("kind", ["80/20", "75/15/10"])
@pytest.mark.parametrize("options", [{}, {"test_share": 0.0}], ids=["with a test", "without"])
def test_under_either_split_no_window_overlaps_one_of_another_part(tmp_path, kind, options):
    data = read(recording(tmp_path, 1500), **options)
    split = split_dataset(data, kind)
    assert len(split.train) >= 10
    assert len(split.valid) >= 2
    assert (len(split.test) > 0) == (not options)
    assert_apart(data, split)


@pytest.mark.parametrize(
    "asked", [(3, None, None, None, None), (None, None, 2, None, None)], ids=["kfold", "bootstrap"]
)
def test_windows_are_not_dealt_anew_to_members(tmp_path, asked):
    data = read(recording(tmp_path, 1500))
    split = split_dataset(data)
    (member, *_) = read_plan(*asked).draw(0)
    with pytest.raises(UsageError, match=r"must not overlap, but these are windows of one recording.*an --ensemble"):
        member_rows(split, member, 42)
    (member, *_) = read_plan(None, None, None, None, 2).draw(0)
    assert member_rows(split, member, 42) is split


def test_rows_that_overlap_need_parts(tmp_path):
    data = read(recording(tmp_path, 1500))
    with pytest.raises(DataError, match=r"rows that overlap need parts cut in time, but got \{\}"):
        replace(data, parts={})


# -- series that are samples ------------------------------------------------------------------------------------------


def test_rows_of_the_ucr_archive_are_series_and_their_class_is_left_out(tmp_path):
    values = RNG.normal(size=(12, 30)).round(6)
    path = tmp_path / "CBF_TRAIN.tsv"
    path.write_text("\n".join("\t".join([f"{row % 3 + 1}", *map(str, each)]) for row, each in enumerate(values)))
    data = read(path, form="rows", label=True, header=False)
    assert data.shapes == {"series": (30, 1)}
    np.testing.assert_allclose(data.fields["series"][:, :, 0], values, rtol=1e-6)
    two = read(path, form="rows", label=True, header=False, channels=2)
    np.testing.assert_allclose(two.fields["series"][4, :, 1], values[4, 15:], rtol=1e-6)
    message = refusal(read, path, form="rows", header=False, channels=7)
    assert "7 channels of equal length, at least 2 times each, must fill a row, but it has 31 values" in message


def test_an_array_of_samples_is_taken_as_it_is(tmp_path):
    values = RNG.normal(size=(12, 20, 3)).astype(np.float32)
    np.save(tmp_path / "t.npy", values)
    for options in ({}, {"form": "rows"}):
        data = read(tmp_path / "t.npy", **options)
        np.testing.assert_array_equal(data.fields["series"], values)
        assert data.ids[::11] == ("series-1", "series-12")
        assert data.parts == {}
    message = refusal(read, tmp_path / "t.npy", length=5, form="windows")
    assert "is taken as it is, but its shape is (12, 20, 3) and the options form, length were given" in message
    np.save(tmp_path / "t.npy", values[:, :1])
    assert "at least 2 times and 1 channel, but got an array (12, 1, 3)" in refusal(read, tmp_path / "t.npy")


def test_bad_series_are_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.array([{}], dtype=object))
    assert "expected a .npy of plain numbers" in refusal(read, tmp_path / "t.npy")
    np.save(tmp_path / "t.npy", np.zeros((2, 2, 2, 2)))
    assert "(N, times, channels) of samples, but got float64 of shape (2, 2, 2, 2)" in refusal(read, tmp_path / "t.npy")
    with pytest.raises(ValueError, match="must leave something to train on"):
        series.Options(valid_share=0.5, test_share=0.5)
