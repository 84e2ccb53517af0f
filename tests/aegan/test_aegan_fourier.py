"""Spectra that are learned by their Fourier transform: nets see coefficients, everybody else spectra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.systems import Setting

from sparring.data.physics.fourier import transform


@pytest.fixture(scope="module")
def setting() -> Setting:
    return Setting("aegan", n=200, fourier=True, target_scaling="none", input_scaling="none")


def test_nets_learn_coefficients_and_turn_back_without_loss(setting):
    model, rows = setting.model(), setting.batch()
    points = rows["spectrum"].shape[1]
    seen = model._seen("spectrum", rows["spectrum"])
    np.testing.assert_allclose(seen, transform(rows["spectrum"].numpy()), atol=1e-5)
    torch.testing.assert_close(model._shown("spectrum", seen), rows["spectrum"], rtol=0, atol=1e-6)
    assert model._seen("structure", rows["structure"]) is rows["structure"]
    first = next(layer for layer in model.spectrum_encoder.modules() if isinstance(layer, torch.nn.Linear))
    assert first.in_features == 2 * points
    step = model("gen", {name: rows[name] for name in model.wants("gen")})
    assert step.carry["real_spectrum"].shape == step.carry["predict_spectrum"].shape == (len(seen), 2 * points)


def test_figures_and_answers_are_of_the_spectra(setting):
    model, rows = setting.model().eval(), setting.batch(rows=20)
    with torch.no_grad():
        sums = model.evaluate(**rows)
    for path, answers in (("predict", model.predict(rows)), ("recon", model.reconstruct(rows))):
        assert answers["spectrum"].shape == rows["spectrum"].shape
        error = (answers["spectrum"] - rows["spectrum"]).square().mean(1).sum()
        torch.testing.assert_close(sums[f"{path}_spectrum"], error)
    plain = Setting("aegan", n=200, target_scaling="none", input_scaling="none").model()
    torch.testing.assert_close(model.spectrum_variance, plain.spectrum_variance)  # so that scores compare
