"""Predictions of trained models, and their controls."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch
from PIL import Image

from sparring.production import read_trained
from sparring.production.inference.answers import Answered, predict
from sparring.production.inference.controls import compare
from sparring.production.inference.samples import NamedRows, read_rows, read_structures
from sparring.space import write_toml

pytestmark = pytest.mark.slow  # all together


def test_predictions_from_one_field_are_those_from_both(trained):
    loaded = read_trained(trained("aegan"))
    rows = read_rows(loaded)
    metrics = json.loads((loaded.folder / "metrics.json").read_text())
    truths, both = predict(loaded, rows, ["structure", "spectrum"])
    found = Answered(truths=truths, answers=both).errors()
    for given, asked in (("structure", "spectrum"), ("spectrum", "structure")):
        _, alone = predict(loaded, rows, [given])
        assert alone.keys() == {asked}
        np.testing.assert_array_equal(alone[asked], both[asked])
        assert found[asked].mean() == pytest.approx(metrics[f"val/mse_predict_{asked}"], rel=1e-4)


ATOMS = [
    ("Fe", 0.0, 0.0, 0.0),
    ("O", 2.0, 0.1, 0.0),
    ("O", -1.9, 0.3, 0.2),
    ("S", 0.2, 2.3, -0.4),
    ("C", 1.1, 1.2, 2.5),
]


def write_xyz(path: Path, symbols: list[str], positions: np.ndarray) -> None:
    lines = [f"{symbol} {x:.9f} {y:.9f} {z:.9f}" for symbol, (x, y, z) in zip(symbols, positions, strict=True)]
    path.write_text("\n".join([str(len(lines)), "a comment", *lines]), encoding="utf-8")


def test_a_turned_shifted_or_reordered_molecule_gets_the_same_prediction(trained, tmp_path):
    loaded = read_trained(trained("aegan"))
    symbols, positions = [atom[0] for atom in ATOMS], np.array([atom[1:] for atom in ATOMS])
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    order = [0, 3, 1, 4, 2]
    write_xyz(tmp_path / "a-plain.xyz", symbols, positions)
    write_xyz(tmp_path / "b-turned.xyz", symbols, positions @ turn)
    write_xyz(tmp_path / "c-shifted.xyz", symbols, positions + np.array([3.0, -7.0, 11.0]))
    write_xyz(tmp_path / "d-reordered.xyz", [symbols[at] for at in order], positions[order])
    write_xyz(tmp_path / "e-stretched.xyz", symbols, positions * 1.1)
    rows = read_structures(loaded, tmp_path)
    assert rows.ids == ("a-plain", "b-turned", "c-shifted", "d-reordered", "e-stretched")
    _, answers = predict(loaded, rows, ["structure"])
    plain, *same, other = answers["spectrum"]
    spread = np.abs(plain).max()
    for each in same:
        np.testing.assert_allclose(each, plain, atol=1e-5 * spread)
    assert np.abs(other - plain).max() > 1e-3 * spread


def test_a_predicted_spectrum_written_as_text_is_read_as_a_spectrum(trained, tmp_path, run_verb, capsys):
    symbols, positions = [atom[0] for atom in ATOMS], np.array([atom[1:] for atom in ATOMS])
    write_xyz(tmp_path / "one.xyz", symbols, positions)
    asked = ["predict", trained("aegan"), "--text", "-o"]
    assert run_verb(*asked, tmp_path / "there", "--structures", tmp_path / "one.xyz") == 0
    written = tmp_path / "there" / "from_structure" / "spectrum"
    assert [path.name for path in written.iterdir()] == ["one.txt"]
    assert run_verb(*asked, tmp_path / "back", "--spectra", written) == 0
    with np.load(tmp_path / "there" / "from_structure" / "predictions.npz") as there:
        axis, spectrum = there["axis_spectrum"], there["spectrum"]
    loaded = read_trained(trained("aegan"))
    rows = NamedRows(ids=("one",), fields={"spectrum": torch.from_numpy(spectrum)})
    with np.load(tmp_path / "back" / "from_spectrum" / "predictions.npz") as back:
        np.testing.assert_allclose(back["structure"], predict(loaded, rows, ["spectrum"])[1]["structure"], rtol=1e-4)
    other = tmp_path / "other.txt"
    np.savetxt(other, np.stack([axis + 1.0, spectrum[0]], axis=1), header="two\nlines")
    assert run_verb(*asked, tmp_path / "no", "--spectra", other) == 2
    assert "the model reads 226 points from 2 to 10, but got 226 from 3 to 11" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("fourier", [False, True])
def test_files_are_predicted_as_the_same_samples_of_a_data_set_are(fourier, tmp_path, monkeypatch, run_verb):
    """By the reader's options that trained the model. Under ``fourier`` it learned coefficients, two per point of the
    spectrum; answers, truths and errors are intensities all the same."""
    rng = np.random.default_rng(0)
    folder, energy = tmp_path / "pairs", np.linspace(7100, 7200, 20)
    folder.mkdir()
    for number in range(20):
        shell = rng.normal(size=(4, 3))
        shell *= rng.uniform(1.5, 3.5, (4, 1)) / np.linalg.norm(shell, axis=1, keepdims=True)
        write_xyz(folder / f"m{number:02d}.xyz", ["Fe", "O", "O", "N", "C"], np.vstack([np.zeros(3), shell]))
        np.savetxt(folder / f"m{number:02d}.txt", np.stack([energy, rng.random(20)], axis=1), header="two\nlines")
    raw = {"model": "aegan", "dataset": "fe-xanes", "seed": 0, "data_path": "pairs"}
    raw |= {"objectives": [{"metric": "val/score"}], "data": {"r_max": 5.0}}
    raw |= {"fixed": {"epochs": 1, "hidden_size": 8, "batch_size": 8, "fourier": fourier}}
    monkeypatch.chdir(tmp_path)
    Path("pinned.toml").write_text(write_toml(raw), encoding="utf-8")
    assert run_verb("train", "pinned.toml") == 0
    monkeypatch.chdir(folder)  # where the data lay is remembered, wherever one stands
    files = ["--structures", folder, "--spectra", folder, "-o", tmp_path / "files"]
    assert run_verb("predict", tmp_path / "trained" / "aegan", *files) == 0
    assert run_verb("predict", tmp_path / "trained" / "aegan", "-o", tmp_path / "rows") == 0
    with np.load(tmp_path / "rows" / "predictions.npz") as rows:
        assert rows["spectrum"].shape == rows["true_spectrum"].shape == (len(rows["ids"]), 20)
        np.testing.assert_allclose(rows["axis_spectrum"], energy)
        for name, row in zip(rows["ids"], rows["true_spectrum"], strict=True):
            np.testing.assert_allclose(row, np.loadtxt(folder / f"{name}.txt")[:, 1], rtol=0, atol=1e-4)
        for given, asked in (("structure", "spectrum"), ("spectrum", "structure")):
            with np.load(tmp_path / "files" / f"from_{given}" / "predictions.npz") as found:
                where = [found["ids"].tolist().index(name) for name in rows["ids"]]
                np.testing.assert_allclose(found[asked][where], rows[asked], rtol=1e-4, atol=1e-5)


def test_each_sample_has_a_text_and_a_picture_of_all_that_was_answered(trained, tmp_path, run_verb, capsys):
    folder = trained("aegan")
    assert run_verb("predict", folder, "--rows", 2, "--panels", "-o", tmp_path / "p") == 0
    assert run_verb("reconstruct", folder, "--rows", 2, "--panels", "--text", "-o", tmp_path / "r") == 0
    with np.load(tmp_path / "r" / "reconstructions.npz") as found:
        for name, row in zip(found["ids"], found["spectrum"], strict=True):
            text = np.loadtxt(tmp_path / "r" / "spectrum" / f"{name}.txt")
            np.testing.assert_allclose(text, np.stack([found["axis_spectrum"], row], axis=1), rtol=1e-6)
        names = {f"{name}.png" for name in found["ids"]}
    for place in ("p", "r"):
        assert {file.name for file in (tmp_path / place / "panels").iterdir()} == names
    sizes = {}
    for place in ("p", "r"):
        with Image.open(tmp_path / place / "panels" / min(names)) as picture:
            sizes[place] = picture.height
    assert sizes["p"] > 1.7 * sizes["r"]  # four frames in two rows, and two in one


def test_what_no_text_or_curve_can_show_is_refused_before_it_is_written(trained, tmp_path, run_verb, capsys):
    for flag in ("--text", "--panels"):
        assert run_verb("reconstruct", trained("aae"), flag, "--rows", 2, "-o", tmp_path / "no") == 2
        assert flag in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.fixture(scope="module")
def learned(trained, tmp_path_factory, run_verb) -> Path:
    """An AEGAN of 12 epochs, enough to depend on what it is given."""
    place = tmp_path_factory.mktemp("learned")
    pinned = (trained("aegan") / "pinned.toml").read_text().replace("epochs = 1\n", "epochs = 12\n")
    (place / "longer.toml").write_text(pinned.replace("batch_size = 50", "batch_size = 16"))
    assert run_verb("train", place / "longer.toml", "-o", place / "aegan") == 0
    return place / "aegan"


def test_controls_are_worse_than_a_model_that_has_learned(learned):
    loaded = read_trained(learned)
    found = compare(loaded, read_rows(loaded), read_rows(loaded, part="train"))
    outputs = {each.output for each in found}
    assert outputs == {"reconstruct_structure", "reconstruct_spectrum", "predict_structure", "predict_spectrum"}
    assert len(found) == 8 * 4
    metrics = json.loads((learned / "metrics.json").read_text())
    for each in found:
        name = each.output.replace("reconstruct", "recon")
        assert each.mse == pytest.approx(metrics[f"val/mse_{name}"], rel=1e-4)
    assert all(each.is_passed for each in found if each.output == "predict_spectrum"), found


def test_a_model_that_answers_the_same_to_all_does_not_pass(learned):
    loaded = read_trained(learned)
    with torch.no_grad():
        for name, tensor in loaded.model.named_parameters():
            if name.startswith("shared_encoder"):
                tensor.zero_()
    found = compare(loaded, read_rows(loaded), read_rows(loaded, part="train"))
    blind = [each for each in found if each.control in ("input of another sample", "random input")]
    assert [each.p for each in blind] == [1.0] * 8
    assert not any(each.is_passed for each in found if each.control == "mean training output")


def test_the_controls_command_writes_a_table(learned, tmp_path, run_verb, capsys):
    assert run_verb("predict", learned, "--controls", "-o", tmp_path / "here") == 0
    table = pyarrow.parquet.read_table(tmp_path / "here" / "controls.parquet").to_pydict()
    assert f"{sum(table['is_passed'])} of 32 controls are worse" in capsys.readouterr().out
    assert run_verb("predict", learned, "--controls", "--rows", "9", "-o", tmp_path / "few") == 2
    assert "at least 10 samples, but got 9" in capsys.readouterr().err
    assert run_verb("predict", learned, "--controls", "--spectra", tmp_path) == 2
    assert "leave out the files" in capsys.readouterr().err
