"""One-way training by XANESNET's words: what is learned, what is left alone, what the score is of."""

from __future__ import annotations

import pytest
import torch
from support.aegan import gradients, make, make_rows, run_dis

from sparring.errors import DataError
from sparring.models.blocks.losses import bce_adversarial

ONE_WAY = {
    "train_xyz": ("spectrum", ("structure_encoder", "shared_encoder", "shared_decoder", "spectrum_decoder")),
    "train_xanes": ("structure", ("spectrum_encoder", "shared_encoder", "shared_decoder", "structure_decoder")),
}


@pytest.mark.parametrize("mode", ONE_WAY)
def test_one_way_training_is_the_loss_and_the_gradients_of_one_path(mode):
    name, nets = ONE_WAY[mode]
    rows = make_rows()
    model = make(rows=rows, mode=mode, w_adv=0.5, loss_scale="none")
    step = model("gen", rows)
    fake = step.carry[f"predict_{name}"]
    adversarial = bce_adversarial(getattr(model, f"{name}_dis")(fake), True)
    torch.testing.assert_close(step.loss, (fake - rows[name]).square().mean() + 0.5 * adversarial, rtol=1e-6, atol=0)
    told = {
        key.partition(".")[0] for key, value in gradients(model, step.loss).items() if value is not None and value.any()
    }
    assert told - {f"{name}_dis"} == set(nets)


@pytest.mark.parametrize("mode", ONE_WAY)
def test_the_discriminator_of_the_other_field_is_left_alone(mode):
    name, _ = ONE_WAY[mode]
    model = make(mode=mode)
    step = run_dis(model, model("gen", make_rows()).carry)
    guess = bce_adversarial(torch.zeros(1), True)
    assert 0.5 * float(guess) < float(step.loss.detach()) < 2 * float(guess)
    touched = {key.partition(".")[0] for key, value in gradients(model, step.loss).items() if value is not None}
    assert touched == {f"{name}_dis"}
    assert len(step.judged) == 1


@pytest.mark.parametrize("mode", ONE_WAY)
def test_the_score_is_of_what_is_learned(mode):
    name, _ = ONE_WAY[mode]
    rows = make_rows()
    model = make(rows=rows, mode=mode).eval()
    with torch.no_grad():
        figures = model.figures(model.evaluate(**rows))
    assert figures["val/score"] == pytest.approx(
        figures[f"val/mse_predict_{name}"] / float(model.get_buffer(f"{name}_variance"))
    )


@pytest.mark.parametrize("mode", ONE_WAY)
def test_what_was_not_learned_is_not_answered(mode):
    name, _ = ONE_WAY[mode]
    rows = make_rows()
    model = make(rows=rows, mode=mode)
    assert model.predict(rows).keys() == {name}
    with pytest.raises(DataError, match=f"learned predict_{name} alone .mode {mode}., which does not begin with"):
        model.predict({name: rows[name]})
    with pytest.raises(DataError, match="recon: the model learned"):
        model.reconstruct(rows)
