"""The auxiliary GAN: what its nets pay."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.neighbors import KNeighborsRegressor
from support.muons import each_of, make, probabilities, run, solo, take
from torch import Tensor, nn
from torch.nn import functional

from sparring.data.physics.kinematics import SKEWED, to_box, to_polar

pytestmark = pytest.mark.slow  # all together


@pytest.mark.parametrize("frame", ["box", "normal"])
@pytest.mark.parametrize("aux", ["1d", "4d", "none"])
def test_the_discriminator_pays_the_mean_cross_entropy_of_both_halves(rows, frame, aux):
    model = make("auxgan", rows, frame=frame, aux=aux, dropout=0.0)
    batch = take(rows, "auxgan", slice(0, 50))
    loss = run(model, "dis", batch).loss
    torch.manual_seed(0)
    draws = model.draw_inputs(batch["muons"])
    model.generator.eval()
    fake, _, charge, _ = model.generate(*draws)
    fake = torch.cat([charge, fake], dim=1).detach()
    boxed = torch.tensor(to_box(to_polar(batch["muons"].numpy())), dtype=torch.float32)
    real = torch.cat([batch["muons"][:, :1], boxed if frame == "box" else model.frame.normalize(boxed) / 7], dim=1)
    labels = torch.cat([torch.ones(50, 1), torch.zeros(50, 1)])
    expected = functional.binary_cross_entropy(probabilities(model, torch.cat([real, fake])), labels)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-6)


def test_a_guessing_discriminator_pays_ln_two_and_a_good_one_less(rows):
    model = make("auxgan", rows, dropout=0.0)
    batch = take(rows, "auxgan", slice(0, 200))
    nn.init.zeros_(model.discriminator[-1].weight)
    assert run(model, "dis", batch).loss.item() == pytest.approx(math.log(2), rel=1e-6)
    optimizer = torch.optim.Adam(model.discriminator.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        run(model, "dis", batch).loss.backward()
        optimizer.step()
    assert run(model, "dis", batch).loss.item() < 0.2


def test_a_discriminator_of_unit_columns_sees_them_at_deviation_one_and_boxed_ones_as_they_are(rows):
    seen = []
    for fields in ({"frame": "normal"}, {"frame": "normal", "scale_dis": "unit"}, {"scale_dis": "unit"}, {}):
        model = make("auxgan", rows, dropout=0.0, **fields)
        model.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
        for phase in ("dis", "gen"):
            run(model, phase, take(rows, "auxgan", slice(0, 200)))
    shrunk, of_gen, unit, of_gen_unit, *boxed = seen
    assert 0.9 < unit[:200, 1:].std(0).min() < unit[:200, 1:].std(0).max() < 1.1
    torch.testing.assert_close(unit[:, 1:], 7 * shrunk[:, 1:])
    torch.testing.assert_close(of_gen_unit[:, 1:], 7 * of_gen[:, 1:])
    torch.testing.assert_close(unit[:, :1], shrunk[:, :1])
    torch.testing.assert_close(boxed[:2], boxed[2:])


def test_without_its_batch_norm_the_generator_makes_the_same_in_training_and_in_use(rows):
    for norm, is_equal in (("none", True), ("batch", False)):
        model = make("auxgan", rows, norm_gen=norm)
        inputs = model.draw_inputs(rows["muons"][:50])
        training = model.generate(*inputs).seen
        model.eval()
        assert torch.equal(training, model.generate(*inputs).seen) == is_equal


@pytest.mark.parametrize("aux", ["1d", "4d"])
def test_the_generators_loss_is_the_weighted_sum_of_its_terms(rows, aux):
    model = make("auxgan", rows, aux=aux, dropout=0.0, w_adv=4.0, w_aux=0.5)
    batch = take(rows, "auxgan", slice(0, 50))
    step = run(model, "gen", batch)
    torch.manual_seed(0)
    fake, _, charge, asked = model.generate(*model.draw_inputs(batch["muons"]))
    adversarial = -probabilities(model, torch.cat([charge, fake], dim=1)).log().mean()
    columns = model.frame.normalize(fake)[:, SKEWED]
    found = torch.cat([one(columns if aux == "4d" else columns[:, [n]]) for n, one in each_of(model.regressors)], dim=1)
    miss = sum(functional.mse_loss(found[:, n], asked[:, n]) for n in range(asked.shape[1]))
    torch.testing.assert_close(step.metrics["train/loss_aux"], miss, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(step.loss, 4.0 * adversarial + 0.5 * miss, rtol=1e-5, atol=1e-6)
    assert asked.min() >= 0


def test_without_its_weight_the_rareness_is_left_out_bit_for_bit(rows):
    batch = take(rows, "auxgan", slice(0, 50))
    absent, zeroed = make("auxgan", rows, w_aux=0.0), make("auxgan", rows, w_aux=0.5)
    zeroed.w_aux.zero_()
    absent.regressors.register_forward_pre_hook(lambda *_: pytest.fail("a regressor ran"))
    assert run(absent, "gen", batch).loss.equal(run(zeroed, "gen", batch).loss)


def test_regressors_know_the_rareness_and_are_never_trained_again(rows):
    run_ = solo("auxgan", rows, aux_steps=400)
    model, valid = run_.model, take(rows, "auxgan", slice(800, 1000))
    with torch.no_grad():
        found = model.rareness_of(model.frame.normalize_skewed(model.frame.box(valid["muons"])[:, SKEWED]))
        asked = model.ranks(valid["rareness"])[:, :4]
    # Three neighbours are few, so rareness itself is noisy: what 50 neighbours' mean explains is all there is.
    train = take(rows, "auxgan", slice(0, 800))
    known, wanted = model.frame.normalize(model.frame.box(train["muons"])), model.ranks(train["rareness"])
    seen = model.frame.normalize(model.frame.box(valid["muons"]))
    for column, place in enumerate(SKEWED):
        smooth = KNeighborsRegressor(50).fit(known[:, [place]], wanted[:, column])
        best = np.square(smooth.predict(seen[:, [place]]) - asked[:, column].numpy()).mean()
        assert (
            functional.mse_loss(found[:, column], asked[:, column]).item() < 1.1 * best < 0.9 * asked[:, column].var()
        )
    before = copy.deepcopy(model.regressors.state_dict())
    assert not any(parameter.requires_grad for parameter in model.regressors.parameters())
    run_.run_epoch()
    assert all(tensor.equal(before[name]) for name, tensor in model.regressors.state_dict().items())


def test_the_weight_of_the_rareness_rises_between_two_steps(rows):
    model = make("auxgan", rows, ramp_start=2, ramp_end=6, w_adv=0.0)
    batch = take(rows, "auxgan", slice(0, 50))
    shares = []
    for _ in range(8):
        step = run(model, "gen", batch)
        shares.append((step.loss / step.metrics["train/loss_aux"]).item())
    assert shares == pytest.approx([0, 0, 0, 0.25, 0.5, 0.75, 1, 1], abs=1e-6)
    assert model.state_dict()["steps"].item() == 8
    with pytest.raises(ValidationError, match=r"ramp_end must exceed ramp_start=5, but got 3"):
        make("auxgan", rows, ramp_start=5, ramp_end=3)
    with pytest.raises(ValidationError, match=r"ramp_start=5 needs a ramp_end"):
        make("auxgan", rows, ramp_start=5)


def test_boost_scales_what_the_generator_is_told(rows):
    model = make("auxgan", rows)
    told: list[Tensor] = []
    model.generator.register_forward_pre_hook(lambda _, inputs: told.append(inputs[0]))
    for boost in (1.0, 1.5):
        model.sample(200, seed=1, boost=boost)
    aux = slice(5, 9)
    torch.testing.assert_close(told[1][:, aux], 1.5 * told[0][:, aux])
    assert told[0][:, :5].equal(told[1][:, :5])
    assert told[0][:, 9:].equal(told[1][:, 9:])
    assert abs(told[0][:, aux].mean().item() - math.sqrt(2 / math.pi)) < 0.1
