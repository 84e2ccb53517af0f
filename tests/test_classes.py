"""Autoencoders that are told classes: a class-conditional decoder, and an encoder that learns them from few rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sparring.data import load_dataset
from sparring.errors import DataError, SpaceError, UsageError
from sparring.models import find_model
from sparring.models.classes import balanced
from sparring.records import Objective, Trial
from sparring.study import prepare
from sparring.training.loop import TrialTraining

CLASSES = 10
SMALL = {
    "hidden_size": 64, "hidden_size_dis": 32, "latent_dim": 2, "batch_size": 50, "lr_gen": 3e-3, "lr_dis": 1e-3,
    "adv_share": 0.02,
}  # fmt: skip


def rows_of(data, rows: slice) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(values[rows])) for name, values in data.fields.items()}


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits").with_label()
    return rows_of(data, slice(1200)), rows_of(data, slice(1200, 1500))


def training(digits, epochs: int, **fields) -> TrialTraining:
    model = find_model("mlp_aae")
    objective = Objective(metric="val/score", goal="minimize")
    config = model.Config(epochs=epochs, **SMALL, **fields)
    run = TrialTraining(model, config, *digits, trial=Trial(number=0, params={}, seed=0), objective=objective)
    for _ in range(epochs):
        run.run_epoch()
    return run


@pytest.fixture(scope="module")
def conditional(digits) -> TrialTraining:
    return training(digits, 20, classes=CLASSES)


@pytest.fixture(scope="module")
def taught(digits) -> TrialTraining:
    return training(digits, 10, classes=CLASSES, labelled_rows=100)


def test_the_first_rows_of_each_class_in_turn_are_the_labelled_ones():
    label = torch.tensor([2, 0, 0, 1, 2, 0, 1])
    assert balanced(label, 3, 3).tolist() == [0, 1, 3]
    assert balanced(label, 3, 5).tolist() == [0, 1, 2, 3, 6]
    assert balanced(label, 3, 99).tolist() == list(range(7))


def test_draws_of_a_class_look_like_its_rows(digits, conditional):
    train, model = digits[0], conditional.model
    means = torch.stack([model.targets(train["image"][train["label"] == k]).mean(0) for k in range(CLASSES)])
    found = []
    for label in range(CLASSES):
        made = model.sample_class(64, seed=3, label=label)["image"].mean(0)
        found.append(int((means - made).square().flatten(1).sum(1).argmin()))
    assert sum(number == label for label, number in enumerate(found)) >= 8
    assert not model.sample_class(8, seed=3, label=1)["image"].equal(model.sample_class(8, seed=3, label=2)["image"])


def test_codes_of_a_conditional_model_say_less_of_the_class(digits, conditional):
    plain = training(digits, 20)
    told = {"told": conditional, "plain": plain}
    train, valid = digits
    hits = {}
    for name, run in told.items():
        with torch.no_grad():
            known, asked = (run.model.eval().encode_x(run.model.view(rows["image"]))[0] for rows in (train, valid))
        nearest = torch.cdist(asked, known).argmin(1)
        hits[name] = float((train["label"][nearest] == valid["label"]).double().mean())
    assert hits["told"] < hits["plain"] - 0.2


def test_validation_knows_the_class_and_verbs_take_the_one_that_fits_best(digits, conditional):
    model, rows = conditional.model.eval(), {name: values[:40] for name, values in digits[1].items()}
    with torch.no_grad():
        x = model.view(rows["image"])
        code = model.encode_x(x)[0]
        every = torch.stack(
            [model.decode(torch.cat([code, model.one_hot(torch.full((40,), k), code)], 1)) for k in range(CLASSES)]
        )
        of_label = every[rows["label"], torch.arange(40)]
        errors = (every - x).square().mean(2)
        of_best = every[errors.argmin(0), torch.arange(40)]
        sums = model.evaluate(**rows)
    truth = (model.unview(of_label) - model.unview(x)).square().flatten(1).mean(1).sum()
    torch.testing.assert_close(sums["mse_recon"], truth)
    torch.testing.assert_close(model.reconstruct(rows)["image"], model.unview(of_best))
    codes = model.codes(rows)["codes"]
    assert codes.shape == (40, SMALL["latent_dim"] + CLASSES)
    torch.testing.assert_close(model.decoded(codes)["image"], model.reconstruct(rows)["image"])


def test_a_hundred_labels_teach_the_encoder_classes(digits, taught):
    figures = taught.history[-1]["metrics"]
    valid = digits[1]
    shares = taught.model.codes(valid)["codes"][:, -CLASSES:]
    torch.testing.assert_close(shares.sum(1), torch.ones(len(shares)))
    assert len(taught.model.known) == 100
    assert taught.model.known_label.bincount().tolist() == [10] * CLASSES
    assert figures["val/accuracy"] == pytest.approx(float((shares.argmax(1) == valid["label"]).double().mean()))
    assert figures["val/accuracy"] > 0.6  # ten classes: chance is 0.1


def test_no_phase_is_given_a_class_where_labels_are_few(digits, taught):
    model = taught.model
    assert [model.wants(phase.name) for phase in model.config.active_phases] == [("x",)] * 3
    chosen = balanced(digits[0]["label"], CLASSES, 100)
    assert model.known.equal(digits[0]["image"][chosen])


def test_without_classes_a_system_is_as_before(digits):
    model = training(digits, 1).model
    assert [model.wants(phase.name) for phase in model.config.active_phases] == [("x",)] * 2
    assert model.critic[0].in_features == SMALL["latent_dim"]
    with pytest.raises(UsageError, match=r"--label: the model was trained without classes"):
        model.sample_class(2, seed=0, label=1)


def test_what_does_not_fit_is_refused(digits, conditional):
    with pytest.raises(SpaceError, match=r"labelled_rows teaches the encoder classes, but classes is not set"):
        prepare("mlp_aae", dataset="digits", settings=["labelled_rows=50"])
    with pytest.raises(SpaceError, match=r"one row of each class or more, but got 5 for 10 classes"):
        prepare("mlp_aae", dataset="digits", settings=["classes=10", "labelled_rows=5"])
    with pytest.raises(UsageError, match=r"classes: data set digits has 10, but got 9; set classes to 10"):
        prepare("mlp_aae", dataset="digits", settings=["classes=9"])
    with pytest.raises(UsageError, match=r"classes needs the class of each row, but data set ring-downs says none"):
        prepare("aae_series", dataset="ring-downs", settings=["classes=3"])
    with pytest.raises(DataError, match=r"classes: the class of each training row is needed, but the data say none"):
        conditional.model.prepare({"image": digits[0]["image"]})
    with pytest.raises(UsageError, match=r"--label: wants a class from 0 to 9, but got 10"):
        conditional.model.sample_class(2, seed=0, label=10)
