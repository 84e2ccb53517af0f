"""How well an AdvVAE's scores tell foreign images, as a figure of every epoch; and the embedded set to tell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score

from sparring.data import load_dataset, read_card
from sparring.data.foreign import ROWS, read_foreign
from sparring.errors import UsageError
from sparring.models.advvae import AdvVAE
from sparring.models.advvae_config import Config
from sparring.models.foreign import Foreign
from sparring.study import prepare

SMALL = {"image_size": 8, "hidden_dims": (4,), "hidden_dims_dis": (4,), "latent_dim": 3}


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    return torch.from_numpy(load_dataset("digits").fields["image"][:120].copy())


def trained(digits: torch.Tensor, **fields: object) -> AdvVAE:
    torch.manual_seed(3)
    model = AdvVAE(Config(**{**SMALL, "out_dataset": "patches", **fields}), {"image": (1, 8, 8)})
    model.prepare({"image": digits})
    return model.eval()


def test_patches_are_the_photographs_in_squares():
    data = load_dataset("patches")
    assert data.fields["image"].shape == (520, 3, 32, 32)
    assert read_card("patches").fields["image"].shape == (3, 32, 32)
    china, flower = load_sample_images().images
    row = data.ids.index("flower-032-064")
    assert np.array_equal(data.fields["image"][row], flower[32:64, 64:96].transpose(2, 0, 1))
    assert np.array_equal(data.fields["image"][0], china[:32, :32].transpose(2, 0, 1))
    assert load_dataset("patches", options={"side": 16}).shapes == {"image": (3, 16, 16)}


@torch.no_grad()
def test_each_auroc_is_scikit_learns(digits):
    model = trained(digits)
    own, foreign = model.score(digits), model.score(torch.from_numpy(read_foreign("patches")))
    sums = {name: float(value) for name, value in model.evaluate(image=digits).items()}
    figures = model.figures(sums)
    for name, values in own.items():
        labels = [0] * len(digits) + [1] * 520
        expected = roc_auc_score(labels, torch.cat([values, foreign[name]]).numpy())
        assert figures[f"val/auroc_{name}"] == pytest.approx(expected, abs=1e-12)
    assert 0 < figures["val/auroc_discriminator"] < 1


def test_it_adds_up_however_rows_come_in_batches(digits):
    model = trained(digits)
    whole = model.foreign.sums(model.score, digits)
    parts = [model.foreign.sums(model.score, rows) for rows in digits.split([50, 7, 63])]
    for name, value in whole.items():
        assert float(value) == pytest.approx(float(sum(part[name] for part in parts)), rel=1e-12)


def test_ties_count_half():
    foreign = Foreign("patches")
    constant = foreign.sums(lambda rows: {"flat": torch.zeros(len(rows))}, torch.zeros(4, 1, 8, 8))
    assert float(constant["auroc_flat"]) == 2.0


def test_without_another_set_nothing_is_measured_and_weights_are_the_models_alone(digits):
    plain, told = trained(digits, out_dataset=None), trained(digits)
    assert not [name for name in plain.evaluate(image=digits) if name.startswith("auroc")]
    assert plain.state_dict().keys() == told.state_dict().keys()
    assert set(Config.emitted()) >= {f"val/{name}" for name in told.evaluate(image=digits) if name.startswith("auroc")}


def test_at_most_so_many_are_drawn_the_same_each_time(monkeypatch):
    read_foreign.cache_clear()
    assert len(read_foreign("digits")) == ROWS
    first = read_foreign("digits")
    read_foreign.cache_clear()
    assert np.array_equal(first, read_foreign("digits"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["out_dataset=muons"], r"out_dataset: muons holds .*, no image; choose a set of images"),
        (["out_dataset=patchs"], r"out_dataset: .*no data set 'patchs'"),
        ([], r"val/auroc_discriminator is measured only where out_dataset is set, .*; add --set out_dataset=…"),
    ],
)
def test_what_cannot_be_told_is_refused_before_anything_starts(tmp_path, settings, words):
    with pytest.raises(UsageError, match=words):
        prepare("advvae", objectives=["val/auroc_discriminator"], settings=settings, results=tmp_path)


def test_a_search_may_be_led_by_it(tmp_path):
    names = ["val/auroc_discriminator", "val/mse_recon"]
    study = prepare("advvae", objectives=names, settings=["out_dataset=patches"], results=tmp_path)
    assert [(each.metric, each.goal) for each in study.spec.objectives] == [
        (names[0], "maximize"),
        (names[1], "minimize"),
    ]
