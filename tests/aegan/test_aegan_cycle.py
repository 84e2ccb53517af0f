"""The way there and back: what is predicted of a prediction."""

from __future__ import annotations

import pytest
import torch
from support.aegan import gradients, make, make_rows


def test_the_term_is_the_error_of_the_prediction_of_each_prediction():
    rows = make_rows()
    scaled = {"input_scaling": "standard", "target_scaling": "minmax"}
    model, plain = make(w_cycle=0.5, **scaled), make(**scaled)
    step, without = (each("gen", rows) for each in (model, plain))
    other = make(w_cycle=0.5, **scaled)  # whose batch norms have seen nothing yet
    expected = torch.zeros((), dtype=torch.float64)
    other._encode("structure", other.structure_input(rows["structure"]))
    for name, through in (("structure", "spectrum"), ("spectrum", "structure")):
        there = getattr(other, f"{through}_decoder")(other._encode(name, getattr(other, f"{name}_input")(rows[name])))
        raw = getattr(other, f"{through}_target").inverse(there)
        back = getattr(other, f"{name}_decoder")(other._encode(through, getattr(other, f"{through}_input")(raw)))
        wanted = getattr(other, f"{name}_target")(rows[name])
        expected = expected + (back - wanted).square().mean() / getattr(other, f"{name}_loss_scale")
    torch.testing.assert_close(step.metrics["train/loss_cycle"], expected)
    torch.testing.assert_close(step.loss, without.loss + 0.5 * expected)


def test_it_reaches_every_generator_net_alone():
    model = make(
        w_cycle=1.0, w_recon_structure=0.0, w_recon_spectrum=0.0, w_predict_structure=0.0, w_predict_spectrum=0.0
    )
    found = gradients(model, model("gen", make_rows()).loss)
    moved = {name.partition(".")[0] for name, each in found.items() if each is not None and each.any()}
    assert moved == set(model.config.phases[0].nets)


@pytest.mark.parametrize("mode", ["train_xyz", "train_xanes"])
def test_a_model_that_learns_one_way_has_no_way_back(mode):
    assert "train/loss_cycle" not in make(w_cycle=1.0, mode=mode)("gen", make_rows()).metrics
