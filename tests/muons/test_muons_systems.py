"""What every muon system owes the training loop, its verbs, and that it learns."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from support.muons import SMALL, make, solo, take
from torch import nn

from sparring.data import load_dataset, split_rows
from sparring.data.physics.kinematics import HIGH, LOW, to_polar
from sparring.models import find_model
from sparring.models.blocks.muon_frame import HalfNormalRanks, MuonFrame
from sparring.models.sums import add_up
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining

pytestmark = pytest.mark.slow  # all together


SYSTEMS = [
    ("auxgan", {}),
    ("auxgan", {"frame": "normal", "aux": "4d", "ramp_end": 10}),
    ("aux_aae", {}),
    ("boost_vae", {}),
    ("boost_vae", {"boost": "sample", "frame": "box"}),
    ("boost_vae", {"boost": "loss"}),
    *((name, {"auc_rows": 100}) for name in SMALL),
]


@pytest.mark.parametrize(("name", "fields"), SYSTEMS)
def test_figures_are_those_of_the_config_and_do_not_hang_on_batches(rows, name, fields):
    model = make(name, rows, **fields).eval()
    with torch.no_grad():
        whole = model.evaluate(**take(rows, name, slice(0, 300)))
        parts = [model.evaluate(**take(rows, name, piece)) for piece in (slice(0, 70), slice(70, 300))]
        again = model.evaluate(**take(rows, name, slice(0, 300)))
    assert all(total.equal(again[key]) for key, total in whole.items())
    figures = model.figures(whole)
    summed = model.figures(add_up(parts))
    assert summed == pytest.approx(figures, rel=2e-3, abs=1e-4)
    measured = {metric for metric in model.Config.metrics if metric.startswith("val/")}
    assert set(figures) == measured - (set() if "auc_rows" in fields else set(model.Config.optional))


@pytest.mark.parametrize(("name", "fields"), SYSTEMS)
def test_the_same_seed_gives_the_same_bits_and_a_checkpoint_resumes(rows, name, fields):
    first, second = solo(name, rows, **fields), solo(name, rows, **fields)
    figures = [first.run_epoch().metrics for _ in range(2)]
    config = find_model(name).Config
    assert set(figures[0]) == set(config.emitted()) - (set() if "auc_rows" in fields else set(config.optional))
    assert all(math.isfinite(value) for each in figures for value in each.values())
    assert second.run_epoch().metrics == figures[0]
    resumed = solo(name, rows, **fields)
    resumed.restore(second.save())
    assert resumed.run_epoch().metrics == figures[1]
    assert solo(name, rows, seed=4, **fields).run_epoch().metrics != figures[0]


@pytest.mark.parametrize("name", SMALL)
def test_what_was_fitted_comes_from_the_training_rows_and_travels_with_the_weights(rows, name):
    run_ = solo(name, rows)
    columns = {"auxgan": slice(0, 5), "aux_aae": slice(0, 4), "boost_vae": slice(4, 5)}[name]
    expected: dict[str, nn.Module] = {"ranks": HalfNormalRanks(columns.stop - columns.start)}
    expected["ranks"].fit(rows["rareness"][:800, columns])
    if name != "aux_aae":
        expected["frame"] = MuonFrame()
        expected["frame"].fit(rows["muons"][:800])
        assert run_.model.charged.item() == pytest.approx((rows["muons"][:800, 0] == 1).double().mean().item())
    for part, module in expected.items():
        for key, tensor in module.state_dict().items():
            assert run_.model.state_dict()[f"{part}.{key}"].equal(tensor), key
    other = make(name, {field: values[500:] for field, values in rows.items()}, seed=9)
    other.load_state_dict(run_.model.state_dict())
    (first,), (second,) = (model.sample(20, seed=0).values() for model in (run_.model, other))
    assert first.equal(second)


# -- verbs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "fields"), [each for each in SYSTEMS if each[0] != "aux_aae"])
def test_samples_are_muons_in_raw_units_within_the_box(rows, name, fields):
    model = make(name, rows, **fields)
    sample = model.sample(300, seed=0)["muons"]
    assert model.training
    assert sample.shape == (300, 7)
    assert set(sample[:, 0].tolist()) == {-1.0, 1.0}
    polar = to_polar(sample.numpy())
    assert ((polar >= LOW - 1e-3) & (polar <= HIGH + 1e-3)).all()
    assert sample.equal(model.sample(300, seed=0)["muons"])
    assert not sample.equal(model.sample(300, seed=1)["muons"])


def test_reconstructions_come_back_in_raw_units(rows):
    model = make("boost_vae", rows)
    # A pair of nets that hand the columns through: what comes back must be what went in.
    model.encoder = nn.Sequential(nn.Linear(6, 12))
    model.decoder = nn.Identity()
    with torch.no_grad():
        model.encoder[0].weight.copy_(torch.cat([torch.eye(6), torch.zeros(6, 6)]))
        model.encoder[0].bias.zero_()
    back = model.reconstruct(rows)["muons"]
    torch.testing.assert_close(back, rows["muons"], rtol=1e-4, atol=1e-3)
    coder = make("aux_aae", rows)
    coder.encoder, coder.decoder = nn.Identity(), nn.Identity()
    torch.testing.assert_close(coder.reconstruct(rows)["rareness"], rows["rareness"][:, :4], rtol=1e-4, atol=0)
    drawn = coder.sample(2000, seed=0)["rareness"]
    for column in range(4):
        middle = rows["rareness"][:, column].median()
        assert 0.4 < (drawn[:, column] < middle).double().mean() < 0.6


# -- learning ---------------------------------------------------------------------------------------------------------


def test_the_gan_learns():
    data = load_dataset("muons", options={"n": 2500, "reference": 1000})
    split = split_rows(len(data))
    model_class = find_model("auxgan")
    part = {
        key: {field: torch.tensor(data.fields[field][getattr(split, key)]) for field in ("muons", "rareness")}
        for key in ("train", "valid")
    }
    small = {"aux_steps": 200, "hidden_gen": (64, 64), "hidden_dis": (64, 64), "noise": 20}
    solo = TrialTraining(
        model_class,
        model_class.Config(**{**SMALL["auxgan"], **small, "lr_gen": 1e-3, "lr_dis": 1e-3}),
        part["train"],
        part["valid"],
        trial=Trial(number=0, params={}, seed=0),
        objective=Objective(metric="val/distance"),
    )
    figures = [solo.run_epoch().metrics["val/distance"] for _ in range(12)]
    assert min(figures[-3:]) < 0.6 * figures[0]
    assert figures[0] < 1


SPARRED: dict[str, tuple[dict[str, Any], float]] = {
    "softplus": ({"hidden_gen": (64, 64), "batch_size": 250, "steps_per_epoch": 750, "w_adv": 0.3}, 0.02),
    "relu": ({"hidden_gen": (64, 64, 64), "batch_size": 500, "steps_per_epoch": 1000, "w_adv": 0.2}, -0.01),
}
"""By kind of code: how it is trained, and by how much the trees' area then falls at least. Seed 0 gave 0.037 and 0.0015
(0.579 for the values themselves, standard error 0.005): trees see how ReLU's codes pile up at 0, so of them it
is only asked that the area does not rise by more than two errors."""


@pytest.mark.parametrize("code", SPARRED)
def test_codes_are_more_independent_and_more_half_normal_than_the_values_themselves(code):
    fields, gain = SPARRED[code]
    data = load_dataset("muons", options={"n": 20_000})
    split = split_rows(len(data))
    train, valid = (
        {"rareness": torch.from_numpy(data.fields["rareness"][part])} for part in (split.train, split.valid)
    )
    rates = {"lr_gen": 1e-3, "lr_dis": 6e-3, "lr_schedule": "cosine", "beta1": 0.5, "hidden_dis": (64, 64)}
    run_ = TrialTraining(
        find_model("aux_aae"),
        find_model("aux_aae").Config(code=code, epochs=4, auc_rows=4000, dropout=0.0, **rates, **fields),
        train,
        valid,
        trial=Trial(number=0, params={}, seed=0),
        objective=Objective(metric="val/code_score"),
    )
    codes = [run_.run_epoch().metrics for _ in range(4)][-1]
    run_.model.encoder, run_.model.decoder = nn.Identity(), nn.Identity()
    values = run_.evaluate()
    assert values["val/correlation"] > 0.3
    assert codes["val/correlation"] < 0.25 * values["val/correlation"]
    assert codes["val/code_score"] < 0.5 * values["val/code_score"]
    assert values["val/auc"] > 0.57
    assert codes["val/auc"] < values["val/auc"] - gain
    assert codes["val/share_recon"] < 0.05
