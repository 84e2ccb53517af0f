"""The optimizers against torch's own, and what happens where torch's private kernels are not what they were."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from typing import ClassVar

import pytest
import torch
from torch import nn

from sparring.models.config import Config, Phase
from sparring.training import optimizers
from sparring.training.optimizer_probe import expected
from sparring.training.optimizers import is_trusted, make_optimizer, step_of

PHASE = Phase(name="gen", nets=(), lr="lr_gen", optim_fn="optim_fn_gen", weight_decay="weight_decay")
KINDS = ["Adam", "AdamW", "SGD", "RMSprop", "Adagrad"]


class ToyConfig(Config):
    phases: ClassVar = (PHASE,)

    lr_gen: float = 1e-2
    optim_fn_gen: str = "Adam"
    weight_decay: float = 0.01


@pytest.fixture
def untried() -> Iterator[None]:
    """No optimizer has been tried in this process, and what this test finds is forgotten."""
    is_trusted.cache_clear()
    yield
    is_trusted.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_steps_as_torchs_own_does(kind):
    config = ToyConfig(optim_fn_gen=kind)
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 7)) for _ in range(2))
    step = step_of(make_optimizer(config, PHASE, [ours]))
    plain = getattr(torch.optim, kind)([theirs], lr=1e-2, weight_decay=0.01)
    for n in range(1, 4):
        ours.grad = theirs.grad = torch.full((7,), 0.3 * n)
        step()
        plain.step()
    torch.testing.assert_close(ours, theirs)
    assert ours.requires_grad


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_the_kernel_alone_steps_bit_for_bit_as_torchs_own_way_also_when_a_gradient_is_missing(kind):
    config = ToyConfig(optim_fn_gen=kind)
    ours, theirs = ([nn.Parameter(torch.linspace(-1, 1, n)) for n in (5, 7)] for _ in range(2))
    optimizer = make_optimizer(config, PHASE, ours)
    step, plain = step_of(optimizer), getattr(torch.optim, kind)(theirs, lr=1e-2, weight_decay=0.01, fused=True)
    for n in range(1, 7):
        optimizer.param_groups[0]["lr"] = plain.param_groups[0]["lr"] = 0.01 / n
        for pair in (ours, theirs):
            for parameter in pair:
                parameter.grad = torch.cos(n * torch.arange(len(parameter)))
            pair[1].grad = None if n == 4 else pair[1].grad
        step()
        plain.step()
        assert all(map(torch.equal, ours, theirs)), n
    assert [float(optimizer.state[parameter]["step"]) for parameter in ours] == [6, 5]


@pytest.mark.slow
def test_an_optimizer_imports_no_compiler():
    """It would cost every slot a second at its first trial and 74 MB for good."""
    program = (
        "import sys, torch; from sparring.models.config import Phase; "
        "from sparring.training.optimizers import make_optimizer, step_of; "
        "from types import SimpleNamespace as Config; p = torch.nn.Parameter(torch.zeros(3)); p.grad = torch.ones(3); "
        "step_of(make_optimizer(Config(lr=0.1, o='Adam'), Phase(name='g', nets=(), lr='lr', optim_fn='o'), [p]))(); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


# -- the probe --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_probe_expects_is_where_torchs_own_optimizer_goes(kind: str) -> None:
    from sparring.training.optimizer_probe import DECAY, GRADIENTS, LR, STARTS

    parameters = [nn.Parameter(torch.tensor(values, dtype=torch.float64)) for values in STARTS]
    plain = getattr(torch.optim, kind)(parameters, lr=LR, weight_decay=DECAY)
    for gradients in GRADIENTS:
        for parameter, values in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(values, dtype=torch.float64)
        plain.step()
    assert torch.cat([parameter.detach() for parameter in parameters]).tolist() == pytest.approx(expected(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_this_torch_is_trusted(untried: None, kind: str) -> None:
    assert is_trusted(kind, "cpu")


def changed_signature(*_: object) -> None:
    raise TypeError("_fused_adam_() got an unexpected keyword argument")


def unsupported(*_: object, **__: object) -> None:
    raise RuntimeError("not implemented for this device")


def idle(*_: object, **__: object) -> None:
    """Answers, and does nothing."""


def ruinous(parameters: list[torch.Tensor], *_: object, **__: object) -> None:
    for parameter in parameters:
        parameter.fill_(math.nan)


@pytest.mark.parametrize("kernel", [changed_signature, unsupported, idle, ruinous])
def test_where_the_kernel_is_not_what_it_was_the_plain_optimizer_trains(
    untried: None, monkeypatch: pytest.MonkeyPatch, kernel: object
) -> None:
    monkeypatch.setattr(torch, "_fused_adam_", kernel)
    ours, theirs = ([nn.Parameter(torch.linspace(-1, 1, n)) for n in (5, 7)] for _ in range(2))
    with pytest.warns(RuntimeWarning, match=r"^Adam: torch .* its plain optimizer is used$"):
        optimizer = make_optimizer(ToyConfig(), PHASE, ours)
    step, plain = step_of(optimizer), torch.optim.Adam(theirs, lr=1e-2, weight_decay=0.01)
    for n in range(1, 5):
        for parameter in (*ours, *theirs):
            parameter.grad = torch.cos(n * torch.arange(len(parameter)))
        step()
        plain.step()
    assert all(map(torch.equal, ours, theirs))
    assert not torch.equal(ours[0], torch.linspace(-1, 1, 5))


def test_a_step_that_is_no_longer_under_its_decorator_is_not_taken(
    untried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizers.inspect, "unwrap", lambda step: lambda optimizer: None)
    parameter = nn.Parameter(torch.ones(3))
    with pytest.warns(RuntimeWarning, match="RMSprop"):
        step = step_of(make_optimizer(ToyConfig(optim_fn_gen="RMSprop"), PHASE, [parameter]))
    parameter.grad = torch.ones(3)
    step()
    assert (parameter < 1).all()


def test_each_kind_is_tried_once(untried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(optimizers.optimizer_probe, "find_problem", lambda name, *_: tried.append(name))
    for kind in ("Adam", "Adam", "SGD"):
        step_of(make_optimizer(ToyConfig(optim_fn_gen=kind), PHASE, [nn.Parameter(torch.ones(3))]))
    assert tried == ["Adam", "SGD"]
