"""What stands in for operators that ONNX lacks answers as torch's own do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sparring.models.blocks.muon_frame import MuonFrame
from sparring.production.handover.operators import hypotenuse, normal_quantile, rank, stand_ins


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("knots", [1, 2, 7, 8, 9, 500, 5000])
def test_a_place_in_a_sorted_row_is_torchs_own(knots, right):
    ordered = torch.rand(3, knots, generator=torch.Generator().manual_seed(0)).sort(dim=1).values
    ordered[:, knots // 3 : knots // 2] = ordered[:, knots // 3, None]  # many alike
    edges = torch.tensor([-torch.inf, torch.inf, torch.nan, -1.0, 2.0]).expand(3, -1)
    x = torch.cat([torch.linspace(-0.1, 1.1, 1001).expand(3, -1), ordered, edges], dim=1)
    assert torch.equal(rank(ordered, x, right=right), torch.searchsorted(ordered, x, right=right))


def test_the_normal_quantile_is_off_by_what_float32_rounds():
    low = torch.logspace(-38, -0.31, 20001, dtype=torch.float64)
    share = torch.cat([low, 1 - low[low > 6e-8], torch.linspace(0.4, 0.6, 2001, dtype=torch.float64)]).float()
    truth = torch.special.ndtri(share.double())
    off = (normal_quantile(share) - truth).abs() / truth.abs().clamp_min(1e-3)
    assert float(off.max()) < 4e-7  # torch's own in float32: 3.5e-7
    ends = torch.tensor([0.0, 1.0])
    assert normal_quantile(ends).tolist() == [-torch.inf, torch.inf]


def test_a_hypotenuse_neither_overflows_nor_divides_by_zero():
    sides = torch.tensor([0.0, 3e-30, 3.0, -4.0, 7e3, 3e25])
    x, y = (each.flatten() for each in torch.meshgrid(sides, sides, indexing="ij"))
    torch.testing.assert_close(hypotenuse(x, y), torch.hypot(x.double(), y.double()).float(), rtol=3e-7, atol=0)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # of torch 2.13 about a name that it uses itself
def test_a_traced_frame_has_none_of_the_operators_left():
    class Normal(nn.Module):
        def __init__(self):
            super().__init__()
            self.frame = MuonFrame()

        def forward(self, muons):
            return self.frame.normalize(self.frame.box(muons))

    frame, muons = Normal(), torch.randn(20, 7, generator=torch.Generator().manual_seed(0)) * 40
    program = torch.export.export(frame, (muons,), strict=False).run_decompositions(stand_ins())
    left = {node.target for node in program.graph.nodes} & set(stand_ins())
    assert not left
    torch.testing.assert_close(program.module()(muons), frame(muons), rtol=1e-6, atol=1e-6)
