"""Pretrained weights of the AEGAN, frozen layers, and its Config's fields."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from support.aegan import make, make_rows, run_dis

from sparring.errors import CheckpointError
from sparring.models.aegan.config import DISCRIMINATORS, GENERATOR, Config, Freeze
from sparring.models.aegan.model import AEGAN
from sparring.study import Limits, prepare

FREEZE = Freeze(
    n_encoder1=1, n_encoder2=2, n_decoder1=1, n_decoder2=2, n_shared_encoder=1, n_shared_decoder=2, n_discrim1=1
)


@pytest.fixture
def pretrained(tmp_path: Path) -> tuple[AEGAN, str]:
    """An AEGAN whose weights and statistics have moved, and its file."""
    model = make(seed=7, target_scaling="standard", n_hl_gen=1)
    with torch.no_grad():
        for _ in range(3):
            model(
                "dis",
                {name: x for name, x in model("gen", make_rows(seed=3)).carry.items() if name in model.wants("dis")},
            )
    path = tmp_path / "aegan.safetensors"
    save_file(
        {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()},
        path,
    )
    return model, str(path)


def test_pretrained_weights_statistics_and_scaling_are_kept(pretrained: tuple[AEGAN, str]) -> None:
    source, path = pretrained
    other_rows = {name: 3 * x for name, x in make_rows(seed=8).items()}
    model = make(rows=other_rows, target_scaling="standard", pretrained=path, weight_init_seed=1)
    kept = {name for name in source.state_dict() if not name.endswith(("loss_scale", "variance"))}
    assert all(source.state_dict()[name].float().equal(model.state_dict()[name].float()) for name in kept)
    assert model.spectrum_variance.item() == pytest.approx(9 * source.spectrum_variance.item(), rel=0.5)


def test_frozen_layers_get_no_gradient_and_keep_weights_and_statistics(pretrained: tuple[AEGAN, str]) -> None:
    _, path = pretrained
    model = make(target_scaling="standard", pretrained=path, freeze=FREEZE, w_adv=0.1).train()
    before = copy.deepcopy(model.state_dict())
    phase_steps = [torch.optim.SGD(model.parameters_of(phase).values(), lr=0.1) for phase in model.config.phases]
    step = model("gen", make_rows())
    step.loss.backward()
    run_dis(model, step.carry).loss.backward()
    for arm in phase_steps:
        arm.step()
    frozen = {
        name
        for net, layers in (
            ("structure_encoder", 1), ("spectrum_encoder", 2), ("structure_decoder", 1), ("spectrum_decoder", 2),
            ("shared_encoder", 1), ("shared_decoder", 2), ("structure_dis", 1), ("spectrum_dis", 0),
        )
        for name in before
        if name.startswith(tuple(f"{net}.{layer}." for layer in range(layers)))
        or (net.endswith("decoder") and "shared" not in net and layers == 2 and name.startswith(f"{net}.1"))
    }  # fmt: skip
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (name in frozen), name
    after = model.state_dict()
    for name in before:
        if name.split(".")[0] in GENERATOR + DISCRIMINATORS:
            assert after[name].equal(before[name]) == (name in frozen), name


def test_a_file_of_another_shape_is_refused(pretrained: tuple[AEGAN, str], tmp_path: Path) -> None:
    _, path = pretrained
    words = (
        r"aegan.safetensors must hold the state.*structure_encoder.0.linear.weight is torch.float32 \(8, 7\) instead of"
    )
    with pytest.raises(CheckpointError, match=words):
        make(pretrained=path, hidden_size=9)
    with pytest.raises(CheckpointError, match=r"it lacks structure_encoder.2.*and \d+ more; configure the sizes"):
        make(pretrained=path, n_hl_gen=2)
    with pytest.raises(CheckpointError, match=r"nowhere.safetensors must be a readable .safetensors file"):
        make(pretrained=str(tmp_path / "nowhere.safetensors"))
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(Path(path).read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"torn.safetensors must be a readable .safetensors file"):
        make(pretrained=str(torn))


def test_freezing_more_layers_than_there_are_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"freeze.n_discrim1: structure_dis has 3 linear layers, but got 4; freeze fewer"
    ):
        Config(freeze=Freeze(n_discrim1=4))
    with pytest.raises(ValidationError, match=r"of structure_dis, spectrum_dis one layer must be left to train"):
        Config(freeze=Freeze(n_discrim1=3, n_discrim2=3))


def test_every_field_of_the_config_is_explained() -> None:
    for kind in (Config, Freeze):
        assert [name for name, field in kind.model_fields.items() if not field.description] == []


def test_a_search_s_slots_find_pretrained_weights_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ["data.n=80", "pretrained=a/model.safetensors"]
    study = prepare("aegan", settings=settings, results=tmp_path, limits=Limits(trials=2, slots=1))
    assert study.spec.space["fixed"]["pretrained"] == str(tmp_path / "a" / "model.safetensors")
