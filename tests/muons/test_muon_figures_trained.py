"""The trees' figure of a trained model: what ``train`` and ``compare`` write, and the sample as a table."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import torch
from PIL import Image
from scipy.stats import halfnorm, ks_2samp, kstest, norm
from sklearn.metrics import roc_auc_score
from support.muon_figures import EPOCHS, SMALL

from sparring.data import load_dataset
from sparring.data.physics.kinematics import to_box, to_polar
from sparring.errors import UsageError
from sparring.models import find_model
from sparring.models.metrics.two_sample import auc
from sparring.models.muons import DRAWN
from sparring.production import About, Loaded, read_trained
from sparring.production.drawing.muon_charts import draw_codes
from sparring.production.inference.answers import sample
from sparring.production.inference.likeness import check_against, compare, find_differences
from sparring.production.inference.samples import read_rows
from sparring.space import write_toml


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Any:
    """Trains a model once, by the command and with val/auc as its objective; returns its folder."""
    place = tmp_path_factory.mktemp("trained")

    def train(name: str) -> Path:
        folder: Path = place / name
        if not folder.exists():
            raw = {"model": name, "dataset": "muons", "split": "75/15/10", "seed": 1}
            raw |= {"objectives": [{"metric": "val/auc"}], "data": {"n": 1200, "reference": 500}}
            raw |= {"fixed": {"epochs": EPOCHS, "batch_size": 50, "auc_rows": 200, **SMALL[name]}}
            (place / f"{name}.toml").write_text(write_toml(raw), encoding="utf-8")
            assert run_verb("train", place / f"{name}.toml", "-o", folder) == 0
        return folder

    return train


# -- what train writes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_trace_of_every_epoch_is_written_and_the_best_weights_are_kept(name, trained):
    folder = trained(name)
    trace = pyarrow.parquet.read_table(folder / "epochs.parquet").to_pylist()
    assert [row["epoch"] for row in trace] == [1, 2, 3]
    best = min(trace, key=lambda row: row["val/auc"])
    kept = json.loads((folder / "metrics.json").read_text())
    del best["wall_s"]
    assert {key: kept[key] for key in best} == best
    assert {key for key in kept if key not in best} == {f"test/{key[4:]}" for key in best if key.startswith("val/")}
    loaded = read_trained(folder)
    rows, train = read_rows(loaded, part="valid"), read_rows(loaded, part="train")
    model: Any = loaded.model
    if model.config.auc_rows:  # what lies beside the weights is of prepare, not of the file
        model.detection.fit(train.fields[loaded.fields[0]])
    with torch.no_grad():
        sums = model.evaluate(**rows.fields)
    assert model.figures(sums)["val/auc"] == pytest.approx(kept["val/auc"], abs=1e-9)


# -- a trained model beside held-out rows -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_command_says_and_writes_how_like_its_samples_are(name, trained, tmp_path, run_verb, capsys):
    assert run_verb("sample", trained(name), "--against", "test", "-o", tmp_path) == 0
    said = capsys.readouterr().out
    loaded = read_trained(trained(name))
    rows = read_rows(loaded, part="test")
    (field,) = {"muons", "rareness"} & {path.stem for path in tmp_path.glob("*.npy")}
    table = np.load(tmp_path / f"{field}.npy", allow_pickle=False)
    assert (len(table), table.dtype) == (len(rows), np.float32)
    real = rows.fields[field].double().numpy()
    columns = (lambda each: to_box(to_polar(each))) if field == "muons" else (lambda each: each[:, :4])
    written = json.loads((tmp_path / "likeness.json").read_text())
    found = auc(columns(real), columns(table.astype(np.float64)))
    assert written["auc"][field] == {"value": found.value, "error": found.error, "rows": 120}
    assert f"{found.value:.4f} ± {found.error:.4f}" in said
    assert written["part"] == "test"
    scores = pyarrow.parquet.read_table(tmp_path / "scores.parquet").to_pydict()
    assert roc_auc_score(scores["is_real"], scores["score"]) == pytest.approx(found.value)
    if field == "muons":
        expected = ks_2samp(to_polar(real)[:, 3], to_polar(table)[:, 3]).statistic
        assert written["ks"]["pt [GeV]"]["distance"] == pytest.approx(expected, abs=1e-6)
    pictures = {"variables", "pairs", "classifier", "progress", field}
    if name != "auxgan":
        pictures |= {"codes", "classifier_codes"}
    if name == "aux_aae":
        pictures |= {"classifier_auxiliary_values"}
        codes = loaded.model.encode(rows.fields, seed=0)["codes"].double().numpy()
        for column, test in enumerate(written["codes"]["ks"]):
            assert test["distance"] == pytest.approx(kstest(codes[:, column], halfnorm.cdf).statistic, abs=1e-6)
        np.testing.assert_allclose(written["codes"]["correlation"]["the codes"], np.corrcoef(codes.T), atol=1e-6)
        assert "Largest correlation of the codes" in said
    assert {path.stem for path in tmp_path.glob("*.png")} == pictures
    for stem in pictures:
        assert Image.open(tmp_path / f"{stem}.png").getextrema() != ((255, 255),) * 3


@pytest.mark.slow
def test_perfect_samples_get_one_half_and_poor_ones_more(trained, muons):
    loaded = read_trained(trained("boost_vae"))
    rows = read_rows(loaded, part="train")
    perfect = compare(loaded, {"muons": muons.astype(np.float32)}, rows, 0)[0]["muons"]
    assert abs(perfect.value - 0.5) < 4 * perfect.error
    hotter = muons * np.array([1, 1, 1, 1, 1.3, 1.3, 1])
    assert compare(loaded, {"muons": hotter}, rows, 0)[0]["muons"].value > 0.6
    figures, codes = compare(loaded, {"muons": muons}, rows, 0)
    assert codes is not None
    assert codes.values.shape == codes.draws.shape == (900, 4)
    assert all(kstest(column, norm.cdf).pvalue > 1e-3 for column in codes.draws.T)
    assert figures["codes"].value > 0.45


@pytest.mark.slow
def test_codes_of_a_learned_prior_are_compared_with_its_draws(trained, muons):
    loaded = read_trained(trained("boost_vae"))
    rows = read_rows(loaded, part="train")
    config = find_model("boost_vae").Config(prior="mixture", components=2, hidden=(32, 32))
    model: Any = find_model("boost_vae")(config, {"muons": (7,), "rareness": (5,)})
    model.prepare(rows.fields)
    with torch.no_grad():
        model.mixture.mean.copy_(torch.tensor([-5.0, 5.0])[:, None])
    _, codes = compare(replace(loaded, model=model), {"muons": muons}, rows, 0)
    assert codes is not None
    assert not codes.is_named
    assert (np.abs(codes.draws) > 1).mean() > 0.99
    found = find_differences([], (muons, muons), codes).by_code
    assert [each.distance for each in found] == [
        ks_2samp(*both).statistic for both in zip(codes.values.T, codes.draws.T, strict=True)
    ]
    (line,) = draw_codes(codes.values, codes.priors, [0.0] * 4, {}).axes[0].patches
    share, edges, _ = line.get_data()
    assert share[np.abs(edges[:-1]) < 1].sum() < 0.01
    assert share.sum() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("part", "rows", "words"),
    [
        ("train", None, r"--against: wants rows that were held out, valid or test, but got 'train'"),
        (None, 100, r"--rows: says how many real rows --against compares with"),
        ("valid", None, r"--against: compares tables of muons, but the model mlp_aae"),
    ],
)
def test_a_comparison_that_says_nothing_is_refused(part, rows, words):
    shapes = {"image": (1, 8, 8)}
    about = About(model="mlp_aae", shapes=shapes, dataset="digits", split="80/20", sha256="", version="")
    model = find_model("mlp_aae")(find_model("mlp_aae").Config(hidden_size=8), shapes)
    with pytest.raises(UsageError, match=words):
        check_against(Loaded(folder=Path(), about=about, model=model, device=torch.device("cpu")), part, rows)


# -- the sample as a table --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_many_samples_are_drawn_by_chunks_and_read_back_as_a_data_set(trained, tmp_path, monkeypatch, run_verb):
    loaded = read_trained(trained("auxgan"))
    model: Any = loaded.model
    few = model.draw(50, generator=torch.Generator().manual_seed(3)).numpy()
    np.testing.assert_array_equal(sample(loaded, 50, seed=3)["muons"], few)
    asked, whole = [], type(model).draw

    @functools.wraps(whole)
    def spy(self: Any, n: int, **more: Any) -> Any:
        asked.append(n)
        return whole(self, n, **more)

    monkeypatch.setattr(type(model), "draw", spy)
    count = DRAWN + 4000
    assert run_verb("sample", trained("auxgan"), "-n", str(count), "--boost", "1.2", "-o", tmp_path) == 0
    assert asked == [DRAWN, 4000]
    table = np.load(tmp_path / "muons.npy", allow_pickle=False)
    assert (table.shape, table.dtype) == ((count, 7), np.float32)
    assert len(np.unique(table[:, 1])) > 0.99 * count
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["muons"], table)
    read = load_dataset("muon-files", tmp_path / "muons.npy", {"reference": 1000, "most": 500})
    place = int(read.ids[7].rpartition("-")[2]) - 1
    np.testing.assert_allclose(read.fields["muons"][7], table[place], rtol=1e-6)
