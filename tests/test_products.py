"""Which library multiplies: the choice follows from the processor, the nets and the batch, and stays float32."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from sparring.models.aegan.model import AEGAN
from sparring.records import Objective, Trial
from sparring.training.hardware import matmul
from sparring.training.loop import TrialTraining

CPU = torch.device("cpu")


@pytest.fixture
def suited(monkeypatch):
    monkeypatch.setattr(matmul, "is_suited", lambda: True)


@pytest.mark.parametrize(
    ("width", "rows", "chosen"),
    [(256, 64, True), (128, 64, False), (128, 128, True), (1000, 50, True), (64, 128, False)],
)
def test_wide_layers_are_worth_it_and_narrow_ones_are_not(suited, width, rows, chosen):
    net = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
    assert isinstance(matmul.choose(net, rows, CPU), matmul.OneDnnMatmul) is chosen


def test_a_net_of_both_is_judged_by_their_sum(suited):
    wide, narrow = nn.Linear(256, 256), [nn.Linear(64, 64) for _ in range(8)]
    assert isinstance(matmul.choose(nn.ModuleList([wide, *narrow[:2]]), 64, CPU), matmul.OneDnnMatmul)
    assert isinstance(matmul.choose(nn.ModuleList([wide, *narrow]), 64, CPU), nullcontext)


def test_other_devices_numbers_and_processors_stay_as_they_are(monkeypatch):
    net = nn.Linear(1000, 1000)
    monkeypatch.setattr(matmul, "is_suited", lambda: False)
    assert isinstance(matmul.choose(net, 64, CPU), nullcontext)
    monkeypatch.setattr(matmul, "is_suited", lambda: True)
    assert isinstance(matmul.choose(net, 64, CPU), matmul.OneDnnMatmul)
    assert isinstance(matmul.choose(net, 64, torch.device("cuda")), nullcontext)
    assert isinstance(matmul.choose(net.double(), 64, CPU), nullcontext)


def test_a_processor_that_would_round_is_not_suited(monkeypatch):
    assert matmul.keeps_float32() or torch.cpu._is_amx_tile_supported()
    monkeypatch.setattr(matmul, "ROUNDING", 1e-9)  # as if float32 itself were too coarse
    assert not matmul.keeps_float32()


@pytest.mark.parametrize(("vendor", "found"), [("AuthenticAMD", True), ("GenuineIntel", False)])
def test_the_vendor_is_read_from_what_linux_says(tmp_path, vendor, found):
    described = tmp_path / "cpuinfo"
    described.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: AuthenticAMD no more\n")
    assert matmul.is_of_amd(described) is found
    assert not matmul.is_of_amd(tmp_path / "elsewhere")


def divide_under(precision: str) -> float:
    assert precision == "medium"
    return 1 / 0


def test_the_permission_ends_with_the_step_also_with_an_error():
    permission = matmul.OneDnnMatmul()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), permission:
            divide_under(torch.get_float32_matmul_precision())
        assert torch.get_float32_matmul_precision() == "highest"


def test_gradients_differ_by_rounding_alone(monkeypatch):
    """Of one pass: batch norms and Adam make more of a last digit with every step that follows."""
    if not matmul.is_suited():
        pytest.skip("oneDNN would be no faster on this processor, or would round to bfloat16")
    generator = torch.Generator().manual_seed(0)
    rows = {name: torch.rand(64, n, generator=generator) for name, n in (("structure", 49), ("spectrum", 226))}

    def gradients() -> torch.Tensor:
        trial, objective = Trial(number=0, params={}, seed=0), Objective(metric="val/score")
        solo = TrialTraining(AEGAN, AEGAN.Config(), rows, rows, trial=trial, objective=objective)
        seen: list[torch.Tensor] = []
        for arm in solo.phase_steps:
            monkeypatch.setattr(arm, "update", lambda found, _: seen.extend(each.flatten() for each in found))
        solo.run_step(0, torch.arange(64))
        return torch.cat(seen)

    fast = gradients()
    monkeypatch.setattr(matmul, "is_suited", lambda: False)
    plain = gradients()
    assert 0 < (fast - plain).abs().max() < 1e-5 * plain.abs().max(), "another library, the same float32"
