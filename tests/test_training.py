"""The loop, on the smallest adversarial system there is: an autoencoder of 6 numbers and a critic of its output."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional

from sparring.errors import CheckpointError
from sparring.models.base import Model, Step
from sparring.models.config import Config, Phase
from sparring.records import Objective, Trial
from sparring.training.loop import TrialTraining
from sparring.training.noise import Noise, mix, order
from sparring.training.schedules import factor


class ToyConfig(Config):
    fields: ClassVar = ("x",)
    phases: ClassVar = (
        Phase(name="gen", nets=("coder",), lr="lr_gen", optim_fn="optim_fn_gen", weight_decay="weight_decay"),
        Phase(name="dis", nets=("critic",), lr="lr_dis", optim_fn="optim_fn_dis"),
    )
    metrics: ClassVar = ("train/loss_gen", "train/loss_dis", "val/score")

    lr_gen: float = 1e-2
    lr_dis: float = 1e-3
    optim_fn_gen: str = "Adam"
    optim_fn_dis: str = "SGD"
    weight_decay: float = 0.0
    dropout: float = 0.2
    noise: float = 0.1


class Toy(Model):
    Config = ToyConfig

    def __init__(self, config, shapes):
        super().__init__(config, shapes)
        (width,) = shapes["x"]
        self.coder = nn.Sequential(
            nn.Linear(width, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.Dropout(config.dropout), nn.Linear(8, width)
        )
        self.critic = nn.Sequential(nn.Linear(width, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))

    def gen(self, x):
        fake = self.coder(x + self.config.noise * torch.randn_like(x))
        loss = functional.mse_loss(fake, x) + 0.1 * functional.softplus(-self.critic(fake)).mean()
        return Step(loss, {"train/loss_gen": loss}, {"fake": fake})

    def dis(self, x, fake):
        loss = functional.softplus(-self.critic(x)).mean() + functional.softplus(self.critic(fake)).mean()
        return Step(loss, {"train/loss_dis": loss}, {})

    def evaluate(self, x):
        return {"n": torch.tensor(float(len(x))), "squares": (self.coder(x) - x).square().mean(1).sum()}

    def figures(self, sums):
        return {"val/score": float(sums["squares"] / sums["n"])}


def rows(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {"x": torch.randn(n, 3, generator=generator) @ torch.randn(3, 6, generator=generator)}


def solo(seed=3, attempt=1, **values):
    config = ToyConfig(**{"epochs": 6, "batch_size": 16, "lr_schedule": "one_cycle", **values})
    trial = Trial(number=1, params={}, seed=seed, attempt=attempt)
    return TrialTraining(Toy, config, rows(100), rows(30, 1), trial=trial, objective=Objective(metric="val/score"))


def train(run, epochs):
    return [run.run_epoch().metrics for _ in range(epochs)]


def test_training_learns():
    figures = train(solo(epochs=30), 30)
    assert figures[-1]["val/score"] < 0.5 * figures[0]["val/score"]


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not():
    assert train(solo(seed=3), 3) == train(solo(seed=3), 3)
    assert train(solo(seed=3), 1) != train(solo(seed=4), 1)


@pytest.mark.parametrize("kind", ["Adam", "AdamW", "SGD", "RMSprop", "Adagrad"])
def test_a_checkpoint_resumes_bit_for_bit(kind):
    whole = solo(optim_fn_gen=kind, optim_fn_dis=kind)
    first = train(whole, 2)
    packed = whole.save()
    rest = train(whole, 2)
    resumed = solo(optim_fn_gen=kind, optim_fn_dis=kind, seed=3, attempt=2)
    resumed.restore(packed)
    assert [row.metrics for row in resumed.epoch_rows()] == first
    assert train(resumed, 2) == rest
    for name, tensor in resumed.model.state_dict().items():
        assert torch.equal(tensor, whole.model.state_dict()[name]), name
    assert resumed.best.epoch == whole.best.epoch
    assert all(torch.equal(tensor, whole.best.state[name]) for name, tensor in resumed.best.state.items())


@pytest.mark.fault(35)
def test_a_checkpoint_of_another_model_is_refused():
    packed = solo().save()
    other = solo()
    other.model.coder[0] = nn.Linear(6, 9)
    with pytest.raises(CheckpointError, match=r"trial 1.*another model"):
        other.restore(packed)


def test_a_phase_changes_only_the_nets_it_names():
    run = solo()
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    known = {"x": run.rows.train["x"][:16]}
    gen, dis = run.phase_steps
    with gen.others_stilled(), run.noise.begin(0, 0):
        loss, _, carry, _ = run.model("gen", known)
        gradients = torch.autograd.grad(loss, gen.parameters)
    gen.update(gradients, 1.0)
    after = run.model.state_dict()
    changed = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"coder"}
    with dis.others_stilled():
        loss, *_ = run.model("dis", known | {"fake": carry["fake"].detach()})
        dis.update(torch.autograd.grad(loss, dis.parameters), 1.0)
    later = run.model.state_dict()
    assert {name.partition(".")[0] for name in after if not torch.equal(before[name], later[name])} == {
        "coder",
        "critic",
    }
    assert all(p.grad is not None for p in run.model.critic.parameters())


def test_a_nets_batch_norm_counts_only_the_batches_of_its_own_phase():
    run = solo()
    run.run_epoch()
    counts = {name: int(count) for name, count in run.model.named_buffers() if name.endswith("num_batches_tracked")}
    # Per step the coder runs once in its phase; the critic runs there too, but counts only its own: real and fake.
    assert counts == {
        "coder.1.num_batches_tracked": run.order.steps_per_epoch,
        "critic.1.num_batches_tracked": 2 * run.order.steps_per_epoch,
    }


def test_an_epoch_sees_each_row_once_in_an_order_of_its_own(monkeypatch):
    run, seen = solo(batch_size=20), []
    step = run.run_step
    monkeypatch.setattr(run, "run_step", lambda n, rows: (seen.extend(rows.tolist()), step(n, rows))[1])
    run.run_epoch()
    run.run_epoch()
    first, second = seen[:100], seen[100:]
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    assert first != sorted(first)


def test_the_best_epochs_weights_are_kept():
    run = solo(epochs=8, lr_gen=0.05)
    figures = [metrics["val/score"] for metrics in train(run, 8)]
    assert run.best.value == min(figures)
    assert run.best.epoch == 1 + figures.index(min(figures))
    run.model.load_state_dict(run.best.state)
    assert run.evaluate()["val/score"] == run.best.value


def test_early_stop_ends_training_after_its_patience():
    run = solo(epochs=50, early_stop=2, lr_gen=1e-12, noise=0.0, dropout=0.0, lr_schedule="none")
    while not run.is_exhausted:
        run.run_epoch()
    assert run.epoch < 50
    assert run.epoch - run.best.epoch == 2


@pytest.mark.fault(41)
def test_a_non_finite_epoch_is_told_and_never_best():
    run = solo(lr_gen=1e30, optim_fn_gen="SGD", lr_schedule="none")
    row = run.run_epoch()
    assert not row.is_finite
    assert run.best.value is None or math.isfinite(run.best.value)


def test_training_keeps_the_memory_that_a_step_frees(monkeypatch):
    asked = []
    monkeypatch.setattr("sparring.training.hardware.malloc.keep_freed", lambda: asked.append(1))
    solo()
    assert asked


def test_dropout_and_noise_repeat_by_step_and_differ_between_steps():
    noise = Noise(7, rows=4)
    x = torch.zeros(4, 5)

    def draw(step, phase=0):
        with noise.begin(step, phase):
            return torch.randn_like(x), functional.dropout(torch.ones(4, 5), 0.5)

    assert all(torch.equal(a, b) for a, b in zip(draw(1), draw(1), strict=True))
    assert not torch.equal(draw(1)[0], draw(2)[0])
    assert not torch.equal(draw(1, 0)[0], draw(1, 1)[0])


def test_two_workers_draw_the_rows_that_one_would():
    x = torch.zeros(8, 5)
    with Noise(7, rows=8).begin(0, 0):
        whole = torch.rand_like(x)
    halves = []
    for first in (0, 4):
        with Noise(7, rows=8, first=first).begin(0, 0):
            halves.append(torch.rand_like(x[:4]))
    assert torch.equal(whole, torch.cat(halves))


def test_what_is_drawn_for_fakes_above_reals_is_two_batches_of_which_each_worker_has_its_rows():
    x = torch.zeros(16, 5)
    with Noise(7, rows=8).begin(0, 0):
        whole = torch.rand_like(x).chunk(2)
    assert not torch.equal(*whole)
    for first, own in ((0, 5), (5, 3)):
        with Noise(7, rows=8, first=first, own=own).begin(0, 0):
            mine = torch.rand_like(x[: 2 * own])
        assert torch.equal(mine, torch.cat([batch[first : first + own] for batch in whole]))


@pytest.mark.parametrize(("rows", "shape", "p"), [(4000, (101,), 0.3), (500, (3, 17, 19), 0.1), (2000, (202,), 0.9)])
def test_dropout_keeps_the_mean_and_drops_its_share(rows, shape, p):
    """Of every number of a row, whichever sixteen bits of a draw it comes from, and of all neighbours independently."""
    with Noise(1, rows=rows).begin(0, 0):
        dropped = functional.dropout(torch.ones(rows, *shape, dtype=torch.float64), p).flatten(1)
    kept = (dropped > 0).double()
    deviation = (p * (1 - p) / dropped.numel()) ** 0.5
    assert abs(float(kept.mean()) - (1 - p)) < 4 * deviation
    for lane in range(4):
        assert abs(float(kept[:, lane::4].mean()) - (1 - p)) < 8 * deviation
        together = kept[:, lane:-4:4] * kept[:, lane + 1 : -3 : 4]
        assert abs(float(together.mean()) - (1 - p) ** 2) < 12 * deviation
    assert dropped.unique().tolist() == [0, pytest.approx(1 / (1 - p), rel=2e-4)]
    assert float(dropped.max()) * (1 - round(p * 65536) / 65536) == pytest.approx(1, abs=1e-15), "of what is kept"


def test_dropout_of_everything_leaves_nothing():
    with Noise(1, rows=4).begin(0, 0):
        assert torch.equal(functional.dropout(torch.ones(4, 6), 1.0), torch.zeros(4, 6))


def test_two_workers_drop_what_one_would():
    x = torch.ones(8, 3, 5)
    with Noise(7, rows=8).begin(0, 0):
        whole = functional.dropout(x, 0.5)
    halves = []
    for first, own in ((0, 5), (5, 3)):
        with Noise(7, rows=8, first=first, own=own).begin(0, 0):
            halves.append(functional.dropout(x[:own], 0.5))
    assert torch.equal(whole, torch.cat(halves))
    assert 0 < float((whole == 0).float().mean()) < 1


def test_noise_that_is_not_keyed_by_sample_is_refused():
    with Noise(1, rows=4).begin(0, 0), pytest.raises(TypeError, match=r"randn_like.*but it called bernoulli"):
        torch.bernoulli(torch.full((4, 2), 0.5))


def test_the_order_of_an_epoch_is_a_permutation_that_changes():
    assert sorted(order(5, 0, 40).tolist()) == list(range(40))
    assert order(5, 0, 40).tolist() != order(5, 1, 40).tolist()
    assert len({mix(5, epoch) for epoch in range(1000)} | {mix(epoch, 5) for epoch in range(1000)}) == 1999


SCHEDULES = {
    "step": lambda o, c, n: torch.optim.lr_scheduler.StepLR(o, c.schedule_step_size, c.schedule_gamma),
    "multistep": lambda o, c, n: torch.optim.lr_scheduler.MultiStepLR(o, c.schedule_milestones, c.schedule_gamma),
    "exponential": lambda o, c, n: torch.optim.lr_scheduler.ExponentialLR(o, c.schedule_gamma),
    "linear": lambda o, c, n: torch.optim.lr_scheduler.LinearLR(o, c.schedule_factor, 1.0, c.schedule_iters),
    "constant": lambda o, c, n: torch.optim.lr_scheduler.ConstantLR(o, c.schedule_factor, c.schedule_iters),
    "cosine": lambda o, c, n: torch.optim.lr_scheduler.CosineAnnealingLR(o, n),
    "one_cycle": lambda o, c, n: torch.optim.lr_scheduler.OneCycleLR(o, 1.0, total_steps=n),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_equals_torchs_own(name):
    config = ToyConfig(
        epochs=12, lr_schedule=name, schedule_step_size=5, schedule_milestones=(3, 9), schedule_gamma=0.5
    )
    steps_per_epoch = 4
    per_step = name in {"cosine", "one_cycle"}
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = SCHEDULES[name](optimizer, config, 12 * steps_per_epoch)
    for step in range(12 * steps_per_epoch):
        expected = optimizer.param_groups[0]["lr"]
        assert factor(config, step, steps_per_epoch) == pytest.approx(expected, abs=1e-9), step
        optimizer.step()
        if per_step or (step + 1) % steps_per_epoch == 0:
            theirs.step() if step + 1 < 12 * steps_per_epoch else None


def test_an_epoch_may_be_a_number_of_steps_and_passes_go_on_across_it():
    """100 rows in batches of 16: 6 steps per pass; 9 steps per epoch are one pass and a half."""
    whole, cut = solo(epochs=6), solo(epochs=4, steps_per_epoch=9)
    train(whole, 6), train(cut, 4)
    assert whole.order.steps_per_epoch == 6
    assert cut.order.steps_per_epoch == 9
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, cut.model.state_dict()[name]), name


def test_an_epoch_of_steps_resumes_bit_for_bit():
    whole = solo(steps_per_epoch=4)
    train(whole, 2)
    resumed = solo(steps_per_epoch=4, attempt=2)
    resumed.restore(whole.save())
    assert train(resumed, 2) == train(whole, 2)


class TransposedConfig(ToyConfig):
    phases: ClassVar = (ToyConfig.phases[0],)


class Transposed(Toy):
    """Its loss brings a gradient that lies transposed in memory."""

    Config = TransposedConfig

    def __init__(self, config, shapes):
        super().__init__(config, shapes)
        self.coder = nn.Linear(3, 2, bias=False)

    def gen(self, x):
        loss = (self.coder.weight.t() * torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]])).sum()
        return Step(loss, {"train/loss_gen": loss}, {})


@pytest.mark.parametrize("kind", ["Adam", "AdamW", "SGD", "RMSprop", "Adagrad"])
def test_a_gradient_that_lies_otherwise_in_memory_is_the_same_gradient(kind):
    """torch's fused kernels would read it in the order in which it lies. First steps of these go by the sign alone."""
    config = TransposedConfig(optim_fn_gen=kind, lr_gen=0.01)
    trial, objective = Trial(number=1, params={}, seed=0), Objective(metric="val/score")
    run = TrialTraining(Transposed, config, rows(100), rows(30, 1), trial=trial, objective=objective)
    before = run.model.coder.weight.detach().clone()
    step = run.phase_steps[0]
    for _ in range(3):  # the kernel alone is called from the second step on
        _, gradients = step.run({"x": rows(100)["x"][:16]})
        assert gradients[0].stride() != before.stride()
        step.update(gradients, 1.0)
    moved = (run.model.coder.weight.detach() - before).sign()
    assert moved.tolist() == [[-1, -1, 1], [-1, 1, -1]]
