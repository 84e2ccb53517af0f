"""The figures of samples that are off unless asked for: faults are planted, held-out real rows pass."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from support.systems import Setting
from torch import Tensor

from sparring.data import load_dataset, split_rows
from sparring.errors import DataError, UsageError
from sparring.models import find_model
from sparring.models.config import SAMPLE_FIGURES, SERIES_FIGURES
from sparring.models.metrics.mmd import SampleMatch
from sparring.models.metrics.neighbours import NEAR, WIDE
from sparring.models.metrics.sample_figures import SampleFigures
from sparring.models.metrics.series_match import wave_sums
from sparring.report.yardsticks import Task, measure
from sparring.study import prepare

SETS = ("digits", "shapes", "ring-downs")
SYSTEMS = ("mlp_aae", "aae", "aae_series", "advvae")
ROWS = 150


def rows_of(name: str, **options: Any) -> Tensor:
    data = load_dataset(name, options={"n": 1800, **options} if name != "digits" else {})
    rows = torch.from_numpy(next(iter(data.fields.values())).astype(np.float32))
    return rows / 255 if name != "ring-downs" else rows


@cache
def parts(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Training and validation rows, and rows that nobody has seen: perfect samples."""
    rows = rows_of(name)
    split = split_rows(len(rows))
    half = len(split.train) // 2
    return rows[split.train[:half]], rows[split.valid], rows[split.train[half:]][: 2 * ROWS]


def samples(name: str, fault: str) -> Tensor:
    known, _, fresh = parts(name)
    rng = np.random.default_rng(0)
    if fault == "copies":
        return known[rng.choice(len(known), 2 * ROWS)]
    if fault == "half copies":
        return torch.stack([known[:ROWS], fresh[:ROWS]], 1).flatten(0, 1)
    if fault == "prototypes":
        return fresh[rng.integers(50, size=2 * ROWS)]
    if fault == "components":
        fitted = PCA(15, random_state=0).fit(known.flatten(1).numpy())
        codes = rng.normal(size=(2 * ROWS, 15)) * np.sqrt(fitted.explained_variance_)
        return torch.from_numpy(fitted.inverse_transform(codes).astype(np.float32)).reshape(-1, *known.shape[1:])
    if fault == "still":
        split = split_rows(1800)
        return rows_of(name, noise=0.0)[split.train[len(known) :]][: 2 * ROWS]
    return fresh


@cache
def figures(name: str, fault: str) -> dict[str, float]:
    known, valid, _ = parts(name)
    judge = SampleFigures(tuple(known.shape[1:]), ROWS, 2 * ROWS)
    judge.fit([known], 4)
    return judge.figures({key: total.double() for key, total in judged(judge, valid, samples(name, fault)).items()})


def judged(judge: SampleFigures, valid: Tensor, made: Tensor) -> dict[str, Tensor]:
    return {**judge.sums(valid, made), "n": torch.tensor(float(len(valid)))}


def discrepancy(name: str, fault: str) -> float:
    """``val/mmd_sample`` of as many samples as an epoch compares."""
    known = parts(name)[0].flatten(1)
    match = SampleMatch(known.shape[1])
    match.fit([known], known.var(0).mean())
    return float(match(samples(name, fault)[:256].flatten(1)))


# -- what they see ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_held_out_real_rows_pass(name):
    found = figures(name, "none")
    assert set(found) == set(SERIES_FIGURES if name == "ring-downs" else SAMPLE_FIGURES)
    assert 0.42 < found["val/auc"] < 0.58
    assert found["val/precision"] > 0.75
    assert found["val/recall"] > 0.75
    assert 0.85 < found["val/density"] < 1.15
    assert 0.94 < found["val/coverage"] <= 1
    assert found["val/copies"] < 0.12
    if name == "ring-downs":
        assert found["val/spectrum"] < 0.8
        assert found["val/autocorrelation"] < 0.03


@pytest.mark.parametrize("name", SETS)
def test_copies_of_training_rows_are_seen_where_the_discrepancy_sees_a_match(name):
    assert discrepancy(name, "copies") < 0.003
    assert figures(name, "copies")["val/copies"] == 1
    assert figures(name, "half copies")["val/copies"] > 0.48


@pytest.mark.parametrize("name", SETS)
def test_fifty_prototypes_cover_little(name):
    found = figures(name, "prototypes")
    assert found["val/recall"] < 0.2
    assert found["val/coverage"] < 0.6
    assert found["val/precision"] > 0.7, "each is a real row"


@pytest.mark.parametrize("name", SETS)
def test_a_gaussian_on_principal_components_is_told_and_lies_off_the_data(name):
    assert discrepancy(name, "components") < 0.015
    found = figures(name, "components")
    assert found["val/auc"] > 0.9
    assert found["val/precision"] < figures(name, "none")["val/precision"] - 0.05
    if name == "ring-downs":  # there they crowd where the data are dense, and lack what is faint
        assert found["val/spectrum"] > 6
    else:
        assert found["val/density"] < 0.7
        assert found["val/coverage"] < 0.8


def test_series_without_their_noise_lack_a_part_of_the_spectrum():
    assert discrepancy("ring-downs", "still") < 0.003
    found = figures("ring-downs", "still")
    assert found["val/spectrum"] > 6
    assert found["val/auc"] > 0.65


# -- what they are ----------------------------------------------------------------------------------------------------


def test_neighbours_are_those_of_a_slower_method():
    rng = np.random.default_rng(0)
    known, valid, made = rng.normal(size=(90, 3)), rng.normal(size=(70, 3)), rng.normal(0.4, 0.8, size=(60, 3))
    judge = SampleFigures((3,), None, 60)
    judge.fit([torch.tensor(known)], 2)
    found = judge.figures(judged(judge.double(), torch.tensor(valid), torch.tensor(made)))

    spread = known.std(0)
    known, valid, made = known / spread, valid / spread, made / spread
    centres = known[np.linspace(0, 89, 60).astype(int)]

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([[math.dist(one, other) for other in b] for one in a])

    reach = np.sort(apart(centres, centres))[:, NEAR], np.sort(apart(made, made))[:, NEAR]
    wide = np.sort(apart(valid, centres))[:, WIDE - 1]
    inside = apart(valid, made) < wide[:, None]
    own, other = apart(valid, known).min(1), apart(made, known).min(1)
    assert found == pytest.approx(
        {
            "val/precision": np.mean([(row < reach[0]).any() for row in apart(made, centres)]),
            "val/recall": np.mean([(row < reach[1]).any() for row in apart(valid, made)]),
            "val/density": inside.sum() / WIDE / 70,
            "val/coverage": inside.any(1).mean(),
            "val/copies": np.mean([(own < one).mean() < 0.05 for one in other]),
        },
        abs=1e-6,
    )


def test_waves_are_those_of_the_textbook():
    series = torch.randn(5, 20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = wave_sums(series)
    one = series[:, :, 1].numpy()
    wanted = np.zeros(10)
    for row in one - one.mean(1, keepdims=True):
        wanted += [(row[lag:] * row[:-lag]).sum() / (row @ row) for lag in range(1, 11)]
    assert found["acf"][:, 1].numpy() == pytest.approx(wanted)
    angles = 2j * np.pi * np.outer(np.arange(11), np.arange(20)) / 20
    assert found["power"][:, 1].numpy() == pytest.approx((abs(one @ np.exp(angles).T) ** 2 / 20).sum(0))


def test_twice_as_loud_is_six_decibels():
    _, valid, _ = parts("ring-downs")
    judge = SampleFigures(tuple(valid.shape[1:]), None, len(valid))
    judge.fit([valid], 4)
    found = judge.figures(judged(judge, valid, 2 * valid))
    assert found["val/spectrum"] == pytest.approx(
        20 * math.log10(2), abs=1e-3
    )  # less at most what a silent frequency is given
    assert found["val/autocorrelation"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", SETS)
def test_batches_add_up(name):
    known, valid, fresh = parts(name)
    judge = SampleFigures(tuple(known.shape[1:]), 40, 60).double()
    judge.fit([known.double()], 4)
    whole = judged(judge, valid.double(), fresh[:80].double())
    pieces = [judged(judge, piece, fresh[:80].double()) for piece in valid.double().split(70)]
    for key, total in whole.items():
        torch.testing.assert_close(sum(piece[key] for piece in pieces), total, rtol=1e-9, atol=1e-9)


def test_images_are_compared_at_sixteen_pixels_and_series_at_128_times():
    assert SampleFigures((3, 64, 48), 20, 20).flat(torch.rand(2, 3, 64, 48)).shape == (2, 3 * 16 * 16)
    assert SampleFigures((700, 4), 20, 20).flat(torch.rand(2, 700, 4)).shape == (2, 128 * 4)


def test_what_is_not_finite_has_no_figure_and_too_few_rows_are_refused():
    known, valid, fresh = parts("ring-downs")
    judge = SampleFigures(tuple(known.shape[1:]), 20, 30)
    judge.fit([known], 4)
    broken = fresh[:40].clone()
    broken[3, 5] = math.nan
    assert all(math.isnan(value) for value in judge.figures(judged(judge, valid, broken)).values())
    for rows in ({"auc_rows": 20, "sample_rows": None}, {"auc_rows": None, "sample_rows": 20}):
        with pytest.raises(DataError, match=r"(auc|sample)_rows: .* at least 20 training rows, but got 19"):
            SampleFigures(tuple(known.shape[1:]), **rows).fit([known[:19]], 4)


# -- in a system ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SYSTEMS)
def test_measuring_them_changes_nothing_else_and_they_are_off_by_default(name):
    config = find_model(name).Config
    on = Setting(name).training(auc_rows=30, sample_rows=40).run_epoch().metrics
    off = Setting(name).training().run_epoch().metrics
    wanted = {figure for figure, field in config.optional.items() if field in ("auc_rows", "sample_rows")}
    assert wanted == set(SERIES_FIGURES if name == "aae_series" else SAMPLE_FIGURES)
    assert set(on) - set(off) == wanted
    assert {metric: on[metric] for metric in off} == off


def test_as_objectives_they_have_to_be_switched_on(tmp_path):
    with pytest.raises(UsageError, match=r"val/coverage is measured only where sample_rows is set.*--set sample_rows"):
        prepare("aae", objectives=["val/coverage"], results=tmp_path)
    study = prepare(
        "aae_series",
        objectives=["val/auc", "val/copies", "val/spectrum"],
        settings=["auc_rows=100", "sample_rows=100"],
        results=tmp_path,
    )
    assert [each.goal for each in study.spec.objectives] == ["minimize"] * 3


@pytest.mark.slow
def test_plain_methods_are_measured_by_them_too(tmp_path):
    data = load_dataset("digits")
    config = find_model("mlp_aae").Config(latent_dim=15, encoder="deterministic", auc_rows=200, sample_rows=300)
    found, complaints = measure(
        Task(model="mlp_aae", config=config, fields={"image": data.fields["image"]}, split=split_rows(len(data)))
    )
    assert complaints == []
    (linear,) = [each for each in found if each.name.startswith("PCA")]
    assert linear.figure("val/mmd_sample") < 0.01
    assert linear.figure("val/auc") > 0.9
    assert linear.figure("val/coverage") < 0.75
