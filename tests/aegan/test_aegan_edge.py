"""Edges, white lines and R-factors of predicted spectra: known shifts are found, and what the score does not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.aegan import make, make_rows

from sparring.data import Dataset, load_dataset, read_card
from sparring.errors import DataError, UsageError
from sparring.models.aegan.config import Config
from sparring.models.aegan.model import AEGAN
from sparring.models.metrics.edge import edge_position, r_factor, white_line_position
from sparring.study.checks import check_steps

STEP = 1 / 3
ENERGY = torch.arange(226, dtype=torch.float64) * STEP


def spectra(edges, lines=18.0, height=0.5):
    """An arctangent step of 2 eV at the edge and a Lorentzian white line of 3 eV, (B, 226)."""
    edges = torch.as_tensor(edges, dtype=torch.float64)[:, None]
    step = 0.5 + torch.atan((ENERGY - edges) / 2) / torch.pi
    return step + height / (1 + ((ENERGY - edges - lines) / 3) ** 2)


def test_edge_and_white_line_are_found_between_the_points_of_the_grid():
    edges = torch.linspace(20, 21, 11, dtype=torch.float64)
    bare = spectra(edges, height=0.0)
    # Half of what the arctangent has reached in the mean of the last quarter, not half of what it tends to.
    reached = bare[:, -56:].mean(1) / 2
    where = edges + 2 * torch.tan(torch.pi * (reached - 0.5))
    assert STEP * edge_position(bare) == pytest.approx(where.numpy(), abs=0.002)
    lines = edges + 18
    # The step still rises there, by 2/(2π·18²) = 0.001 per eV, which moves the line by 0.001·3²/(2·0.5) = 0.009 eV.
    assert STEP * white_line_position(spectra(edges)) == pytest.approx(lines.numpy() + 0.009, abs=0.01)


def test_a_peak_at_the_end_of_a_spectrum_or_none_at_all_lies_where_it_is_highest():
    rising = torch.arange(9.0)[None]
    assert white_line_position(rising).tolist() == [8.0]
    assert white_line_position(-rising).tolist() == [0.0]
    assert white_line_position(torch.zeros(1, 9)).tolist() == [0.0]
    assert edge_position(rising - 1).tolist() == [4.25]  # 3.25 above the first point
    for flat in (torch.zeros(1, 9), -rising):
        assert torch.isfinite(edge_position(flat)).all()


class Told(AEGAN):
    """Predicts these spectra, whatever it is asked."""

    made = torch.zeros(0)

    def _outputs(self, rows):
        answers = super()._outputs(rows)
        return answers | {"predict_spectrum": self.made, "predict_structure": rows["structure"]}


def figures_of(real, made):
    rows = {
        "structure": torch.randn(len(real), 7, generator=torch.Generator().manual_seed(0)).double(),
        "spectrum": real,
    }
    model = Told(Config(hidden_size=8, energy_step=STEP), {"structure": (7,), "spectrum": (226,)})
    model.double().prepare(rows)
    model.made = made
    with torch.no_grad():
        return model.eval().figures(model.evaluate(**rows))


def test_a_shifted_spectrum_is_seen_by_its_edge_and_hardly_by_the_score():
    edges = torch.linspace(18, 24, 40)
    real = spectra(edges)
    perfect, shifted = figures_of(real, real), figures_of(real, spectra(edges + 0.4))
    noise = 0.02 * torch.randn(real.shape, generator=torch.Generator().manual_seed(1))
    noisy = figures_of(real, real + noise.double())
    assert perfect["val/edge_shift"] == perfect["val/white_line"] == perfect["val/r_factor"] == 0
    assert shifted["val/edge_shift"] == pytest.approx(0.4, abs=0.02)
    assert shifted["val/white_line"] == pytest.approx(0.4, abs=0.02)
    assert noisy["val/score"] > shifted["val/score"]  # which puts the shifted ones before as much noise
    assert noisy["val/edge_shift"] < 0.4 > noisy["val/white_line"]


def test_weak_spectra_that_are_all_wrong_are_seen_by_the_r_factor_and_hardly_by_the_score():
    strength = torch.tensor([[1.0], [0.05]]).double().repeat(20, 1)
    real = strength * spectra(torch.linspace(18, 24, 40))
    weak_wrong = torch.where(strength < 0.1, torch.zeros(()).double(), real)
    all_wrong = 0.995 * real + 0.03  # a little, everywhere
    one, other = figures_of(real, weak_wrong), figures_of(real, all_wrong)
    assert one["val/score"] < 0.02
    assert one["val/r_factor"] == pytest.approx(0.5)
    assert r_factor(torch.zeros(1, 3), torch.zeros(1, 3)).tolist() == [0.0]
    assert other["val/r_factor"] != pytest.approx(one["val/r_factor"], rel=0.1)


def test_without_the_step_of_its_energies_no_edge_is_sought():
    model = make().eval()
    with torch.no_grad():
        found = model.figures(model.evaluate(**make_rows()))
    assert "val/r_factor" in found
    assert {"val/edge_shift", "val/white_line"}.isdisjoint(found)


def test_a_spectrum_of_three_points_has_no_edge():
    with pytest.raises(DataError, match="energy_step: an edge is found in spectra of at least 4 points, but got 3"):
        AEGAN(Config(energy_step=1.0), {"structure": (7,), "spectrum": (3,)})


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        (np.linspace(7097, 7172, 226), None),
        (np.linspace(7097, 7172, 226).round(2), None),
        (np.linspace(7097, 7197, 226), r"lie 0.4444 apart, but got 0.3333; set it to 0.4444"),
        (7097 + np.linspace(0, 75**2, 226) ** 0.5, "needs points at even steps, but those of spectrum in data set x"),
        (None, None),
    ],
)
def test_a_step_that_the_axis_does_not_have_is_refused(axis, words):
    rng = np.random.default_rng(0)
    fields = {"structure": rng.random((12, 3)), "spectrum": rng.random((12, 226))}
    axes = {} if axis is None else {"spectrum": axis}
    data = Dataset(name="x", fields=fields, ids=tuple(map(str, range(12))), axes=axes)
    config = Config(energy_step=1 / 3)
    if words is None:
        check_steps(config, "mine.toml", data, read_card("fe-xanes"))
        return
    with pytest.raises(UsageError, match=f"mine.toml: energy_step.*{words}"):
        check_steps(config, "mine.toml", data, read_card("fe-xanes"))


def test_wave_numbers_have_no_edge_in_electronvolts():
    data = load_dataset("exafs", None, {"n": 20})
    with pytest.raises(
        UsageError, match=r"energy_step is in eV, but the axis of spectrum .* is the wave number in 1/Å"
    ):
        check_steps(Config(energy_step=0.0355), "mine.toml", data, read_card("exafs"))
