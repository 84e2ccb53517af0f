"""Weights averaged over the steps: what the average is, who sees it, and that training does not notice."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from support.systems import Setting
from torch import nn

from sparring.models import model_names
from sparring.models.base import Model, Step
from sparring.models.config import Config, Phase
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining
from sparring.training.moving_average import MovingAverage
from sparring.training.single import train_single


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


# -- what it is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.3, 0.9999])
def test_it_is_the_weighted_mean_of_the_weights_it_looked_at(decay):
    """Epochs of six steps: looked at are steps 4 and 6, 10 and 12, and so on; written out as a sum, in numpy."""
    rng = np.random.default_rng(0)
    net = nn.Linear(3, 2).double()
    average = MovingAverage(net, decay, steps_per_epoch=6)
    seen, kept, before = [], [], 0
    for step in range(30):
        weights = rng.standard_normal((2, 3))
        net.weight.data.copy_(torch.from_numpy(weights))
        average.update(step)
        done = step + 1
        if done % 6 in (4, 0):
            new, before = done - before, done
            seen.append(weights)
            kept.append(min(decay**new, (1 - new / done) ** 9))
    shares = [(1 - kept[k]) * math.prod(kept[k + 1 :]) for k in range(len(seen))]
    assert math.isclose(sum(shares), 1)
    expected = sum(share * weights for share, weights in zip(shares, seen, strict=True))
    np.testing.assert_allclose(average.state()["weight"].numpy(), expected, rtol=1e-12)


def test_a_training_of_few_steps_does_not_remember_its_first_weights():
    net = nn.Linear(1, 1)
    average = MovingAverage(net, 0.9999, steps_per_epoch=20)
    for step in range(20):
        net.weight.data.fill_(0.0 if step else 1e6)
        average.update(step)
    assert abs(float(average.state()["weight"])) < 1e-6


def test_frozen_weights_and_statistics_are_left_out():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    net[0].requires_grad_(False)
    net[1].eval().requires_grad_(False)
    names = set(MovingAverage(net, 0.9, 10).state())
    assert names == {"2.weight", "2.bias", "3.weight", "3.bias", "3.running_mean", "3.running_var"}


# -- who sees it ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=model_names())
def setting(request: pytest.FixtureRequest) -> Setting:
    return Setting(request.param)


def test_training_goes_on_as_if_nothing_were_averaged(setting):
    """Also without it nothing is added to a checkpoint: off is what there was before."""
    plain, averaged = setting.training(ema=0.0), setting.training(ema=0.99)
    for training in (plain, averaged):
        rows = [training.run_epoch().metrics for _ in range(2)]
        training.told = [{k: v for k, v in row.items() if k.startswith("train/")} for row in rows]
    assert plain.told == averaged.told
    assert same(plain.model.state_dict(), averaged.model.state_dict())
    assert b"average." not in plain.save()
    assert b"average." in averaged.save()


def test_figures_and_the_best_epoch_are_of_the_average(setting):
    training = setting.training(ema=0.99)
    metrics = [training.run_epoch().metrics for _ in range(2)][-1]
    own = training.evaluate()
    with training.weights_to_judge():
        judged, held = training.evaluate(), {k: v.clone() for k, v in training.model.state_dict().items()}
    assert judged == {name: metrics[name] for name in judged} != own
    assert training.best.epoch != 2 or same(held, dict(training.best.state))
    assert {name for name in held if not held[name].equal(training.model.state_dict()[name])}


def test_a_checkpoint_of_the_average_resumes_bit_for_bit(setting):
    whole, begun, resumed = (setting.training(ema=0.99) for _ in range(3))
    begun.run_epoch()
    resumed.restore(begun.save())
    whole.run_epoch()
    assert whole.run_epoch().metrics == resumed.run_epoch().metrics
    assert same(dict(whole.best.state), dict(resumed.best.state))


class ScaleConfig(Config):
    fields: ClassVar = ("x",)
    phases: ClassVar = (Phase(name="fit", nets=("net",), lr="lr", optim_fn="optim_fn"),)
    metrics: ClassVar = ("train/loss", "val/score")

    lr: float = 0.3
    optim_fn: str = "SGD"


class Scale(Model):
    """w·x is to be 2·x, but what a step is told is spoilt by noise: at a constant rate w never comes to rest."""

    Config = ScaleConfig

    def __init__(self, config, shapes):
        super().__init__(config, shapes)
        self.net = nn.Linear(*shapes["x"], 1, bias=False)

    def fit(self, x):
        loss = (self.net(x) - 2 * x.sum(1, keepdim=True) - 5 * torch.randn_like(x[:, :1])).square().mean()
        return Step(loss, {"train/loss": loss}, {})

    def evaluate(self, x):
        return {"n": torch.tensor(float(len(x))), "squares": (self.net(x) - 2 * x.sum(1, keepdim=True)).square().sum()}

    def figures(self, sums):
        return {"val/score": float(sums["squares"] / sums["n"])}


def rows_of(n: int, seed: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32) / 2}


def test_noise_of_the_steps_averages_out():
    found = {}
    for ema in (0.0, 0.99):
        training = TrialTraining(
            Scale, ScaleConfig(ema=ema, epochs=30, batch_size=8),
            *({name: torch.from_numpy(rows) for name, rows in rows_of(n, n).items()} for n in (400, 200)),
            trial=Trial(number=0, params={}, seed=1), objective=Objective(metric="val/score"),
        )  # fmt: skip
        found[ema] = np.mean([training.run_epoch().metrics["val/score"] for _ in range(30)][10:])
    assert found[0.99] < 0.1 * found[0.0]


def test_products_and_test_figures_are_of_the_average():
    kept = {}

    def keep(training: TrialTraining) -> None:
        with training.weights_to_judge():
            kept[training.epoch] = {name: tensor.clone() for name, tensor in training.model.state_dict().items()}

    trained = train_single(
        Scale, ScaleConfig(ema=0.9, epochs=3, batch_size=8), rows_of(80, 0), rows_of(40, 1), seed=0,
        objective=Objective(metric="val/score"), watch=lambda row: None, keep=keep, test=rows_of(40, 1),
    )  # fmt: skip
    assert same(kept[trained.best.epoch], dict(trained.state))
    assert trained.test["test/score"] == trained.best.metrics["val/score"]
