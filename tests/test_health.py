"""What an epoch says of a training's health, and that planted faults end it within three epochs while others go on."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from support.systems import Setting, space_of

from sparring.ledger.health import PATIENCE, diagnose
from sparring.models import find_model, model_names
from sparring.records import Outcome, Trial
from sparring.training.health import _swing, _told_apart
from sparring.training.loop import TrialTraining

HEALTHY = 2
"""Epochs before a fault is planted."""


def adversary(training):
    return next(each for each in training.phase_steps if each.phase.name == "dis")


def freeze_discriminator(training):
    arm = adversary(training)
    arm.lr = 0.0  # what a schedule multiplies
    for group in arm.optimizer.param_groups:
        group["lr"] = 0.0


def collapse_generator(training):
    """Whatever it is told, it makes the mean of what it would have made."""
    net = getattr(training.model, "generator", None) or training.model.decoder
    net.register_forward_hook(lambda net, inputs, made: made.mean(0, keepdim=True).expand_as(made))


def collapse_posterior(training):
    """Each code is distributed as the prior."""
    training.model.encoder.register_forward_hook(lambda net, inputs, code: 0 * code)


def poison_a_step(training):
    """In the middle of the next epoch a weight becomes NaN."""
    step, fatal = training.run_step, training.epoch * training.order.steps_per_epoch + 1

    def run(number, rows):
        if number == fatal:
            with torch.no_grad():
                next(training.model.parameters())[0] = math.nan
        return step(number, rows)

    training.run_step = run


def end_of(training, plant, within):
    """What ends it in the epochs after a fault, and how many those were."""
    for _ in range(HEALTHY):
        training.run_epoch()
        assert diagnose(training.epoch_rows()) is None
    plant(training)
    for epoch in range(1, within + 1):
        training.run_epoch()
        found = diagnose(training.epoch_rows()[-PATIENCE:])
        if found is not None:
            return found, epoch
    return None, within


# -- planted faults ----------------------------------------------------------------------------------------------------


FAULTS = [
    *((name, freeze_discriminator, Outcome.COLLAPSED, "none of its weights moved")
      for name in ("mlp_aae", "advvae", "aae_series", "aegan", "auxgan", "aux_aae")),
    *((name, collapse_generator, Outcome.COLLAPSED, "the same of whatever it was given")
      for name in ("mlp_aae", "auxgan", "boost_vae")),
    *((name, collapse_posterior, Outcome.COLLAPSED, "the code held nothing") for name in ("mlp_aae", "boost_vae")),
    *((name, poison_a_step, Outcome.DIVERGED, "became NaN") for name in ("mlp_aae", "aegan", "boost_vae")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "plant", "outcome", "words"), FAULTS)
def test_a_planted_fault_is_caught_within_three_epochs_and_named(name, plant, outcome, words):
    changes = {"encoder": "stochastic", "dropout": 0.0} if name == "mlp_aae" else {}
    found, epochs = end_of(Setting(name, **changes).training(epochs=50), plant, within=3)
    assert found is not None
    assert (found.outcome, epochs) == (outcome, 1 if outcome is Outcome.DIVERGED else PATIENCE)
    assert words in found.reason


def test_a_fault_that_passes_ends_nothing():
    training = Setting("mlp_aae").training(epochs=50)
    rate = adversary(training).lr
    assert end_of(training, freeze_discriminator, within=PATIENCE - 1) == (None, PATIENCE - 1)
    adversary(training).lr = rate
    for group in adversary(training).optimizer.param_groups:
        group["lr"] = rate
    for _ in range(PATIENCE):
        training.run_epoch()
        assert diagnose(training.epoch_rows()) is None


# -- healthy trainings -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_the_published_default_is_never_stopped(name):
    """With its own widths, on few rows of the set that it is searched on."""
    space, rows = space_of(name), Setting(name).rows
    config = space.config(space.baseline())
    training = TrialTraining(
        find_model(name), config, *({field: part[field][:300] for field in config.fields} for part in rows.values()),
        trial=Trial(number=0, params={}, seed=0), objective=space.objectives[0],
    )  # fmt: skip
    for _ in range(5):
        training.run_epoch()
        assert diagnose(training.epoch_rows()) is None


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("advvae", {"kld_weight": 1e-9}),
        ("aegan", {"w_adv": 0.0}),
        ("mlp_aae", {"adv_share": 0.0}),
        ("aae_series", {"adversarial": False, "prior_std": 30.0}),
        ("mlp_aae", {"optim_fn_dis": "SGD", "lr_dis": 1e-7}),
    ],
)
def test_what_only_looks_sick_goes_on(name, changes):
    fields = find_model(name).Config.model_fields
    training = Setting(name, **{key: value for key, value in changes.items() if key in fields}).training(epochs=50)
    for _ in range(PATIENCE + 2):
        training.run_epoch()
        assert diagnose(training.epoch_rows()) is None


# -- figures -----------------------------------------------------------------------------------------------------------


def test_pairs_told_apart_are_counted_as_one_would_by_hand():
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randint(0, 5, (3, 16), generator=generator).float() + shift for shift in (1, 0))
    pairs = [(r > f) + (r == f) / 2 for lane in range(3) for r, f in product(real[lane].tolist(), fake[lane].tolist())]
    assert float(_told_apart(real, fake)) == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.parametrize(("losses", "swing"), [([2.0, 2.0], 0.0), ([1.0, -1.0], 1.0), ([0.0, 0.0], None), ([3.0], 0.0)])
def test_swing_is_deviation_over_root_mean_square(losses, swing):
    found = float(_swing([{"train/loss_dis": torch.tensor(loss), "val": torch.tensor(9.0)} for loss in losses]))
    assert found == pytest.approx(swing, abs=1e-3) if swing is not None else math.isfinite(found)


def test_diversity_and_active_units_are_those_of_samples_and_codes():
    training = Setting("boost_vae").training(epochs=2)
    figures, model = training.run_epoch().metrics, training.model.eval()
    muons = training.rows.valid["muons"]
    with torch.no_grad():
        normal = model.judged(model.draw(20_000, generator=torch.Generator().manual_seed(0)))
        codes = model._encode(model._inward(muons))[0]
    assert figures["health/diversity"] == pytest.approx(float(normal.var(0).mean()), rel=0.35)  # of 96 draws
    assert figures["health/active_units"] == float((codes.var(0, correction=0) > 0.01).double().mean())


def test_how_far_the_discriminator_moved_and_its_share_of_the_gradient():
    training = Setting("mlp_aae").training(epochs=3)
    before = [weight.detach().clone() for weight in training.model.critic.parameters()]
    figures = training.run_epoch().metrics
    after = [weight.detach() for weight in training.model.critic.parameters()]
    way = math.dist(*(torch.cat([each.flatten() for each in weights]).tolist() for weights in (before, after)))
    length = math.hypot(*torch.cat([each.flatten() for each in before]).tolist())
    assert figures["health/moved_dis"] == pytest.approx(way / length, rel=1e-4)
    norms = {
        each.phase.name: math.hypot(*(float(weight.grad.norm()) for weight in each.parameters))
        for each in training.phase_steps
    }
    assert figures["health/grad_dis"] == pytest.approx(norms["dis"] / sum(norms.values()), rel=1e-4)


def test_nothing_is_measured_of_an_adversary_that_there_is_not():
    names = set(Setting("boost_vae").training(epochs=1).run_epoch().metrics)
    assert {name for name in names if name.startswith("health/")} == {
        "health/swing", "health/diversity", "health/active_units",
    }  # fmt: skip
    assert not any("dis" in name for name in Setting("aae_series", adversarial=False).training().run_epoch().metrics)


def test_what_was_heard_of_a_step_holds_on_to_nothing_of_it():
    """Logits with their graph would keep every tensor of the step."""
    training = Setting("mlp_aae").training(epochs=1)
    training.run_step(training.order.steps_per_epoch - 1, torch.arange(32))
    heard = [logits for step in training._checkup._judged for pair in step for logits in pair]
    assert len(heard) == 2
    assert not any(logits.requires_grad for logits in heard)
