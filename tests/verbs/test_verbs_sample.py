"""Samples and reconstructions of trained models."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image
from support.verbs import that_can

from sparring.data import load_dataset, split_rows
from sparring.errors import DataError, UsageError
from sparring.models import model_names
from sparring.production import read_trained
from sparring.production.drawing import pictures
from sparring.production.inference import answer_files
from sparring.production.inference.answers import sample
from sparring.production.inference.samples import read_rows

pytestmark = pytest.mark.slow  # all together


@pytest.mark.parametrize("name", that_can("sample"))
def test_samples_are_as_many_as_asked_and_repeat_by_seed(name, trained):
    loaded = read_trained(trained(name))
    (first,), (again,), (other,) = (sample(loaded, 7, seed=seed).values() for seed in (3, 3, 4))
    shape = {"rareness": (4,)}.get(loaded.fields[0], loaded.about.shapes[loaded.fields[0]])
    if (side := getattr(loaded.model.config, "image_size", None)) is not None:
        shape = (shape[0], side, side)  # images are brought to it
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

    monkeypatch.setattr(answer_files, "picture", spy)
    moved = tmp_path / "moved"
    shutil.copytree(trained("aae_series"), moved)
    (moved / "checksums.json").unlink()
    (moved / "model.json").write_text((moved / "model.json").read_text().replace("ring-downs", "gone"))
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


@pytest.mark.parametrize("name", that_can("reconstruct"))
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
    (folder / "checksums.json").unlink()
    loaded = read_trained(folder)
    with pytest.raises(DataError, match=r"not the data the model was trained on.*--part"):
        read_rows(loaded)
    assert len(read_rows(loaded, part="valid")) == 24


@pytest.mark.parametrize("name", model_names())
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


def test_muons_are_written_as_others_read_them(trained, tmp_path, run_verb, capsys):
    pytest.importorskip("uproot", reason="writing .root needs uproot: pip install uproot")
    asked = ("--published", "--root", "-n", 120, "-o", tmp_path / "m")
    assert run_verb("sample", trained("auxgan"), *asked) == 0
    columns = np.load(tmp_path / "m" / "muons-12-columns.npy")
    plain = np.load(tmp_path / "m" / "muons.npy")
    assert columns.shape == (120, 12)
    np.testing.assert_array_equal(columns[:, 0], plain[:, 0])
    back = load_dataset("muon-files", tmp_path / "m" / "muons.root", {"reference": 100})
    np.testing.assert_allclose(back.fields["muons"][0], plain[int(back.ids[0].rpartition("-")[2]) - 1], rtol=1e-5)
    assert run_verb("sample", trained("aae"), "--published", "-o", tmp_path / "no") == 2
    assert "--published: writes muons, but the model aae draws none" in capsys.readouterr().err


def test_draws_are_of_the_class_that_is_named(tmp_path, run_verb, capsys):
    config = tmp_path / "told.toml"
    config.write_text(
        'model = "mlp_aae"\ndataset = "digits"\nseed = 0\n[[objectives]]\nmetric = "val/score"\n'
        "[fixed]\nepochs = 1\nhidden_size = 32\nhidden_size_dis = 16\nclasses = 10\n"
    )
    folder = tmp_path / "told"
    assert run_verb("train", config, "-o", folder) == 0
    assert run_verb("sample", folder, "-n", "5", "--label", "7") == 0
    with np.load(folder / "samples" / "samples.npz") as written:
        found = written["image"]
    loaded = read_trained(folder)
    wanted = loaded.model.sample_class(5, seed=0, label=7)["image"].numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    capsys.readouterr()
    assert run_verb("sample", folder, "--label", "seven") == 2
    assert "--label: no class 'seven' in digits" in capsys.readouterr().err
