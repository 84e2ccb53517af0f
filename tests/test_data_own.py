"""Data of the user's own: series, tables and arrays by the shipped cards, and cards by their path, up to training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import csv, parquet

from sparring.data import cards, dataset_names, load_dataset, read_card
from sparring.data.embedded.muons import draw
from sparring.errors import DataError, UnknownName
from sparring.ledger import read_study
from sparring.space import find_space, pin, read_space, write_toml
from sparring.study import open_folder, prepare, reopen

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(60, 16, 2)).astype(np.float32)
TABLE = {f"g{column}": RNG.normal(size=60) for column in range(5)}
ROUNDING = 1e-6
"""Of numbers up to 4 that were scaled and scaled back in float32."""
TINY = {
    "aae_series": {"width": 2, "latent_dim": 2, "n_stages": 2, "steps_per_epoch": 2},
    "mlp_aae": {"hidden_size": 8, "hidden_size_dis": 8, "latent_dim": 2, "steps_per_epoch": 2},
}
CARD = """
name = "mine"
title = "Mine"
description = "Two columns of my table."
reader = "tables"
path = "a table"
size = "60 samples"
licence = "CC0-1.0"
source = "this test"
[options]
columns = { image = ["g1", "g3"] }
[fields.image]
meaning = "two numbers"
unit = "cm"
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """The folder the user is in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_table(path: Path) -> Path:
    table = arrow.table(TABLE)
    (parquet.write_table if path.suffix == ".parquet" else csv.write_csv)(table, path)
    return path


def write_card(folder: Path, text: str = CARD) -> Path:
    (folder / "cards").mkdir(exist_ok=True)
    (folder / "cards" / "mine.toml").write_text(text, encoding="utf-8")
    return Path("cards") / "mine.toml"  # as it is typed


def write_pinned(folder: Path, model: str, dataset: str, path: Path, **more: Any) -> Path:
    space = read_space(find_space(model))
    fixed = {"epochs": 1, "batch_size": 16, **TINY[model]}
    raw = {"model": model, "dataset": dataset, "objectives": space["objectives"], "fixed": fixed}
    (folder / "pinned.toml").write_text(write_toml(raw | {"data_path": str(path)} | more), encoding="utf-8")
    return folder / "pinned.toml"


# -- the shipped cards, to the end ------------------------------------------------------------------------------------


def test_a_model_of_series_trains_on_ones_own_samples_and_gives_them_back(place, run_verb):
    np.save(place / "mine.npy", SERIES)
    study = prepare("aae_series", dataset="series", data_path=Path("mine.npy"), results=place)
    assert study.spec.name == "aae_series-series"
    assert study.dataset.shapes == {"series": (16, 2)}
    pinned = write_pinned(place, "aae_series", "series", place / "mine.npy")
    assert run_verb("train", pinned, "-o", place / "out") == 0
    assert np.isfinite(json.loads((place / "out" / "metrics.json").read_text())["val/mse_recon"])
    assert run_verb("reconstruct", place / "out", "-o", place / "back") == 0
    with np.load(place / "back" / "reconstructions.npz") as back:
        rows = [int(name.removeprefix("series-")) - 1 for name in back["ids"]]
        np.testing.assert_allclose(back["true_series"], SERIES[rows], atol=ROUNDING)
        assert back["series"].shape == (12, 16, 2)


def test_a_model_of_series_trains_on_windows_of_ones_own_recording(place, run_verb):
    write_table(place / "mine.csv")
    data = {"length": 4, "stride": 2, "test_share": 0.0}
    pinned = write_pinned(place, "aae_series", "series", place / "mine.csv", data=data)
    assert run_verb("train", pinned, "-o", place / "out") == 0
    assert json.loads((place / "out" / "model.json").read_text())["shapes"] == {"series": [4, 5]}


@pytest.mark.parametrize("model", ["auxgan", "aux_aae", "boost_vae"])
def test_muons_of_ones_own_are_searched_without_the_options_of_the_embedded_ones(place, model):
    np.save(place / "mine.npy", draw(2000, np.random.default_rng(0)))
    study = prepare(
        model, dataset="muon-files", data_path=Path("mine.npy"), results=place, settings=["data.reference=500"]
    )
    assert len(study.dataset) == 1500
    assert "data" not in study.spec.space or "n" not in study.spec.space["data"]
    (note,) = [note for note in study.notes if "[data]" in note]
    assert note.startswith(
        f"--dataset muon-files: [data] of search_spaces/{model}.toml is for muons, so it is left out: n"
    )
    kept = prepare(model, dataset="muons", results=place, settings=["data.n=300"])
    assert kept.spec.data_options["n"] == 300


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_dense_model_trains_on_the_rows_of_ones_own_table(place, run_verb, suffix):
    path = write_table(place / f"mine.{suffix}")
    study = prepare("mlp_aae", dataset="table", data_path=Path(path.name), results=place)
    np.testing.assert_allclose(study.dataset.fields["image"], np.stack([*TABLE.values()], axis=1), rtol=1e-6)
    pinned = write_pinned(place, "mlp_aae", "table", path)
    assert run_verb("train", pinned, "-o", place / "out") == 0
    assert run_verb("reconstruct", place / "out", "-o", place / "back") == 0
    with np.load(place / "back" / "reconstructions.npz") as back:
        rows = [int(name.removeprefix("row-")) - 1 for name in back["ids"]]
        np.testing.assert_allclose(back["true_image"], study.dataset.fields["image"][rows], atol=ROUNDING)


def test_options_make_the_fields_another_model_wants(place):
    write_table(place / "mine.csv")
    settings = ['data.columns={structure=["g[0-2]"],spectrum=["g3","g4"]}']
    study = prepare("aegan", dataset="table", data_path=Path("mine.csv"), settings=settings, results=place)
    assert study.dataset.shapes == {"structure": (3,), "spectrum": (2,)}


def test_each_array_of_ones_own_file_is_a_field_and_options_may_say_which_part(place):
    np.savez(place / "mine.npz", series=SERIES, label=np.arange(60.0)[:, None])
    assert load_dataset("arrays", place / "mine.npz").shapes == {"series": (16, 2), "label": (1,)}
    study = prepare("aae_series", dataset="arrays", data_path=Path("mine.npz"), results=place)
    assert study.rows("train")["series"].shape == (45, 16, 2)
    np.savez(place / "mine.npz", a=SERIES[:40], b=SERIES[40:])
    parts = {"series": {"train": "a", "test": "b"}}
    assert load_dataset("arrays", place / "mine.npz", {"arrays": parts}).parts == {"train": 40, "test": 20}
    np.savez(place / "mine.npz")
    for content, words in ((None, "expected arrays, but it holds none"), (b"PK", "an .npz of arrays, but it cannot")):
        if content is not None:
            (place / "mine.npz").write_bytes(content)
        with pytest.raises(DataError, match=words):
            load_dataset("arrays", place / "mine.npz")


def test_the_cards_of_ones_own_data_are_listed_and_say_where_to_lead(run_verb, capsys):
    assert run_verb("datasets") == 0
    listed = capsys.readouterr().out
    for name in ("images", "series", "table", "arrays"):
        card = read_card(name)
        assert "of your own" in card.title
        assert f"{name} " in listed
        assert " ".join(card.title.split()[:3]) in listed  # the rest may be folded
        with pytest.raises(
            DataError, match=f"data set {name}: its files are not shipped; give --data-path, "
        ) as caught:
            load_dataset(name)
        assert str(card.path) in str(caught.value)


# -- a card by its path -----------------------------------------------------------------------------------------------


def test_a_card_by_its_path_is_searched_resumed_and_pinned_from_any_folder(place, monkeypatch):
    write_table(place / "mine.csv")
    asked = {"data_path": place / "mine.csv", "results": place}
    study = prepare("mlp_aae", dataset=str(write_card(place)), **asked)
    assert study.spec.name == "mlp_aae-mine"
    assert study.identity()["dataset"] == "mine"
    assert study.dataset.name == "mine"
    np.testing.assert_allclose(study.dataset.fields["image"][:, 0], TABLE["g1"], rtol=1e-6)
    open_folder(study)
    (place / "elsewhere").mkdir()
    monkeypatch.chdir(place / "elsewhere")
    assert reopen(study.folder).dataset.sha256 == study.dataset.sha256
    prepare("mlp_aae", dataset="../cards/mine.toml", **asked)  # the same search, resumed
    pinned = pin(study.space, study.space.baseline(), seed=0, found={})
    assert pinned["dataset"] == str(place / "cards" / "mine.toml")


def test_a_card_that_has_moved_is_the_same_search(place):
    write_table(place / "mine.csv")
    asked = {"data_path": place / "mine.csv", "results": place}
    open_folder(prepare("mlp_aae", dataset=str(write_card(place)), **asked))
    (place / "cards").rename(place / "moved")
    resumed = prepare("mlp_aae", dataset="moved/mine.toml", **asked)  # another search of that name is refused
    assert read_study(resumed.folder)["identity"] == resumed.identity()


def test_what_was_trained_by_a_card_of_ones_own_finds_it_again(place, run_verb, monkeypatch):
    pinned = write_pinned(place, "mlp_aae", str(place / write_card(place)), write_table(place / "mine.csv"))
    assert run_verb("train", pinned, "-o", place / "out") == 0
    assert run_verb("reconstruct", place / "out", "-o", place / "back") == 0
    other = ["reconstruct", place / "out", "--dataset", "cards/mine.toml", "--data-path", "mine.csv"]
    assert run_verb(*other, "-o", place / "again") == 0


@pytest.mark.parametrize("given", ["cards/none.toml", "none.toml", "cards/mine", "cards"])
def test_a_path_without_a_card_is_named(place, given):
    write_card(place)
    with pytest.raises(UnknownName, match=rf"{given}.*; .*give the path of a card's \.toml"):
        load_dataset(given)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x" * 1_000_001, "a card has at most 1,000,000 bytes, but got 1,000,001"),
        (b'name = "\xff"', "a card is TOML in UTF-8, but: .*byte 0xff"),
        (b"a = " + b"[" * 5000, "a card is TOML in UTF-8, but: "),
        (CARD.replace('"mine"', '"yours"').encode(), "name must be the file's, 'mine', but got 'yours'"),
        (
            CARD.replace("image = [", "row = [").encode(),
            r"promises the fields image, .* made row; correct cards/mine\.toml",
        ),
        (CARD.replace("g3", "h3").encode(), "no column is called 'h3'; there are: g0, g1"),
        (CARD.partition("[fields")[0].replace('path = "a table"\n', "").encode(), "fields: a set that is embedded or"),
    ],
    ids=["large", "latin", "deep", "name", "fields", "column", "no fields"],
)
def test_a_card_of_ones_own_with_a_fault_is_refused_by_its_path(place, content, words):
    path = write_card(place)
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        load_dataset(str(path), write_table(place / "mine.csv"))
    assert "\n" not in str(caught.value)


def test_a_card_without_fields_takes_those_its_options_make(place):
    write_table(place / "mine.csv")
    path = write_card(place, CARD.partition("[fields")[0])
    assert load_dataset(str(path), "mine.csv", {"columns": {"x": ["g*"]}}).shapes == {"x": (5,)}


def test_every_shipped_card_names_its_fields_unless_the_user_does():
    nameless = [name for name in dataset_names() if not cards.read_card(name).fields]
    assert nameless == ["arrays", "table"]
