"""From what ``train`` wrote to samples, reconstructions, predictions and outliers; every model is trained for an epoch.

One folder per model serves the whole module.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from sparring.data import load_dataset, split_rows
from sparring.errors import ConfigError, DataError, UsageError
from sparring.models import model_names
from sparring.production import read_trained
from sparring.production.drawing import pictures
from sparring.production.inference import answers
from sparring.production.inference.answers import errors, predict, reconstruct, sample
from sparring.production.inference.controls import compare
from sparring.production.inference.outliers import scores, separate
from sparring.production.inference.samples import Rows, read_rows, read_structures
from sparring.space import find_space, read_space, write_toml

pytestmark = pytest.mark.slow  # all together

SMALL: dict[str, dict[str, Any]] = {
    "aegan": {"hidden_size": 16, "input_scaling": "standard", "target_scaling": "standard"},
    "advvae": {"image_size": 8, "hidden_dims": [8, 16], "hidden_dims_dis": [8], "latent_dim": 8},
    "aae": {"image_size": 8, "width": 8, "n_stages": 2, "latent_dim": 8, "adversarial": True},
    "aae_series": {"width": 4, "latent_dim": 8, "adversarial": True},
    "mlp_aae": {"hidden_size": 32, "hidden_size_dis": 16, "parzen_samples": 50},
    "aux_aae": {"hidden_gen": [32, 32], "hidden_dis": [32, 32]},
    "auxgan": {"hidden_gen": [32, 32], "hidden_dis": [32, 32], "aux_steps": 20},
    "boost_vae": {"hidden": [32, 32]},
}
DATA = {"digits": {}, "exafs": {"n": 150}, "cylinder-bell-funnel": {"n": 150}, "muons": {"n": 150, "reference": 500}}
LAYER = "structure_dis.0.linear.weight"
FIGURES = {
    "aegan": {"structure": "val/mse_recon_structure", "spectrum": "val/mse_recon_spectrum"},
    "advvae": {"image": "val/mse_recon"},
    "aae": {"image": "val/mse_recon"},
    "aae_series": {"series": "val/mse_recon"},
    "mlp_aae": {"image": "val/mse_recon"},
}
"""Field -> the metric that its reconstruction's error must repeat."""


@pytest.fixture(autouse=True)
def _one_curve(monkeypatch):
    """A frame instead of twelve, which take most of a second; tests/test_drawing.py looks at all."""
    monkeypatch.setattr(pictures, "SHOWN_CURVES", 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Any:
    """Trains a model once, by the command; returns its folder."""
    place = tmp_path_factory.mktemp("trained")

    def train(name: str) -> Path:
        folder: Path = place / name
        if not folder.exists():
            space = read_space(find_space(name))
            fixed = {"epochs": 1, "batch_size": 50, **SMALL[name]}
            raw = {key: space[key] for key in ("model", "dataset", "objectives")}
            raw |= {"seed": 1, "fixed": fixed, "data": DATA[space["dataset"]]}
            (place / f"{name}.toml").write_text(write_toml(raw), encoding="utf-8")
            assert run_verb("train", place / f"{name}.toml", "-o", folder) == 0
        return folder

    return train


@pytest.fixture(scope="module")
def ood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the data set imagenet wants it: 40 colour images of noise, 12 pixels wide and 9 high."""
    place = tmp_path_factory.mktemp("foreign")
    rng = np.random.default_rng(0)
    for part, count in (("train", 30), ("val", 10)):
        (place / part / "noise").mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / part / "noise" / f"{number}.png")
    return place


# -- what train wrote, read back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_reloaded_model_holds_the_weights_that_were_written(name, trained):
    folder = trained(name)
    loaded = read_trained(folder)
    assert not loaded.model.training
    state, written = loaded.model.state_dict(), load_file(folder / "model.safetensors")
    assert state.keys() == written.keys()
    for key, tensor in written.items():
        assert torch.equal(state[key], tensor), key


def test_every_model_is_tried_here():
    assert sorted(SMALL) == model_names()


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_a_reloaded_model_repeats_the_figure_of_its_training(name, trained):
    folder = trained(name)
    loaded = read_trained(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    found = errors(*reconstruct(loaded, read_rows(loaded)))
    for field, metric in FIGURES[name].items():
        assert found[field].mean() == pytest.approx(metrics[metric], rel=1e-4)


def test_a_model_is_found_by_its_name_and_by_its_weights(trained, tmp_path, monkeypatch):
    folder = trained("aegan")
    assert read_trained(folder / "model.safetensors").folder == folder
    shutil.copytree(folder, tmp_path / "trained" / "aegan")
    monkeypatch.chdir(tmp_path)
    assert read_trained(Path("aegan")).folder == Path("trained/aegan")


def break_nothing_left(folder: Path) -> None:
    shutil.rmtree(folder)


def break_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])


def break_shape(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state[LAYER] = torch.zeros(3, 3)
    save_file(state, folder / "model.safetensors")


def break_names(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state["other"] = state.pop(LAYER)
    save_file(state, folder / "model.safetensors")


def break_config(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"hidden_size": 16', '"hidden_size": -16'))


def break_about(folder: Path) -> None:
    (folder / "model.json").write_text("{")


def break_model(folder: Path) -> None:
    path = folder / "model.json"
    path.write_text(path.read_text().replace('"model": "aegan"', '"model": "aegam"'))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (break_nothing_left, "holds model.json, config.json and model.safetensors, but"),
        (break_weights, "whole .safetensors file"),
        (break_shape, f"has another shape of {LAYER}"),
        (break_names, f"lacks {LAYER}, has besides other"),
        (break_config, "hidden_size = -16"),
        (break_about, "model.json"),
        (break_model, "no model 'aegam'; there are:"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_in_one_sentence(harm, words, trained, tmp_path, run_verb, capsys):
    folder = tmp_path / "aegan"
    shutil.copytree(trained("aegan"), folder)
    harm(folder)
    assert run_verb("predict", folder) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


# -- sample -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(SMALL) - {"aegan"}))
def test_samples_are_as_many_as_asked_and_repeat_by_seed(name, trained):
    loaded = read_trained(trained(name))
    (first,), (again,), (other,) = (sample(loaded, 7, seed=seed).values() for seed in (3, 3, 4))
    shape = {"rareness": (4,)}.get(loaded.fields[0], loaded.about.shapes[loaded.fields[0]])
    assert first.shape == (7, *shape)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_sample_command_writes_numbers_and_a_picture(trained, tmp_path, run_verb):
    for name, field in (("advvae", "image"), ("aae_series", "series"), ("auxgan", "muons"), ("aux_aae", "rareness")):
        assert run_verb("sample", trained(name), "-n", "9", "-o", tmp_path / name) == 0
        with np.load(tmp_path / name / "samples.npz") as arrays:
            assert arrays[field].shape[0] == 9
        assert Image.open(tmp_path / name / f"{field}.png").getextrema() != ((255, 255),) * 3


def test_figures_get_the_units_of_the_data_sets_card_where_it_is_at_hand(trained, tmp_path, monkeypatch, run_verb):
    labels = []

    def spy(*arguments: Any, **options: Any) -> Any:
        figure = pictures.picture(*arguments, **options)
        labels.append((figure.get_supxlabel(), figure.get_supylabel()))
        return figure

    monkeypatch.setattr(answers, "picture", spy)
    moved = tmp_path / "moved"
    shutil.copytree(trained("aae_series"), moved)
    (moved / "model.json").write_text((moved / "model.json").read_text().replace("cylinder-bell-funnel", "gone"))
    for verb, folder in (("sample", trained("aae_series")), ("sample", moved), ("reconstruct", trained("aegan"))):
        more = ["-n", "2"] if verb == "sample" else ["--rows", "2"]
        assert run_verb(verb, folder, *more, "-o", tmp_path / "out") == 0
    assert run_verb("predict", trained("aegan"), "--rows", "2", "-o", tmp_path / "out") == 0
    structure, spectrum = ("column", "structure"), ("wave number in 1/Å", "spectrum [1/Å$^2$]")
    assert labels[:2] == [("time in samples", "series"), ("", "series")]
    assert sorted(labels[2:4]) == sorted(labels[4:]) == [structure, spectrum]


def test_a_boost_makes_rarer_muons_and_is_refused_where_there_is_none(trained):
    loaded = read_trained(trained("aux_aae"))
    plain, boosted = (sample(loaded, 500, boost=boost)["rareness"] for boost in (1.0, 3.0))
    assert not np.array_equal(plain, boosted)
    with pytest.raises(UsageError, match=r"--boost: the model aae draws without one"):
        sample(read_trained(trained("aae")), 5, boost=2.0)


def test_a_model_without_a_verb_names_those_that_have_it(trained, run_verb, capsys):
    for verb, name, able in (
        ("sample", "aegan", "aae, aae_series, advvae, aux_aae, auxgan, boost_vae, mlp_aae"),
        ("reconstruct", "auxgan", "aae, aae_series, advvae, aegan, aux_aae, boost_vae, mlp_aae"),
        ("predict", "advvae", "aegan"),
    ):
        assert run_verb(verb, trained(name)) == 2
        assert f"{verb}: the model {name} cannot {verb}; {able} can" in capsys.readouterr().err
    assert run_verb("outliers", trained("aegan"), "--out-dataset", "digits") == 2
    assert "cannot tell outliers; aae, aae_series, advvae, mlp_aae can" in capsys.readouterr().err


# -- reconstruct ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(SMALL) - {"auxgan"}))
def test_reconstructions_come_with_each_samples_error(name, trained, tmp_path, run_verb):
    folder = trained(name)
    assert run_verb("reconstruct", folder, "--rows", "12", "-o", tmp_path) == 0
    data = load_dataset(*(lambda about: (about.dataset, None, about.data))(read_trained(folder).about))
    valid = split_rows(len(data), "80/20", 42, data.parts).valid[:12]
    table = pyarrow.parquet.read_table(tmp_path / "errors.parquet").to_pydict()
    assert table["id"] == [data.ids[row] for row in valid]
    with np.load(tmp_path / "reconstructions.npz") as arrays:
        assert arrays["ids"].tolist() == table["id"]
        for field in set(arrays.files) - {"ids"}:
            if field.startswith(("true_", "axis_")):
                continue
            squares = np.square(arrays[field].astype(float) - arrays[f"true_{field}"]).reshape(12, -1)
            np.testing.assert_allclose(table[f"mse_{field}"], squares.mean(1))
            assert (tmp_path / f"{field}.png").stat().st_size > 200


def test_rows_are_of_the_part_that_was_asked_for(trained):
    loaded = read_trained(trained("aegan"))
    data = load_dataset("exafs", None, {"n": 150})
    split = split_rows(150)
    found = read_rows(loaded, part="train", n=5)
    assert found.ids == tuple(data.ids[row] for row in split.train[:5])
    with pytest.raises(UsageError, match=r"the split 80/20 of exafs has no test rows; use --part valid"):
        read_rows(loaded, part="test")
    with pytest.raises(UsageError, match=r"--part: no part 'all'"):
        read_rows(loaded, part="all")
    with pytest.raises(UsageError, match=r"needs the fields structure, spectrum, but it holds image"):
        read_rows(loaded, dataset="digits")
    with pytest.raises(UsageError, match=r"--rows: wants at least 1 row, but got 0"):
        read_rows(loaded, n=0)


def test_another_flag_that_names_a_part_is_named_by_the_refusal(trained):
    with pytest.raises(UsageError, match=r"^--against: the split .* has no test rows; use --against valid$"):
        read_rows(read_trained(trained("aegan")), part="test", part_flag="--against")


def test_data_that_have_changed_since_training_need_a_part(trained, tmp_path):
    folder = tmp_path / "aegan"
    shutil.copytree(trained("aegan"), folder)
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(about | {"data": {"n": 120}}))
    loaded = read_trained(folder)
    with pytest.raises(DataError, match=r"not the data the model was trained on.*--part"):
        read_rows(loaded)
    assert len(read_rows(loaded, part="valid")) == 24


@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_model_has_members_that_reconstruct_together(name, trained, tmp_path, run_verb, capsys):
    folder = tmp_path / name
    assert run_verb("train", trained(name) / "pinned.toml", "--bootstrap", "2", "-o", folder) == 0
    each = [json.loads((folder / member / "metrics.json").read_text()) for member in ("draw-1", "draw-2")]
    table = pyarrow.parquet.read_table(folder / "members.parquet").to_pydict()
    metrics = [metric for metric in each[0] if metric.startswith("val/")]
    assert list(zip(table["metric"], table["value"], strict=True)) == [
        (metric, metrics_of[metric]) for metrics_of in each for metric in metrics
    ]
    if name == "auxgan":
        assert run_verb("reconstruct", folder) == 2
        assert "the model auxgan cannot reconstruct" in capsys.readouterr().err
        return
    assert run_verb("reconstruct", folder, "--rows", "12", "-o", tmp_path / "r") == 0
    with np.load(tmp_path / "r" / "reconstructions.npz") as arrays:
        answered = [field for field in arrays.files if not field.startswith(("true_", "axis_", "std_", "ids"))]
        assert answered
        for field in answered:
            assert arrays[f"std_{field}"].shape == arrays[field].shape
            assert arrays[f"std_{field}"].max() > 0


# -- predict ----------------------------------------------------------------------------------------------------------


def test_predictions_from_one_field_are_those_from_both(trained):
    loaded = read_trained(trained("aegan"))
    rows = read_rows(loaded)
    metrics = json.loads((loaded.folder / "metrics.json").read_text())
    truths, both = predict(loaded, rows, ["structure", "spectrum"])
    found = errors(truths, both)
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
    rows = Rows(ids=("one",), fields={"spectrum": torch.from_numpy(spectrum)})
    with np.load(tmp_path / "back" / "from_spectrum" / "predictions.npz") as back:
        np.testing.assert_allclose(back["structure"], predict(loaded, rows, ["spectrum"])[1]["structure"], rtol=1e-4)
    other = tmp_path / "other.txt"
    np.savetxt(other, np.stack([axis + 1.0, spectrum[0]], axis=1), header="two\nlines")
    assert run_verb(*asked, tmp_path / "no", "--spectra", other) == 2
    assert "the model reads spectra of 226 points from 2 to 10, but got 226 from 3 to 11" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_files_are_predicted_as_the_same_samples_of_a_data_set_are(tmp_path, monkeypatch, run_verb):
    """Descriptors with the reader's options that trained the model, and spectra in their transformed form."""
    rng = np.random.default_rng(0)
    folder, energy = tmp_path / "pairs", np.linspace(7100, 7200, 20)
    folder.mkdir()
    for number in range(20):
        shell = rng.normal(size=(4, 3))
        shell *= rng.uniform(1.5, 3.5, (4, 1)) / np.linalg.norm(shell, axis=1, keepdims=True)
        write_xyz(folder / f"m{number:02d}.xyz", ["Fe", "O", "O", "N", "C"], np.vstack([np.zeros(3), shell]))
        np.savetxt(folder / f"m{number:02d}.txt", np.stack([energy, rng.random(20)], axis=1), header="two\nlines")
    raw = {"model": "aegan", "dataset": "fe-xanes", "seed": 0, "data_path": "pairs"}
    raw |= {"objectives": [{"metric": "val/score"}], "data": {"r_max": 5.0, "fourier": True}}
    raw |= {"fixed": {"epochs": 1, "hidden_size": 8, "batch_size": 8}}
    monkeypatch.chdir(tmp_path)
    Path("pinned.toml").write_text(write_toml(raw), encoding="utf-8")
    assert run_verb("train", "pinned.toml") == 0
    monkeypatch.chdir(folder)  # where the data lay is remembered, wherever one stands
    files = ["--structures", folder, "--spectra", folder, "-o", tmp_path / "files"]
    assert run_verb("predict", tmp_path / "trained" / "aegan", *files) == 0
    assert run_verb("predict", tmp_path / "trained" / "aegan", "-o", tmp_path / "rows") == 0
    with np.load(tmp_path / "rows" / "predictions.npz") as rows:
        for given, asked in (("structure", "spectrum"), ("spectrum", "structure")):
            with np.load(tmp_path / "files" / f"from_{given}" / "predictions.npz") as found:
                where = [found["ids"].tolist().index(name) for name in rows["ids"]]
                np.testing.assert_allclose(found[asked][where], rows[asked], rtol=1e-4, atol=1e-5)


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


# -- outliers ---------------------------------------------------------------------------------------------------------


def test_separation_is_what_its_definition_says():
    own, ood = np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.5, 4.0, 5.0, 6.0])
    found = separate(own, ood)
    assert found.auroc == pytest.approx(15 / 16)  # of 16 pairs only (3, 2.5) is the wrong way round
    assert found.fpr_at_95_tpr == pytest.approx(1 / 4)  # to find all four, 3 is called foreign too
    assert (found.mean_own, found.mean_foreign) == (1.5, 4.375)
    assert separate(own, own + 10).auroc == 1.0
    assert separate(own, own + 10).fpr_at_95_tpr == 0.0
    assert separate(own, own).auroc == 0.5


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("advvae", {"reconstruction", "discriminator"}),
        ("mlp_aae", {"reconstruction", "discriminator"}),
        ("aae", {"reconstruction", "discriminator", "code"}),
    ],
)
def test_foreign_images_of_another_size_and_colour_are_scored(
    name, known, trained, ood, tmp_path, monkeypatch, run_verb
):
    place = tmp_path / "out"
    asked = ["outliers", trained(name), "--out-dataset", "imagenet", "--out-path", ood, "-o", place]
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    assert run_verb(*asked, "--rows", "100") == 0
    figures = json.loads((place / "outliers.json").read_text())
    assert figures["rows"] == {"own": 100, "foreign": 40}
    assert figures["scores"].keys() == known
    table = pyarrow.parquet.read_table(place / "scores.parquet").to_pydict()
    assert sum(table["is_foreign"]) == 40
    loaded = read_trained(trained(name))
    own = scores(loaded, read_rows(loaded, n=100))
    other = scores(loaded, read_rows(loaded, dataset="imagenet", data_path=ood))
    for score in known:
        np.testing.assert_allclose(table[score], np.concatenate([own[score], other[score]]), rtol=1e-5)
        again = separate(np.array(table[score][:100]), np.array(table[score][100:]))
        assert again.auroc == pytest.approx(figures["scores"][score]["auroc"])
    assert (place / "scores.png").stat().st_size > 1000


def test_series_of_the_same_set_under_other_options_are_foreign(trained, tmp_path, run_verb, capsys):
    asked = ["outliers", trained("aae_series"), "--out-dataset", "cylinder-bell-funnel", "-o", tmp_path / "out"]
    assert run_verb(*asked, "--out-set", "noise=10.0") == 0
    figures = json.loads((tmp_path / "out" / "outliers.json").read_text())
    assert figures["rows"] == {"own": 30, "foreign": 150}  # what validated, and all
    assert figures["scores"]["reconstruction"]["auroc"] > 0.99  # a hundred times the noise's variance
    assert run_verb(*asked, "--out-set", "loudness=4") == 2
    assert "no option 'loudness'" in capsys.readouterr().err


def test_a_set_is_not_foreign_to_a_model_trained_on_it(trained, run_verb, capsys):
    assert run_verb("outliers", trained("advvae"), "--out-dataset", "digits") == 2
    assert "digits is what the model was trained on" in capsys.readouterr().err


# -- the published command line of the AdvVAE -------------------------------------------------------------------------


TINY = ["--n_epochs", "2", "--batch_size", "400", "--hidden_dims", "4", "8", "--latent_dim", "4", "--size", "8"]
TINY += ["--num_samples", "4"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Path:
    """What the published command line trained."""
    folder = tmp_path_factory.mktemp("published") / "advvae"
    words = ["train", "advvae", "--train", "--no_wandb", "--dataset", "digits", *TINY, "--lr", "1e-3"]
    assert run_verb(*words, "--sample_and_save_frequency", "2", "--kld_weight", "0.5", "-o", folder) == 0
    return folder


def test_the_published_command_line_trains_what_it_says(published):
    config = json.loads((published / "config.json").read_text())
    asked = {"epochs": 2, "batch_size": 400, "hidden_dims": [4, 8], "latent_dim": 4, "image_size": 8, "lr_gen": 1e-3}
    assert {key: config[key] for key in asked} == asked
    assert config["kld_weight"] == 0.5
    assert config["gen_weight"] == 0.002
    assert read_trained(published).about.dataset == "digits"
    assert sorted(path.name for path in (published / "snapshots").iterdir()) == [
        "epoch-00002.png", "epoch-00002.safetensors",
    ]  # fmt: skip


def test_its_pinned_file_trains_the_same_weights_and_snapshots_change_nothing(published, tmp_path, run_verb):
    assert run_verb("train", published / "pinned.toml", "-o", tmp_path) == 0
    again, before = (load_file(folder / "model.safetensors") for folder in (tmp_path, published))
    for name, tensor in before.items():
        assert torch.equal(again[name], tensor), name


def test_the_published_verbs_work_on_what_it_wrote(published, ood, tmp_path, monkeypatch, run_verb):
    asked = ["train", "advvae", *TINY]
    one = ["--checkpoint", published]
    assert run_verb(*asked, "--sample", *one, "-o", tmp_path / "s") == 0
    with np.load(tmp_path / "s" / "samples.npz") as arrays:
        assert arrays["image"].shape == (4, 1, 8, 8)
    assert run_verb(*asked, "--test", *one, "-o", tmp_path / "t") == 0
    assert (tmp_path / "t" / "errors.parquet").is_file()
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path))
    words = ["--outlier_detection", "--discriminator_checkpoint", published, "--out_dataset", "imagenet"]
    assert run_verb(*asked, *words, "--data-path", ood, "-o", tmp_path / "o") == 0
    assert json.loads((tmp_path / "o" / "outliers.json").read_text())["scores"].keys() == {
        "reconstruction", "discriminator",
    }  # fmt: skip


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No set has been fetched, and whoever tries is refused."""
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    return tmp_path / "data"


def test_without_a_data_set_it_is_the_published_one_or_offline_the_digits(offline, tmp_path, run_verb, capsys):
    assert run_verb("train", "advvae", "--n_epochs", "1", "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "data set mnist: it could not be fetched" in said
    assert "get train-images-idx3-ubyte.gz" in said
    assert f"put it into {offline / 'mnist'}, and run the same command again" in said
    assert said.endswith("as --data-path; or train on embedded images, offline, with --dataset digits\n")
    assert not (tmp_path / "out").exists()
    assert run_verb("train", "advvae", "--dataset", "cifar10", "-o", tmp_path / "out") == 2
    assert "embedded images" not in capsys.readouterr().err  # who names a set means it


def test_a_foreign_set_that_is_not_there_is_asked_for_by_the_flag_that_takes_it(
    published, offline, tmp_path, run_verb, capsys
):
    asked = ["outliers", published, "--out-dataset", "fashionmnist"]
    assert run_verb(*asked) == 2
    assert capsys.readouterr().err.endswith("or give the folder that holds it as --out-path\n")
    assert run_verb(*asked, "--out-path", tmp_path) == 2
    assert "data set fashionmnist: --out-path must hold train-images" in capsys.readouterr().err
    asked = ["train", "advvae", "--outlier_detection", "--checkpoint", published]
    assert run_verb(*asked) == 2
    said = capsys.readouterr().err
    assert "data set fashionmnist: it could not be fetched" in said
    assert said.endswith("or give the folder that holds it as --data-path\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["advvae", "--learning_rate", "1"], "advvae: unrecognized arguments: --learning_rate 1"),
        (["advvae", "--sample", "--checkpoint", "nowhere"], "nowhere: a trained folder holds"),
        (
            ["advvae", "--outlier_detection", "--checkpoint", "a", "--discriminator_checkpoint", "b"],
            "one folder holds both nets",
        ),
        (["aegan"], "train: aegan has no published arguments; pin a configuration"),
        (["best.toml", "--lr", "1"], "train: no option '--lr' of a pinned configuration"),
    ],
)
def test_what_train_cannot_take_is_refused_in_one_sentence(words, said, tmp_path, monkeypatch, capsys, run_verb):
    monkeypatch.chdir(tmp_path)
    assert run_verb("train", *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["sample", "reconstruct", "predict", "outliers"])
def test_every_verb_has_help_and_a_door(verb, checkout, run_verb, capsys):
    assert run_verb(verb, "--help") == 0
    assert "Usage" in capsys.readouterr().out
    assert f'main("{verb}")' in (checkout / "platform" / f"{verb}.py").read_text(encoding="utf-8")


def test_errors_of_a_torn_file_are_of_their_kinds(trained, tmp_path):
    folder = tmp_path / "aegan"
    shutil.copytree(trained("aegan"), folder)
    break_about(folder)
    with pytest.raises(ConfigError):
        read_trained(folder)
