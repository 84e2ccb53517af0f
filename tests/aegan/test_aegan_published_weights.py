"""XANESNET's saved weights are read as tensors alone, and compute what they computed there."""

from __future__ import annotations

import os
from collections import OrderedDict

import pytest
import torch
from torch import nn

from sparring.errors import CheckpointError
from sparring.models.aegan.config import Config
from sparring.models.aegan.model import AEGAN

SIZES = {"structure": (5,), "spectrum": (7,)}
H = 6


def hidden(inputs, nested):
    layers = [nn.Linear(inputs, H), nn.BatchNorm1d(H), nn.PReLU()]
    return [nn.Sequential(*layers)] if nested else layers


def end(nested):
    layers = [nn.Linear(H, H), nn.BatchNorm1d(H)]
    return [nn.Sequential(*layers)] if nested else layers


class Published(nn.Module):
    """Nets of XANESNET's names and order, written from its description; nested as in 2023, or flat as in 2026."""

    def __init__(self, nested: bool) -> None:
        super().__init__()
        for name, size in (("gen_a", 5), ("gen_b", 7)):
            gen = nn.Module()
            gen.encoder_layers = nn.Sequential(*hidden(size, nested), *hidden(H, nested), *end(nested))
            last = nn.Linear(H, size)
            gen.decoder_layers = nn.Sequential(
                *hidden(H, nested), *hidden(H, nested), nn.Sequential(last) if nested else last
            )
            self.add_module(name, gen)
        for name in ("shared_encoder", "shared_decoder"):
            shared = nn.Module()
            shared.dense_layers = nn.Sequential(*hidden(H, nested), *hidden(H, nested), *end(nested))
            self.add_module(name, shared)
        for name, size in (("dis_a", 5), ("dis_b", 7)):
            dis = nn.Module()
            dis.dense_layers = nn.Sequential(*hidden(size, nested), *hidden(H, nested), nn.Linear(H, 1), nn.Sigmoid())
            self.add_module(name, dis)

    def predict_spectrum(self, x):
        code = self.shared_encoder.dense_layers(self.gen_a.encoder_layers(x))
        return self.gen_b.decoder_layers(self.shared_decoder.dense_layers(code))


def built(path, **changes):
    model = AEGAN(Config(hidden_size=H, pretrained=str(path), **changes), SIZES)
    model.initialize()
    return model


@pytest.mark.parametrize("nested", [True, False])
def test_they_predict_what_they_predicted(nested, tmp_path):
    torch.manual_seed(1)
    published = Published(nested)
    for _ in range(3):  # so that the batch norms have statistics
        published.predict_spectrum(torch.randn(20, 5))
    torch.save(published.state_dict(), path := tmp_path / "model_weights.pth")
    rows = torch.randn(9, 5)
    with torch.no_grad():
        found = built(path).eval().predict({"structure": rows})["spectrum"]
        torch.testing.assert_close(found, published.eval().predict_spectrum(rows))


def test_other_sizes_and_other_layers_are_named(tmp_path):
    torch.save(Published(False).state_dict(), path := tmp_path / "model_weights.pth")
    with pytest.raises(CheckpointError, match=r"gen_a\.encoder_layers has 23 tensors, but structure_encoder .* has 31"):
        built(path, n_hl_gen=3)
    with pytest.raises(
        CheckpointError, match=r"gen_a\.encoder_layers\.0\.weight is \(6, 5\), but structure_enc.*12, 5"
    ):
        AEGAN(Config(hidden_size=12, pretrained=str(path)), SIZES).initialize()
    state = Published(False).state_dict()
    torch.save(OrderedDict([*state.items(), ("more.weight", torch.ones(1))]), path)
    with pytest.raises(CheckpointError, match=r"more\.weight is of no net of an AEGAN"):
        built(path)


class Runs:
    """What runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_file_that_would_have_to_be_unpickled_is_refused_and_runs_nothing(tmp_path):
    torch.save({"model": Runs(str(tmp_path / "ran"))}, path := tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="must hold a state, tensors by name, but holds more"):
        built(path)
    assert not (tmp_path / "ran").exists()
    path.write_bytes(b"PK\x03\x04torn")
    with pytest.raises(CheckpointError, match=r"must be a readable file of torch\.save, but"):
        built(path)
    with pytest.raises(CheckpointError, match=r"must be a readable file of torch\.save, but"):
        built(tmp_path / "missing.pth")
