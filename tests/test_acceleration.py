"""Precision, compiling and where rows lie: what changes numbers, what must not, and what happens without a compiler."""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional

from sparring.errors import UnknownName
from sparring.models.aegan.config import Config as AEGANConfig
from sparring.models.aegan.model import AEGAN
from sparring.models.base import Model, Step
from sparring.models.config import Config, Phase
from sparring.records import Objective, Trial
from sparring.training.batches import placement as rows_module
from sparring.training.batches.placement import place, take, window
from sparring.training.hardware import compiling
from sparring.training.hardware.compiling import Compiled
from sparring.training.loop import TrialTraining
from sparring.training.noise import Noise

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class PairConfig(Config):
    fields: ClassVar = ("x",)
    phases: ClassVar = (
        Phase(name="gen", nets=("coder",), lr="lr", optim_fn="optim_fn"),
        Phase(name="dis", nets=("critic",), lr="lr", optim_fn="optim_fn"),
    )
    metrics: ClassVar = ("train/loss_gen", "train/loss_dis", "val/score")

    lr: float = 1e-2
    optim_fn: str = "SGD"


class Pair(Model):
    """A coder that draws noise and a critic that does not; both have batch norms."""

    Config = PairConfig

    def __init__(self, config, shapes):
        super().__init__(config, shapes)
        (width,) = shapes["x"]
        self.coder = nn.Sequential(nn.Linear(width, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, width))
        self.critic = nn.Sequential(nn.Linear(width, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1))

    def gen(self, x):
        fake = self.coder(x + 0.1 * torch.randn_like(x))
        loss = functional.mse_loss(fake, x) + 0.1 * functional.softplus(-self.critic(fake)).mean()
        return Step(loss, {"train/loss_gen": loss}, {"fake": fake})

    def dis(self, x, fake):
        loss = functional.softplus(-self.critic(x)).mean() + functional.softplus(self.critic(fake)).mean()
        return Step(loss, {"train/loss_dis": loss}, {})

    def evaluate(self, x):
        return {"n": torch.tensor(float(len(x))), "squares": (self.coder(x) - x).square().mean(1).sum()}

    def figures(self, sums):
        return {"val/score": float(sums["squares"] / sums["n"])}


def pair(**options: Any) -> TrialTraining:
    generator = torch.Generator().manual_seed(0)
    train, valid = torch.randn(80, 6, generator=generator), torch.randn(30, 6, generator=generator)
    trial, objective = Trial(number=0, params={}, seed=3), Objective(metric="val/score")
    config = PairConfig(epochs=40, batch_size=16)
    return TrialTraining(Pair, config, {"x": train}, {"x": valid}, trial=trial, objective=objective, **options)


def aegan(**options: Any) -> TrialTraining:
    generator = torch.Generator().manual_seed(0)
    structure = torch.rand(80, 7, generator=generator)
    data = {"structure": structure, "spectrum": torch.tanh(structure @ torch.randn(7, 11, generator=generator))}
    config = AEGANConfig(
        epochs=2, batch_size=16, hidden_size=8, n_hl_gen=1, n_hl_shared=1, n_hl_dis=1, w_adv=0.05, lr_gen=1e-2,
        lr_dis=1e-2, optim_fn_gen="SGD", optim_fn_dis="SGD",
    )  # fmt: skip
    trial, objective = Trial(number=0, params={}, seed=3), Objective(metric="val/score")
    return TrialTraining(AEGAN, config, data, data, trial=trial, objective=objective, **options)


def train(run: TrialTraining, epochs: int = 2) -> list[dict[str, float]]:
    return [dict(run.run_epoch().metrics) for _ in range(epochs)]


def assert_same_bits(one: TrialTraining, other: TrialTraining) -> None:
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name]), name


# -- precision --------------------------------------------------------------------------------------------------------


def test_an_unknown_precision_is_refused():
    with pytest.raises(UnknownName, match=r"there are fp32, tf32, bf16, but got 'fp16'; choose one"):
        pair(precision="fp16")


def test_tf32_changes_nothing_on_a_cpu():
    switches = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    assert train(pair(precision="tf32")) == train(pair())
    assert switches == (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)


def test_bf16_multiplies_in_bf16_and_keeps_everything_else_in_float32():
    run, seen = pair(precision="bf16"), set()
    run.model.coder[0].register_forward_hook(lambda module, given, out: seen.add((module.training, out.dtype)))
    figures = train(run)
    assert seen == {(True, torch.bfloat16), (False, torch.bfloat16)}
    kept = [*run.model.parameters(), *(parameter.grad for parameter in run.model.parameters())]
    assert {tensor.dtype for tensor in kept} == {torch.float32}
    assert {tensor.dtype for tensor in run.model.buffers()} == {torch.float32, torch.int64}
    assert train(pair(precision="bf16")) == figures
    exact = train(pair())
    assert figures != exact
    assert figures[-1]["val/score"] == pytest.approx(exact[-1]["val/score"], rel=0.02)


def test_bf16_still_learns():
    figures = train(pair(precision="bf16"), 40)
    assert figures[-1]["val/score"] < 0.7 * figures[0]["val/score"]


def test_dropout_of_bfloat16_drops_its_share():
    """Drawn in bfloat16 it would be 26 of 256, 0.1016; here one deviation is 0.00015."""
    with Noise(1, rows=2000).begin(0, 0):
        dropped = functional.dropout(torch.ones(2000, 2000, dtype=torch.bfloat16), 0.1)
    assert dropped.dtype == torch.bfloat16
    assert abs(float((dropped == 0).double().mean()) - 0.1) < 0.0006


# -- compiling --------------------------------------------------------------------------------------------------------


def breaks(*_: Any, **__: Any) -> Any:
    raise RuntimeError("no compiler here\nand much more")


def breaks_late(forward: Any, **_: Any) -> Any:
    """Compiles, runs, moves the batch norms' statistics, and only then fails."""

    def run(*given: Any) -> None:
        forward(*given)
        breaks()

    return run


@pytest.mark.parametrize("fault", [breaks, breaks_late])
def test_without_a_compiler_training_is_eager_with_one_warning(monkeypatch, fault):
    monkeypatch.setattr(torch, "compile", fault)
    run, eager = pair(compiled=True), pair()
    with pytest.warns(RuntimeWarning) as told:
        figures = train(run)
    said = [str(each.message) for each in told]
    assert said == ["phase dis: --compile failed (RuntimeError: no compiler here); it runs without"]
    assert figures == train(eager)
    assert_same_bits(run, eager)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_graph_that_cannot_be_captured_is_eager_from_there_on(monkeypatch, call):
    """On a GPU a phase is compiled at its first call, its graph recorded at the second and replayed at the third."""
    calls = 0

    def fragile(forward, **_):
        def run(*given: Any) -> Any:
            nonlocal calls
            calls += 1
            return forward(*given) if calls != call else breaks()

        return run

    monkeypatch.setattr(torch, "compile", fragile)
    run, eager = pair(compiled=True), pair()
    for arm in run.phase_steps:
        if isinstance(arm.run, Compiled):
            arm.run = Compiled(arm, run.model, torch.device("cuda"))
    with pytest.warns(RuntimeWarning, match="phase dis: --compile failed") as told:
        figures = train(run)
    assert (len(told), calls) == (1, call)
    assert figures == train(eager)
    assert_same_bits(run, eager)


def test_graphs_of_earlier_trials_are_forgotten_in_time(monkeypatch):
    forgotten = []
    monkeypatch.setattr(torch.compiler, "reset", lambda: forgotten.append(True))
    monkeypatch.setattr(compiling, "trials_with_graphs", itertools.count(1))
    for _ in range(compiling.GRAPH_TRIALS):
        assert not forgotten
        compiling.forget_graphs()
    assert forgotten == [True]


def test_a_phases_own_error_is_not_hidden_by_the_fallback(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    run = pair(compiled=True)
    monkeypatch.setattr(run.model, "dis", lambda x, fake: 1 / 0)
    with pytest.warns(RuntimeWarning, match="division by zero"), pytest.raises(ZeroDivisionError):
        run.run_epoch()


def test_only_phases_that_draw_no_noise_are_compiled(monkeypatch):
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(torch, "compile", lambda forward, **options: (asked.append(options), forward)[1])
    run = pair(compiled=True)
    assert [isinstance(arm.run, Compiled) for arm in run.phase_steps] == [False, True]
    train(run)
    assert asked == [{"dynamic": False, "mode": "default"}]


def test_the_dry_step_leaves_no_trace_and_resuming_compiles_the_same_steps(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    eager, whole = pair(), pair(compiled=True)
    assert train(whole, 1) == train(eager, 1)
    again = pair(compiled=True)
    again.restore(whole.save())
    assert train(again) == train(whole) == train(eager)
    assert_same_bits(again, eager)
    assert_same_bits(whole, eager)


@pytest.mark.slow
@pytest.mark.leaves("the pool of torch's compiler")
@pytest.mark.timeout(900)  # the compiler: 10 s alone, minutes beside others
def test_compiled_phases_train_as_eager_ones():
    run, eager = aegan(compiled=True), aegan()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figures = train(run, 1)
    assert all(isinstance(arm.run, Compiled) for arm in run.phase_steps), "nothing was compiled, so nothing was tested"
    assert figures != train(eager, 1), "the same bits: was it compiled?"
    assert figures[0] == pytest.approx(eager.history[0]["metrics"], rel=1e-5)
    for name, tensor in eager.model.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[name], tensor, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_training_without_compile_imports_no_compiler():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_acceleration as t; t.train(t.pair(), 1); "
        "t.train(t.pair(precision='bf16'), 1); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(Path(__file__).parent)], timeout=120).returncode == 0


# -- rows -------------------------------------------------------------------------------------------------------------


def test_rows_stay_on_the_host_if_they_take_more_than_half_of_what_a_gpu_has_left(monkeypatch):
    images = {"image": torch.zeros(10, 3, 4, dtype=torch.uint8)}
    monkeypatch.setattr(rows_module, "free_bytes", lambda device: 239)
    assert place(images, torch.device("cuda"))["image"] is images["image"]
    monkeypatch.setattr(rows_module, "free_bytes", lambda device: 240)
    if torch.cuda.is_available():
        assert place(images, torch.device("cuda"))["image"].is_cuda
    else:
        with pytest.raises((AssertionError, RuntimeError), match=r"(?i)cuda|nvidia"):
            place(images, torch.device("cuda"))


@pytest.mark.parametrize(("share", "left"), [(1.0, 660), (0.5, 460), (0.1, 60)])
def test_a_slot_s_share_of_a_gpu_bounds_what_it_has_left(monkeypatch, share, left):
    """Of 1,000 bytes others hold 300 and this process's allocator 100, of which 40 are in use."""
    for name, answer in (("mem_get_info", (600, 1000)), ("memory_reserved", 100), ("memory_allocated", 40)):
        monkeypatch.setattr(torch.cuda, name, lambda device, answer=answer: answer)
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: share, raising=False)
    assert rows_module.free_bytes(torch.device("cuda")) == left


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_batches_keep_their_type_and_go_to_the_device(device):
    images = {"image": torch.arange(240, dtype=torch.uint8).view(20, 3, 4)}
    index = torch.tensor([7, 0])
    for batch in (take(images, index, torch.device(device)), window(images, slice(3, 5), torch.device(device))):
        assert batch["image"].dtype == torch.uint8
        assert batch["image"].shape == (2, 3, 4)
        assert batch["image"].device.type == device
    if device == "cpu":
        assert torch.equal(take(images, index, torch.device("cpu"))["image"], images["image"][index])


@needs_cuda
def test_rows_on_the_host_train_as_rows_on_the_gpu(monkeypatch):
    resident = pair(device="cuda")
    monkeypatch.setattr(rows_module, "free_bytes", lambda device: 0)
    hosted = pair(device="cuda")
    assert not hosted.rows.train["x"].is_cuda
    assert train(hosted) == train(resident)


@needs_cuda
def test_a_checkpoint_resumes_bit_for_bit_on_a_gpu():
    whole = pair(device="cuda")
    train(whole, 1)
    again = pair(device="cuda")
    again.restore(whole.save())
    assert train(again) == train(whole)


@needs_cuda
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_cuda_graphs_train_as_eager_phases():
    run, eager = aegan(device="cuda", compiled=True), aegan(device="cuda")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figures = train(run)
    assert all(isinstance(arm.run, Compiled) for arm in run.phase_steps)
    assert figures[-1] == pytest.approx(train(eager)[-1], rel=1e-4)
