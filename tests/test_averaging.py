"""Several processes against one: the same global batches, float64, real gloo groups of 2 and 3, no Ray.

This file is also the program of each of those processes, which plays every scene once and writes down what it saw:
`python test_averaging.py RANK SIZE FOLDER`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sparring.errors import Infeasible
from sparring.models.aegan.config import Config as AEGANConfig
from sparring.models.aegan.model import AEGAN
from sparring.models.base import Model, Step
from sparring.models.blocks.mlp import Block
from sparring.models.config import Config, Phase
from sparring.records import Objective, Trial
from sparring.training.averaging import PeerLost, Workers
from sparring.training.loop import TrialTraining
from sparring.training.norms import synchronise

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # 10 s a group alone, minutes on a machine with others

STEPS, BATCH = 5, 16
"""Steps per epoch; every scene trains two epochs, so ten steps."""


class PlainConfig(Config):
    fields: ClassVar = ("x",)
    phases: ClassVar = (Phase(name="fit", nets=("net",), lr="lr", optim_fn="optim_fn"),)
    metrics: ClassVar = ("train/loss", "val/score")

    lr: float = 1e-3
    optim_fn: str = "Adam"


class Plain(Model):
    """An autoencoder without batch norm, with noise and dropout."""

    Config = PlainConfig

    def __init__(self, config, shapes):
        super().__init__(config, shapes)
        (width,) = shapes["x"]
        self.net = nn.Sequential(nn.Linear(width, 8), nn.LayerNorm(8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, width))

    def fit(self, x):
        loss = functional.mse_loss(self.net(x + 0.1 * torch.randn_like(x)), x)
        return Step(loss, {"train/loss": loss}, {})

    def evaluate(self, x):
        return {"n": torch.tensor(float(len(x))), "squares": (self.net(x) - x).square().mean(1).sum()}

    def figures(self, sums):
        return {"val/score": float(sums["squares"] / sums["n"])}


class Unshifted(AEGAN):
    """The AEGAN without the biases that a later batch norm takes away again.

    Their gradients are zero but for rounding, 1e-17, and Adam divides by |gradient| + 1e-8: ten steps of lr 1e-3 make
    1e-11 of it, the sole difference between one worker and several that is above 1e-13.
    """

    def initialize(self):
        super().initialize()
        for block in (module for module in self.modules() if isinstance(module, Block)):
            block.linear.bias.requires_grad_(False)
            if block.activation is None:
                block.norm.bias.requires_grad_(False)


def pairs(n: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    structure = torch.rand(n, 7, dtype=torch.float64, generator=generator) * 5 - 1
    mix = torch.randn(7, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(99))
    return {"structure": structure, "spectrum": torch.tanh(structure @ mix) + 0.5}


def aegan(workers: Workers | None, *, sync: bool, model: type[Model] = Unshifted, **fields: Any) -> TrialTraining:
    config = AEGANConfig(
        epochs=2, batch_size=BATCH, hidden_size=8, n_hl_gen=1, n_hl_shared=1, n_hl_dis=1, w_adv=0.05, input_noise=0.1,
        dropout=0.2, lr_gen=1e-3, lr_dis=1e-3, input_scaling="standard", lr_schedule="cosine", **fields,
    )  # fmt: skip
    return TrialTraining(
        model, config, pairs(BATCH * STEPS, 0), pairs(23, 1), trial=Trial(number=0, params={}, seed=5),
        objective=Objective(metric="val/score"), workers=workers, sync_batchnorm=sync,
    )  # fmt: skip


def plain(workers: Workers | None, *, batch: int = 10, valid: int = 7) -> TrialTraining:
    generator = torch.Generator().manual_seed(0)
    train, held = (torch.randn(n, 6, dtype=torch.float64, generator=generator) for n in (batch * STEPS, valid))
    return TrialTraining(
        Plain, PlainConfig(epochs=2, batch_size=batch), {"x": train}, {"x": held},
        trial=Trial(number=0, params={}, seed=5), objective=Objective(metric="val/score"), workers=workers,
    )  # fmt: skip


def told(run: TrialTraining, epochs: int = 2) -> dict[str, Any]:
    """What training showed: metrics per epoch, and every number of the model and its optimizers."""
    rows = [dict(run.run_epoch().metrics) for _ in range(epochs)]
    state = dict(run.model.state_dict())
    for arm in run.phase_steps:
        state |= {f"{arm.phase.name}.{name}": tensor.clone() for name, tensor in arm.state()}
    state |= {f"best.{name}": tensor for name, tensor in run.best.state.items()}
    return {"rows": rows, "state": {name: tensor.clone() for name, tensor in state.items()}}


# -- what each process plays ------------------------------------------------------------------------------------------


FROZEN = [v / 3 for v in range(1, 9)]
"""Variances whose weighted mean over three workers is not themselves to the bit."""


def plain_norms(workers: Workers | None, **fields: Any) -> dict[str, Any]:
    run = aegan(workers, sync=False, freeze={"n_encoder1": 1}, **fields)
    run.model.structure_encoder[0].norm.running_var.copy_(torch.tensor(FROZEN))
    return told(run)


def resumed(workers: Workers | None) -> dict[str, Any]:
    """Two epochs, and the second once more from the checkpoint between them."""
    run, again = aegan(workers, sync=True, ema=0.5), aegan(workers, sync=True, ema=0.5)
    first = dict(run.run_epoch().metrics)
    packed = run.save()
    whole = told(run, 1)
    again.restore(packed)
    return {
        "rows": [first, *whole["rows"]], "state": whole["state"], "packed": packed, "again": told(again, 1)
    }  # fmt: skip


def poisoned(workers: Workers | None) -> dict[str, Any]:
    run = aegan(workers, sync=False)
    if workers is not None and workers.rank == 1:
        run.rows.train["spectrum"][:] = float("nan")
    return {"finite": run.run_epoch().is_finite, "best": run.best.epoch is not None}


def normalized(workers: Workers | None) -> dict[str, Tensor]:
    """Ten images, two channels, through one batch norm whose mean is large; gradients of a loss that weighs rows."""
    norm = nn.BatchNorm2d(2, momentum=0.3)
    norm.weight.data, norm.bias.data = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 0.0])
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(10, 2, 3, 4, generator=generator) + 1000
    weight = torch.randn(10, 2, 3, 4, generator=generator)
    share = slice(None)
    if workers is not None:
        synchronise(nn.ModuleList([norm]), workers)
        share = workers.share(10)
    images.requires_grad_()
    y = norm(images[share])
    (y.tanh() * weight[share]).sum().backward()
    gradients = [images.grad, norm.weight.grad, norm.bias.grad]
    if workers is not None:
        whole = torch.zeros(images.shape)
        whole[share] = y.detach()
        gradients.append(whole)
        images_grad, weight_grad, bias_grad, y = workers.sum_(gradients)
        gradients = [images_grad, weight_grad, bias_grad]
    norm.eval()
    return {
        "y": y.detach(), "x": gradients[0], "weight": gradients[1], "bias": gradients[2],
        "eval": norm(images[:1]).detach(), **norm.state_dict(),
    }  # fmt: skip


def infeasible(workers: Workers | None) -> str:
    try:
        plain(workers, batch=3)
    except Infeasible as error:
        return str(error)
    return ""


def agreed(workers: Workers | None) -> list[Any]:
    assert workers is not None
    return [
        workers.all_agree(True),
        workers.all_agree(workers.rank != 1),
        workers.follow(40 + workers.rank),
        [(workers.share(n).start, workers.share(n).stop) for n in (10, 2)],
    ]


SCENES: dict[str, Callable[[Workers | None], Any]] = {
    "synced": resumed,
    "SGD": lambda workers: told(aegan(workers, sync=True, model=AEGAN, optim_fn_gen="SGD", optim_fn_dis="SGD")),
    "frozen": lambda workers: told(aegan(workers, sync=True, freeze={"n_encoder1": 1, "n_discrim2": 1}), 1),
    "plain norms": plain_norms,
    "averaged over steps": lambda workers: plain_norms(workers, ema=0.9),
    "no norms": lambda workers: told(plain(workers)),
    "one row to validate": lambda workers: told(plain(workers, valid=1), 1),
    "two rows to validate": lambda workers: told(plain(workers, valid=2), 1),
    "poisoned": poisoned,
    "normalized": normalized,
    "infeasible": infeasible,
}


ALIKE = ["synced", "SGD", "frozen", "no norms"]
"""Scenes in which several workers compute what one does."""

VALIDATED = ["one row to validate", "two rows to validate"]
"""Fewer rows than three workers: some evaluate none."""


def play(rank: int, size: int, folder: Path) -> None:
    torch.set_default_dtype(torch.float64)
    store = torch.distributed.FileStore(str(folder / "store"), size)
    torch.distributed.init_process_group(
        "gloo", store=store, rank=rank, world_size=size, timeout=timedelta(seconds=200)
    )
    workers = Workers(rank, size)
    seen = {name: scene(workers) for name, scene in SCENES.items()} | {"agreed": agreed(workers)}
    if rank != 1:  # rank 1 dies without a word
        try:
            workers.all_agree(True)
        except PeerLost as error:
            seen["lost"] = str(error)
    torch.save(seen, folder / f"{rank}.pt")
    # A group that has lost a peer is not taken apart, and left to the interpreter's end, gloo's threads abort about one
    # process in eight (torch 2.13).
    os._exit(0)


# -- what they saw, against one process -------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[2, 3])
def group(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Per rank what it saw in each scene."""
    size, folder = request.param, tmp_path_factory.mktemp("workers")
    processes = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(size), str(folder)]) for rank in range(size)
    ]
    try:
        assert [process.wait(timeout=500) for process in processes] == [0] * size
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(size)]


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def distance(one: Any, other: Any) -> float:
    """The largest difference between two trees of numbers, relative to 1 or to the number, whichever is larger.

    Figures of health are left out: each worker takes them of its own rows, and theirs is the mean.
    """
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return max(distance(one[key], other[key]) for key in one if not str(key).startswith("health/"))
    if isinstance(one, list):
        assert len(one) == len(other)
        return max(distance(a, b) for a, b in zip(one, other, strict=True))
    a, b = (torch.as_tensor(each, dtype=torch.float64) for each in (one, other))
    return float(((a - b).abs() / a.abs().clamp_min(1)).max())


@pytest.mark.parametrize("scene", [*ALIKE, *VALIDATED])
def test_several_workers_train_what_one_does_alone(group, scene):
    """Noise, dropout, the adversarial phases, unequal shares (16 and 10 rows on 3), metrics and validation figures."""
    alone, together = SCENES[scene](None), group[0][scene]
    assert distance(alone["rows"], together["rows"]) < 1e-12
    assert distance(alone["state"], together["state"]) < 1e-12


@pytest.mark.parametrize("scene", [*ALIKE, "plain norms", "averaged over steps", *VALIDATED])
def test_all_workers_hold_the_same_bits(group, scene):
    for other in group[1:]:
        assert other[scene]["rows"] == group[0][scene]["rows"]
        for name, tensor in group[0][scene]["state"].items():
            assert torch.equal(tensor, other[scene]["state"][name]), name


def test_batch_norm_per_worker_trains_another_function(group):
    alone = SCENES["plain norms"](None)
    assert 1e-6 < distance(alone["rows"], group[0]["plain norms"]["rows"]) < 1


def test_averaging_leaves_frozen_statistics_as_they_were(group):
    for scene in ("plain norms", "averaged over steps"):
        state = group[0][scene]["state"]
        assert torch.equal(state["structure_encoder.0.norm.running_var"], torch.tensor(FROZEN))
        assert torch.equal(state["best.structure_encoder.0.norm.running_var"], torch.tensor(FROZEN))
    assert not torch.equal(state["spectrum_encoder.0.norm.running_var"], torch.ones(8))


def test_a_synchronised_batch_norm_is_torchs_own_on_the_whole_batch(group):
    alone = normalized(None)
    for seen in group:
        assert distance(alone, seen["normalized"]) < 1e-10  # the mean of 1000 costs three digits
    assert int(group[0]["normalized"]["num_batches_tracked"]) == 1


def test_a_checkpoint_goes_on_bit_for_bit_with_as_many_workers(group):
    for seen in group:
        assert seen["synced"]["rows"][1:] == seen["synced"]["again"]["rows"]
        assert distance(seen["synced"]["state"], seen["synced"]["again"]["state"]) == 0


def test_a_checkpoint_goes_on_with_one_worker(group):
    run = aegan(None, sync=True, ema=0.5)
    run.restore(group[0]["synced"]["packed"])
    assert distance(told(run, 1), group[0]["synced"]["again"]) < 1e-12


@pytest.mark.fault(43)
def test_a_nan_on_one_worker_stops_them_all(group):
    assert [seen["poisoned"] for seen in group] == [{"finite": False, "best": False}] * len(group)


def test_a_batch_too_small_for_its_workers_is_refused_by_all(group):
    size = len(group)
    for seen in group:
        assert f"2 rows for each of its workers, but got 3 rows for {size} workers" in seen["infeasible"]
        assert f"at least {2 * size}, or train with 1 workers" in seen["infeasible"]


def test_workers_agree_follow_and_share(group):
    shares = {2: [[(0, 5), (0, 1)], [(5, 10), (1, 2)]], 3: [[(0, 3), (0, 0)], [(3, 6), (0, 1)], [(6, 10), (1, 2)]]}
    for rank, seen in enumerate(group):
        assert seen["agreed"] == [True, False, 40, shares[len(group)][rank]]


@pytest.mark.fault(3)
def test_a_worker_that_died_is_told_to_the_others(group):
    for rank, seen in enumerate(group):
        if rank != 1:
            assert f"worker {rank} of {len(group)} waited for the others in vain" in seen["lost"]


if __name__ == "__main__":
    play(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
