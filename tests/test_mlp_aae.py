"""The dense AAE: its published form, what each weight does, what its phases leave alone, and how it is judged."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity
from torch.func import functional_call, stack_module_state, vmap

from sparring.data import load_dataset, split_rows
from sparring.errors import DataError
from sparring.metrics import find_metric
from sparring.models import find_config, find_model
from sparring.models.metrics.parzen import Parzen
from sparring.records import Objective, Trial
from sparring.space import Space, find_space, read_space
from sparring.training.loop import TrialTraining

Config, Model = find_config("mlp_aae"), find_model("mlp_aae")
MNIST = {"image": (1, 28, 28)}
SMALL = {"hidden_size": 32, "hidden_size_dis": 16, "latent_dim": 3}


def images(n=40, shape=(1, 8, 8), seed=0):
    """Bytes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8)


def model(shapes=MNIST, rows=None, **values):
    torch.manual_seed(0)
    made = Model(Config(**values), shapes)
    made.initialize()
    made.prepare({"image": images(shape=shapes["image"]) if rows is None else rows})
    return made.train()


def small(**values):
    return model({"image": (1, 8, 8)}, **{**SMALL, **values})


def count(net):
    return sum(parameter.numel() for parameter in net.parameters())


def digits():
    data = load_dataset("digits")
    split = split_rows(len(data))
    rows = torch.from_numpy(np.array(data.fields["image"]))
    return {"image": rows[split.train]}, {"image": rows[split.valid]}


def solo(train, valid, seed=0, attempt=1, **values):
    trial = Trial(number=0, params={}, seed=seed, attempt=attempt)
    return TrialTraining(
        Model, Config(**values), train, valid, trial=trial, objective=Objective(metric="val/mmd_sample")
    )


# -- the published form ---------------------------------------------------------------------------------------------


def test_the_published_nets_have_the_published_parameters():
    made = model()
    assert count(made.encoder) == 674_836
    assert count(made.decoder) == 670_480
    assert count(made.critic) == 137_217


def test_layers_stand_in_the_published_order_and_the_twins_norm_in_its_place():
    kinds = [type(layer).__name__ for layer in model().encoder]
    assert kinds == ["Linear", "LeakyReLU", "Linear", "LeakyReLU", "Linear"]
    twin = model(norm="batch", dropout=0.1)
    kinds = [type(layer).__name__ for layer in twin.decoder]
    assert kinds == ["Linear", "LeakyReLU", "Dropout", "Linear", "BatchNorm1d", "LeakyReLU", "Dropout", "Linear"]
    assert "BatchNorm1d" not in [type(layer).__name__ for layer in twin.critic]
    assert {layer.negative_slope for layer in twin.modules() if isinstance(layer, torch.nn.LeakyReLU)} == {0.2}


def test_published_defaults():
    config = Config()
    assert (config.lr_gen, config.lr_dis, config.beta1, config.batch_size) == (2e-4, 2e-4, 0.5, 32)
    assert (config.latent_dim, config.adv_share, config.encoder, config.prior_std) == (10, 0.001, "stochastic", 1.0)
    assert [phase.name for phase in Config.phases] == ["dis", "gen"]


def test_weights_start_as_keras_draws_them():
    made = model()
    for layer in made.modules():
        if isinstance(layer, torch.nn.Linear):
            bound = math.sqrt(6 / sum(layer.weight.shape))
            assert layer.weight.abs().max() <= bound
            assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
            assert not layer.bias.any()


def test_adam_has_the_configured_first_momentum_in_both_phases():
    train = {"image": images()}
    run = solo(train, train, **SMALL, beta1=0.3)
    assert [arm.optimizer.param_groups[0]["betas"] for arm in run.phase_steps] == [(0.3, 0.999)] * 2


def test_a_budget_may_be_counted_in_iterations():
    train = {"image": images(100)}
    run = solo(train, train, **SMALL, epochs=2, steps_per_epoch=7)
    run.run_epoch(), run.run_epoch()
    assert run.is_exhausted
    moment = next(iter(run.phase_steps[1].optimizer.state.values()))["step"]
    assert int(moment) == 14


# -- what the nets see ----------------------------------------------------------------------------------------------


def test_bytes_become_numbers_from_minus_one_to_one_and_intensities_again():
    made = small()
    rows = torch.tensor([0, 255, 51], dtype=torch.uint8).repeat_interleave(64).reshape(3, 1, 8, 8)
    x = made.view(rows)
    assert x.shape == (3, 64)
    torch.testing.assert_close(x[:, 0], torch.tensor([-1.0, 1.0, -0.6]))
    torch.testing.assert_close(made.unview(x)[:, 0, 0, 0], torch.tensor([0.0, 1.0, 0.2]))


def test_images_of_any_size_and_colour_are_brought_to_the_models():
    made = model({"image": (3, 9, 9)}, image_size=6, channels=1, **SMALL)
    assert made.view(images(5, (3, 9, 9))).shape == (5, 36)
    assert made.reconstruct(images(5, (1, 20, 20)))["image"].shape == (5, 1, 6, 6)


def test_flat_rows_are_scaled_by_their_range_in_training_and_back():
    rows = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)) * 3 + 7
    made = model({"image": (5,)}, rows, **SMALL)
    x = made.view(rows)
    torch.testing.assert_close(x.amin(0), torch.full((5,), -1.0))
    torch.testing.assert_close(x.amax(0), torch.full((5,), 1.0))
    torch.testing.assert_close(made.unview(x), rows)
    assert made.reconstruct(rows)["image"].shape == (40, 5)
    with torch.no_grad():
        figures = made.eval().figures({name: float(value) for name, value in made.evaluate(image=rows).items()})
    assert figures["val/mse_recon"] > 0
    assert "val/ms_ssim" not in figures


def test_what_is_neither_is_refused():
    with pytest.raises(DataError, match="a sample is an image of 1 or 3 channels"):
        model({"image": (2, 8, 8)})


# -- losses ---------------------------------------------------------------------------------------------------------


def losses(made, rows):
    torch.manual_seed(1)
    seen = made.transform_rows(image=rows)
    first = made("dis", seen)
    torch.manual_seed(2)
    return first, made("gen", seen)


@pytest.mark.parametrize("share", [0.001, 0.3, 1.0])
def test_both_weights_of_the_generator_add_up_to_one(share):
    _, step = losses(small(adv_share=share), images())
    error, adversarial = step.metrics["train/loss_recon"], step.metrics["train/loss_adv"]
    torch.testing.assert_close(step.loss, (1 - share) * error + share * adversarial)


def test_the_error_is_of_numbers_from_minus_one_to_one():
    made = small(encoder="deterministic", loss_recon="l1")
    rows = images()
    _, step = losses(made, rows)
    answer = made.decode(made.encode(made.view(rows))[0])
    assert step.metrics["train/loss_recon"].item() == pytest.approx(
        (answer - made.view(rows)).abs().mean().item(), rel=1e-6
    )


def test_share_zero_is_the_plain_autoencoder_bit_for_bit():
    made = small(adv_share=0.0)
    rows = images()
    _, step = losses(made, rows)
    assert "train/loss_adv" not in step.metrics
    found = torch.autograd.grad(step.loss, list(made.encoder.parameters()))
    torch.manual_seed(2)
    x = made.view(rows)
    mean, logvar = made.encoder(x).chunk(2, 1)
    code = mean + (logvar / 2).exp() * torch.randn_like(mean)
    plain = torch.nn.functional.mse_loss(made.decoder(code).tanh(), x)
    expected = torch.autograd.grad(plain, list(made.encoder.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_the_adversary_changes_the_encoders_gradient_and_not_the_decoders():
    rows = images()
    found = {}
    for share in (0.0, 0.2):
        made = small(adv_share=share)
        _, step = losses(made, rows)
        found[share] = torch.autograd.grad(step.loss, [made.encoder[0].weight, made.decoder[0].weight])
    assert not torch.allclose(found[0.2][0], 0.8 * found[0.0][0], rtol=1e-3, atol=0)
    torch.testing.assert_close(found[0.2][1], 0.8 * found[0.0][1])


def test_draws_are_real_and_codes_fake():
    """A critic that knows the prior from a code 50 deviations away pays nothing; one that errs pays dearly."""
    made = small(encoder="deterministic")
    with torch.no_grad():
        made.encoder[-1].weight.zero_()
        made.encoder[-1].bias.fill_(50.0)
        for index, layer in enumerate(layer for layer in made.critic if isinstance(layer, torch.nn.Linear)):
            layer.weight.fill_(-0.1 if index == 0 else 0.1)
            layer.bias.fill_(3.0 if index == 0 else 0.0)
    right, _ = losses(made, images())
    with torch.no_grad():
        made.critic[-1].weight.neg_()
    wrong, _ = losses(made, images())
    assert right.loss < math.log(2) < wrong.loss


def test_a_critic_that_guesses_pays_ln_two_in_every_term():
    made = small()
    with torch.no_grad():
        made.critic[-1].weight.zero_()
    first, step = losses(made, images())
    assert first.loss.item() == pytest.approx(math.log(2))
    assert step.metrics["train/loss_adv"].item() == pytest.approx(math.log(2))


def test_a_stochastic_code_has_the_encoders_mean_and_variance_and_a_deterministic_one_no_noise():
    made = small()
    x = made.view(images(1)).expand(20_000, -1)
    mean, logvar = made.encode(x[:1])
    torch.manual_seed(0)
    codes = made._draw(x)
    torch.testing.assert_close(codes.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(codes.var(0), logvar[0].exp(), rtol=0.1, atol=0)
    plain = small(encoder="deterministic")
    assert torch.equal(plain._draw(x[:5]), plain._draw(x[:5]))


def test_a_wider_prior_is_drawn_from(monkeypatch):
    made = small(prior_std=5.0)
    seen = []
    monkeypatch.setattr(made.critic, "forward", lambda z: seen.append(z) or z[:, :1])
    losses(made, images(4000))
    draws, codes = seen[0].chunk(2)
    assert draws.std().item() == pytest.approx(5.0, rel=0.05)
    assert codes.std().item() < 3


def test_each_phase_changes_only_its_own_nets():
    train = {"image": images(64)}
    for index, own in ((0, {"critic"}), (1, {"encoder", "decoder"})):
        run = solo(train, train, **SMALL, norm="batch", adv_share=0.3)
        before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
        run.phase_steps = [_Still(arm) for arm in run.phase_steps[:index]] + run.phase_steps[index : index + 1]
        run._run_step(0, torch.arange(32))
        after = run.model.state_dict()
        changed = {name.split(".")[0] for name, tensor in after.items() if not torch.equal(tensor, before[name])}
        assert changed == own


class _Still:
    """An arm that runs its phase and takes no step."""

    def __init__(self, arm):
        self._arm = arm

    def __getattr__(self, name):
        return getattr(self._arm, name)

    def update(self, gradients, rate):
        pass


def test_lanes_of_one_program_give_what_each_gives_alone():
    lanes = [small(encoder="deterministic", adv_share=share) for share in (0.1, 0.4)]
    with torch.no_grad():
        lanes[1].encoder[0].weight.mul_(1.5)
    parameters, buffers = stack_module_state(lanes)
    x = lanes[0].view(images())

    def loss(each, others):
        return functional_call(lanes[0], (each, others), ("gen", {"x": x})).loss

    together = vmap(loss)(parameters, buffers)
    alone = torch.stack([lane("gen", {"x": x}).loss for lane in lanes])
    torch.testing.assert_close(together, alone)


# -- training -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """After 12 epochs of digits: figures of the published share and of none, and the trained models."""
    train, valid = digits()
    runs = {}
    for share in (0.05, 0.0):
        values = {"hidden_size": 128, "hidden_size_dis": 128, "lr_gen": 2e-3, "lr_dis": 2e-3, "latent_dim": 8}
        run = solo(train, valid, epochs=12, adv_share=share, encoder="deterministic", batch_size=64, **values)
        for _ in range(12):
            row = run.run_epoch()
        runs[share] = (row.metrics, run.model)
    return runs


def test_it_reconstructs_far_better_than_the_mean_image(trained):
    for figures, _ in trained.values():
        assert figures["val/score"] < 0.3


def test_the_searched_figure_weighs_reconstruction_against_the_prior(trained):
    (spars, _), (plain, _) = trained[0.05], trained[0.0]
    assert spars["val/balance"] == pytest.approx(spars["val/score"] + spars["val/mmd_prior"] / 0.15)
    assert spars["val/balance"] < 0.5 * plain["val/balance"]
    made = small()
    codes = made.prior_match.figures({**zero_codes(made), "n": 50.0})
    assert codes["val/mmd_prior"] == pytest.approx(0.15, abs=0.03)  # the unit: codes that are all 0


def zero_codes(made):
    return {name: float(value) for name, value in made.prior_match.sums(torch.zeros(50, 3)).items()}


def test_the_adversary_brings_codes_to_the_prior_and_samples_to_the_data(trained):
    (spars, _), (plain, _) = trained[0.05], trained[0.0]
    assert spars["val/mmd_prior"] < 0.25 * plain["val/mmd_prior"]
    assert spars["val/mmd_sample"] < 0.5 * plain["val/mmd_sample"]


def test_every_figure_of_an_epoch_is_finite_and_known(trained):
    figures, _ = trained[0.05]
    assert set(figures) <= set(Config.emitted())
    assert all(math.isfinite(value) for value in figures.values())
    assert {find_metric(name).name for name in Config.emitted()} == set(Config.emitted())


def test_the_verbs_give_images(trained):
    _, made = trained[0.05]
    _, valid = digits()
    answer = made.reconstruct(valid["image"][:10])["image"]
    assert answer.shape == (10, 1, 8, 8)
    assert ((answer - valid["image"][:10] / 255) ** 2).mean() < 0.03
    samples = made.sample(25, seed=1)["image"]
    assert samples.shape == (25, 1, 8, 8)
    assert 0 <= samples.min() <= samples.max() <= 1
    assert torch.equal(samples, made.sample(25, seed=1)["image"])
    assert not torch.equal(samples, made.sample(25, seed=2)["image"])


def test_noise_is_stranger_than_digits(trained):
    _, made = trained[0.05]
    _, valid = digits()
    known, ood = made.score(valid["image"]), made.score(images(200, seed=5))
    assert ood["reconstruction"].median() > 3 * known["reconstruction"].median()
    assert set(known) == {"reconstruction", "discriminator"}
    assert ((known["discriminator"] >= 0) & (known["discriminator"] <= 1)).all()


def test_the_same_seed_gives_the_same_bits_and_a_checkpoint_resumes():
    train, valid = {"image": images(80)}, {"image": images(30, seed=1)}
    values = {**SMALL, "norm": "batch", "dropout": 0.2, "epochs": 4, "adv_share": 0.1}
    whole, again, other = (solo(train, valid, seed, **values) for seed in (3, 3, 4))
    first = whole.run_epoch().metrics
    assert again.run_epoch().metrics == first
    assert other.run_epoch().metrics != first
    packed = whole.save()
    resumed = solo(train, valid, 3, 2, **values)
    resumed.restore(packed)
    assert resumed.run_epoch().metrics == whole.run_epoch().metrics


def test_the_shipped_space_starts_at_the_published_setting():
    space = Space(read_space(find_space("mlp_aae")), Config, "mlp_aae.toml")
    baseline = space.config(space.baseline())
    assert baseline == Config(epochs=baseline.epochs, steps_per_epoch=baseline.steps_per_epoch)
    assert {"adv_share", "lr_gen", "lr_dis", "latent_dim", "batch_size", "norm", "loss_recon"} <= set(space.kinds)


# -- Parzen windows -------------------------------------------------------------------------------------------------


def test_parzen_is_the_kernel_density_of_scikit_learn_under_the_width_that_suits_training_rows():
    generator = torch.Generator().manual_seed(0)
    draw = lambda n: torch.randn(n, 4, generator=generator) * 0.3  # noqa: E731
    samples, tuning, rows = draw(500), draw(1500), 2 * draw(700)  # on their own the rows would choose a wider one
    parzen = Parzen(4)
    parzen.fit(tuning)
    chosen = tuning[torch.linspace(0, 1499, 1000).long()]
    scores = [KernelDensity(bandwidth=float(s)).fit(samples).score(chosen) for s in parzen.sigmas]
    best = float(parzen.sigmas[int(np.argmax(scores))])
    expected = KernelDensity(bandwidth=best).fit(samples).score(rows) / len(rows)
    parts = [parzen.sums(rows[:300], samples), parzen.sums(rows[300:], samples)]
    sums = {name: float(parts[0][name] + parts[1][name]) for name in parts[0]}
    assert parzen.figure(sums | {"n": 700.0}) == pytest.approx(expected, rel=1e-4)


def test_parzen_is_left_out_unless_asked_for_and_tells_a_trained_model_from_a_new_one(trained):
    train, valid = digits()
    assert "val/parzen" not in trained[0.05][0]
    found = []
    for state in (None, trained[0.05][1].state_dict()):
        made = model(
            {"image": (1, 8, 8)}, train["image"], hidden_size=128, hidden_size_dis=128, latent_dim=8,
            encoder="deterministic", parzen_samples=1000,
        ).eval()  # fmt: skip
        if state is not None:
            made.load_state_dict(state)
        with torch.no_grad():
            sums = {name: float(value) for name, value in made.evaluate(image=valid["image"]).items()}
        found.append(made.figures(sums)["val/parzen"])
    assert found[1] > found[0] + 5


def parzen(made, rows):
    """The figure, and the generated samples that it puts its windows on, in numbers from 0 to 1."""
    made.eval()
    with torch.no_grad():
        sums = {name: float(value) for name, value in made.evaluate(image=rows).items()}
        samples = (made.decode(made.windows) + 1) / 2
    return made.figures(sums)["val/parzen"], samples.numpy()


def density(samples, tuning, rows):
    """scikit-learn's, under the width of the grid that suits ``tuning`` best; nats per row."""
    chosen = tuning[np.linspace(0, len(tuning) - 1, 1000).astype(int)]
    fitted = [KernelDensity(bandwidth=float(width)).fit(samples) for width in Parzen(1).sigmas]
    return max(fitted, key=lambda each: each.score(chosen)).score(rows) / len(rows)


def test_parzen_judges_flat_rows_as_shares_of_their_range_whatever_their_units():
    rows = torch.randn(300, 5, generator=torch.Generator().manual_seed(0)) + 3
    found = []
    for scale in (1.0, 1000.0):
        train = {"image": scale * rows[:200]}
        run = solo(train, train, epochs=3, steps_per_epoch=50, lr_gen=2e-3, parzen_samples=200, **SMALL)
        for _ in range(3):
            run.run_epoch()
        found.append(parzen(run.model, scale * rows[200:]))
    low, high = rows[:200].amin(0), rows[:200].amax(0)
    tuning, judged = (((each - low) / (high - low)).numpy() for each in (rows[:200], rows[200:]))
    for figure, samples in found:
        assert figure == pytest.approx(density(samples, tuning, judged), rel=1e-3)
    assert found[0][0] == pytest.approx(found[1][0], abs=0.05)  # nats; rounding moves the trained weights a little
    assert -5 < found[0][0] < 5  # uniform within the range has 0


def test_parzen_judges_images_by_intensity():
    train, judged = images(100), images(30, seed=1)
    made = small(parzen_samples=200)
    made.prepare({"image": train})
    figure, samples = parzen(made, judged)
    intensity = [(each.flatten(1) / 255).numpy() for each in (train, judged)]
    assert figure == pytest.approx(density(samples, *intensity), rel=1e-4)
    with torch.no_grad():  # as before flat rows were scaled, bit for bit
        assert torch.equal(made.frame.fraction(made.view(judged)), made.unview(made.view(judged)).flatten(1))
