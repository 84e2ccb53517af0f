"""Codes of a trained ``aux_aae`` as what the auxiliary GAN is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from support.muons import SMALL, make, run, take
from support.untrained import bundled, trained

from sparring.data.physics.kinematics import SKEWED
from sparring.errors import ConfigError
from sparring.models import find_config
from sparring.models.auxgan.codes import codes_of
from sparring.production import read_trained
from sparring.reader import load
from sparring.study import prepare

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_verb) -> Path:
    """A trained aux_aae with codes of three numbers."""
    place = tmp_path_factory.mktemp("coder")
    widths = SMALL["aux_aae"]
    (place / "coder.toml").write_text(
        'model = "aux_aae"\ndataset = "muons"\nseed = 0\n[[objectives]]\nmetric = "val/code_score"\n[data]\nn = 1000\n'
        f"[fixed]\nepochs = 2\nlatent_dim = 3\nhidden_gen = {list(widths['hidden_gen'])}\n"
        f"hidden_dis = {list(widths['hidden_dis'])}\n"
    )
    assert run_verb("train", place / "coder.toml", "-o", place / "coder") == 0
    return place / "coder"


def told(folder: Path) -> dict[str, object]:
    return {"aux": "codes", "codes_of": str(folder), "codes": 3}


def test_codes_are_those_that_the_trained_model_gives(folder, rows):
    wanted = read_trained(folder).model.encode(rows, seed=0)["codes"]
    torch.testing.assert_close(codes_of(folder, rows["rareness"]), wanted, rtol=0, atol=1e-6)


def test_the_generator_is_told_them_and_regressors_learn_them(folder, rows):
    model = make("auxgan", rows, **told(folder), aux_steps=400)
    assert model.draw_inputs(rows["muons"][:7])[1].shape == (7, 3)
    assert model.generator[0].in_features == SMALL["auxgan"]["noise"] + 3 + 3
    codes = codes_of(folder, rows["rareness"])
    found = model.rareness_of(model.judged(rows["muons"])[:, SKEWED])
    assert found.shape == codes.shape
    assert float((found - codes).square().mean()) < 0.5 * float(codes.var(0).mean())
    step = run(model, "gen", take(rows, "auxgan", slice(0, 50)))
    assert step.metrics["train/loss_aux"] > 0
    assert model.sample(5, seed=0, boost=2.0)["muons"].shape == (5, 7)


def test_a_trained_one_needs_the_folder_no_more(folder, tmp_path):
    gone = tmp_path / "gone"
    shutil.copytree(folder, gone)
    setting, model = trained("auxgan", **told(gone))
    bundle = bundled(tmp_path / "bundle", setting, model)
    shutil.rmtree(gone)
    again = read_trained(bundle).model
    assert again.sample(9, seed=2)["muons"].equal(model.sample(9, seed=2)["muons"])
    read = load(bundle)
    draws = read.draws(40, seed=1)
    assert draws["aux"].shape == (40, 3)
    with torch.no_grad():
        made = model.made_of({name: torch.from_numpy(each) for name, each in draws.items()})["muons"].numpy()
    np.testing.assert_allclose(read.sample(draws)["muons"], made, rtol=1e-4, atol=1e-4 * np.abs(made).max())


def test_what_does_not_fit_is_refused_before_anything_starts(folder, tmp_path):
    settings = ["aux=codes", f"codes_of={folder}", "codes=3"]
    assert prepare("auxgan", settings=settings).space.default_config().codes_of == str(folder)
    with pytest.raises(ValidationError, match=r"codes_of is not set; name its folder"):
        find_config("auxgan")(aux="codes")
    with pytest.raises(ConfigError, match=r"have 3 numbers, but codes is 4; set codes to 3"):
        prepare("auxgan", settings=settings[:2])
    with pytest.raises(ConfigError, match=r"wants a trained aux_aae, but .*nowhere holds no trained model"):
        prepare("auxgan", settings=["aux=codes", f"codes_of={tmp_path / 'nowhere'}"])
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    about = other / "model.json"
    about.write_text(about.read_text().replace('"aux_aae"', '"boost_vae"'))
    with pytest.raises(ConfigError, match=r"wants a trained aux_aae, but .*other holds a trained boost_vae"):
        prepare("auxgan", settings=["aux=codes", f"codes_of={other}"])
