"""A program of another kind is written only if it answers as the model does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.untrained import bundled, trained
from typer.testing import CliRunner

from sparring.cli.app import app
from sparring.errors import DataError, UsageError
from sparring.production.handover import drift, exporting
from sparring.production.handover.bundle import open_bundle, read_files
from sparring.production.handover.exporting import export


@pytest.fixture(autouse=True)
def _few_inputs(monkeypatch):
    monkeypatch.setattr(exporting, "ROWS", 12)
    monkeypatch.setattr(exporting, "BATCHES", (1, 5))


@pytest.fixture
def opened(tmp_path):
    """(the model, its files) of a system whose weights are drawn."""

    def make(name):
        files = read_files(bundled(tmp_path / name, *trained(name)))
        return open_bundle(files, name), files

    return make


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aegan", "mlp_aae"])
def test_a_program_answers_as_the_model_at_any_number_of_rows(name, opened, tmp_path):
    model, files = opened(name)
    written = list(export(model, files, "torch", tmp_path / "out"))
    assert {each.verb for each in written} == set(model.schema.verbs) - set(exporting.UNWRITTEN)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(each.path.name for each in written)
    for each in written:
        program = torch.export.load(each.path).module()
        for count in (1, 3, 700):  # more than the model looks at together
            if each.verb == "sample":
                given = model.loaded.model.drawn(count, generator=torch.Generator().manual_seed(7))
                answer = model.sample(count, seed=7)
            else:
                field = {name: model.schema.field(name) for name in each.inputs}
                rows = {name: drift.draw(files["training.safetensors"], name, count, f.shape, f.dtype, 7)
                        for name, f in field.items()}  # fmt: skip
                given = {name: torch.from_numpy(values) for name, values in rows.items()}
                answer = getattr(model, each.verb)(rows)
            found = program(*given.values())
            for name, values in zip(each.outputs, found, strict=True):
                np.testing.assert_allclose(values.detach(), answer[name], rtol=1e-4, atol=1e-5)


@pytest.mark.fault(69, stand_in=True)
def test_a_program_that_answers_otherwise_is_not_written(opened, tmp_path, monkeypatch):
    model, files = opened("aegan")

    def wrong(asked, tensors, fields, outputs, path):
        path.write_bytes(b"program")
        with torch.no_grad():
            return lambda *arrays: tuple(
                1.001 * each.detach().numpy() for each in asked(*map(torch.from_numpy, arrays))
            )

    monkeypatch.setitem(exporting.MAKERS, "torch", wrong)
    with pytest.raises(
        DataError, match=r"predict-structure as torch: at batch size 1 it differs from the model by 0.001"
    ):
        list(export(model, files, "torch", tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []


def test_what_an_exporter_cannot_is_said_in_a_sentence(opened, tmp_path, monkeypatch):
    model, files = opened("aegan")

    def fails(*_):
        raise RuntimeError("no kernel\nof that kind")

    monkeypatch.setitem(exporting.MAKERS, "torch", fails)
    with pytest.raises(UsageError, match=r"predict-structure of aegan cannot be exported as torch: no kernel of that"):
        list(export(model, files, "torch", tmp_path / "out"))


def test_what_a_kind_needs_is_named(monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    monkeypatch.setattr(exporting.shutil, "which", lambda name: None)
    with pytest.raises(
        UsageError, match="onnx needs onnx, onnxscript, onnxruntime; pip install onnx onnxscript onnxruntime"
    ):
        exporting.check_kind("onnx")
    with pytest.raises(UsageError, match="finds no C"):
        exporting.check_kind("aoti")
    with pytest.raises(UsageError, match="there are torch, onnx, aoti, but got 'jit'"):
        exporting.check_kind("jit")


def test_the_command_wants_a_model():
    result = CliRunner().invoke(app, ["production", "--export", "torch"])
    assert "--export: writes one model; name it" in str(result.exception)


def test_what_is_drawn_lies_between_the_deciles():
    rows = {"x": np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)}
    drawn = drift.draw(drift.pack(rows), "x", 500, (3,), "float32")
    low, high = np.quantile(rows["x"], 0.1, axis=0), np.quantile(rows["x"], 0.9, axis=0)
    assert (drawn >= low - 0.01).all()
    assert (drawn <= high + 0.01).all()
    assert np.abs(np.median(drawn, axis=0) - np.median(rows["x"], axis=0)).max() < 0.15
