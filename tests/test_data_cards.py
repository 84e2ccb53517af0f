"""Cards, what a data set must hold, and the refusals a user meets before anything starts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import sparring.resources
from sparring.cli.pages.card_page import write_card
from sparring.data import Dataset, cards, dataset_names, load_dataset, read_card, reader_of
from sparring.errors import DataError, UnknownName, UsageError
from sparring.resources import shipped

CARD = """
name = "mine"
title = "Mine"
description = "A set of known format."
reader = "spectra"
path = "a folder"
size = "12 samples"
licence = "CC0-1.0"
source = "this test"
[options]
strict = true
[fields.structure]
meaning = "descriptor"
unit = "1"
[fields.spectrum]
meaning = "absorption"
unit = "1"
"""


@pytest.fixture
def own_cards(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "shipped", lambda folder: tmp_path)
    return tmp_path


def arrays(rows: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"structure": rng.normal(size=(rows, 4)), "spectrum": rng.normal(size=(rows, 5))}


def dataset(fields: dict[str, np.ndarray], ids: list[str] | None = None) -> Dataset:
    rows = len(next(iter(fields.values())))
    return Dataset(name="toy", fields=fields, ids=tuple(ids or (f"s{row}" for row in range(rows))))


@pytest.mark.parametrize("name", dataset_names())
def test_every_card_is_complete_and_its_options_are_the_readers(name):
    card = read_card(name)
    options = reader_of(card).Options
    options(**card.options)
    assert options.model_config["frozen"]
    assert options.model_config["extra"] == "forbid"
    assert all(info.description for info in options.model_fields.values())


@pytest.mark.parametrize("name", dataset_names())
def test_an_embedded_set_has_the_shapes_of_its_card(name):
    card = read_card(name)
    if card.path is not None:
        pytest.skip("not embedded: its files are the user's")
    data = load_dataset(name)
    assert data.name == name
    assert data.shapes == {field: about.shape for field, about in card.fields.items()}


def test_a_set_of_known_format_is_added_by_one_file(own_cards, tmp_path):
    (own_cards / "mine.toml").write_text(CARD)
    np.savez(tmp_path / "mine.npz", x=arrays()["structure"], y=arrays()["spectrum"])
    assert dataset_names() == ["mine"]
    data = load_dataset("mine", tmp_path / "mine.npz")
    assert data.name == "mine"
    assert data.shapes == {"structure": (4,), "spectrum": (5,)}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('licence = "CC0-1.0"\n', "", "licence: is missing"),
        ('title = "Mine"', 'title = "Mine"\nsecret = 1', "secret: is not known here"),
        ('name = "mine"', 'name = "yours"', "name must be the file's, 'mine', but got 'yours'"),
        ('reader = "spectra"', 'reader = "nothing"', "no 'nothing'"),
        ('reader = "spectra"', 'reader = "../../x"', "reader: wants a text of the form"),
        ('reader = "spectra"', 'reader = "decoded"', "'decoded' has no read and Options"),
        ('title = "Mine"', "title = ", "a card is TOML"),
        ("[fields.spectrum]", "[fields.image]", "card promises the fields image, structure"),
        ("strict = true", "strikt = true", "no option 'strikt'; did you mean 'strict'"),
    ],
)
def test_a_card_with_a_fault_is_refused_by_its_place(own_cards, tmp_path, old, new, words):
    assert old in CARD
    (own_cards / "mine.toml").write_text(CARD.replace(old, new))
    np.savez(tmp_path / "mine.npz", x=arrays()["structure"], y=arrays()["spectrum"])
    with pytest.raises(DataError, match=words) as caught:
        load_dataset("mine", tmp_path / "mine.npz")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("exfas",), UnknownName, "no data set 'exfas'; did you mean 'exafs'"),
        (("exafs", "somewhere"), DataError, "embedded and takes no path, but got somewhere"),
        (("fe-xanes",), DataError, "not shipped; give --data-path, a folder of STEM.xyz and STEM.txt pairs"),
        (("fe-xanes", "/no/such/place"), DataError, "must exist, but there is no /no/such/place"),
        (("exafs", None, {"m": 3}), DataError, "no option 'm'; there are: .*seed"),
        (("exafs", None, {"n": 3}), DataError, "n: wants at least 10, but got 3"),
        (("exafs", None, {"points": "some"}), DataError, "points: wants a whole number, but got 'some'"),
        (("exafs", None, {"k_max": 1.0}), DataError, "k_max must exceed k_min"),
    ],
)
def test_a_wrong_wish_is_refused_in_one_sentence(arguments, error, words):
    with pytest.raises(error, match=words) as caught:
        load_dataset(*arguments)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_fields_are_plain_float32_that_nobody_can_change():
    data = dataset({"image": np.asfortranarray(np.random.default_rng(0).normal(size=(12, 3, 2)))})
    image = data.fields["image"]
    assert image.dtype == np.float32
    assert image.flags.c_contiguous
    assert data.shapes == {"image": (3, 2)}
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 0


def test_the_checksum_follows_the_content():
    same, again = dataset(arrays()), dataset(arrays())
    assert same.sha256 == again.sha256
    changed = arrays()
    changed["spectrum"][7, 3] += 1e-3
    assert dataset(changed).sha256 != same.sha256
    assert dataset(arrays(), [f"t{row}" for row in range(12)]).sha256 != same.sha256


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e300, 2e15])
def test_a_value_that_cannot_be_trained_on_is_named_by_sample_and_column(value):
    fields = arrays()
    fields["spectrum"][7, 3] = value
    with pytest.raises(DataError, match=r"spectrum: .* sample 's7' \(row 8\) has .* in column 4; correct"):
        dataset(fields)


def test_a_set_that_cannot_be_split_is_refused():
    for rows in (1, 9):
        with pytest.raises(DataError, match=f"at least 10 samples .* but got {rows}"):
            dataset(arrays(rows))
    dataset(arrays(10))


def test_fields_of_unequal_length_are_refused_with_their_lengths():
    with pytest.raises(DataError, match="structure 12, spectrum 11, ids 12"):
        dataset(arrays() | {"spectrum": arrays()["spectrum"][:11]})


def test_samples_that_are_all_the_same_are_refused():
    with pytest.raises(DataError, match="spectrum: samples must differ, but all 12"):
        dataset(arrays() | {"spectrum": np.ones((12, 5))})


def test_two_samples_of_one_name_are_refused():
    with pytest.raises(DataError, match="'b' occurs 2 times"):
        dataset(arrays(), ["b", "b", *"acdefghijk"])


def test_shipped_folders_are_found_in_a_checkout_and_before_it_in_a_wheel(tmp_path, monkeypatch):
    package = tmp_path / "platform" / "sparring"
    package.mkdir(parents=True)
    monkeypatch.setattr(sparring.resources, "_PACKAGE", package)
    with pytest.raises(UsageError, match="ships a folder 'datasets', but it is neither"):
        shipped("datasets")
    (tmp_path / "datasets").mkdir()
    assert shipped("datasets") == tmp_path / "datasets"
    (package / "datasets").mkdir()
    assert shipped("datasets") == package / "datasets"


def test_both_kinds_of_cards_are_shipped():
    assert (shipped("datasets") / "exafs.toml").is_file()
    assert Path(shipped("search_spaces")).is_dir()


def test_images_stay_bytes_in_the_memory_they_came_in(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 4), dtype=np.uint8)
    kept = dataset({"image": images}).fields["image"]
    assert kept.dtype == np.uint8
    assert np.shares_memory(kept, images)
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 0
    images[0, 0, 0, 0] += 1  # the caller's own array stays writable

    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    again = dataset({"image": mapped})
    assert isinstance(again.fields["image"], np.memmap)
    assert again.sha256 == dataset({"image": images}).sha256


def test_the_checksum_of_bytes_follows_the_content_and_may_be_known():
    images = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 4), dtype=np.uint8)
    ids = tuple(f"s{row}" for row in range(12))
    known = hashlib.sha256(images.tobytes()).hexdigest()
    plain = Dataset(name="toy", fields={"image": images}, ids=ids)
    assert Dataset(name="toy", fields={"image": images}, ids=ids, digests={"image": known}).sha256 == plain.sha256
    assert Dataset(name="toy", fields={"image": images}, ids=ids, digests={"image": "0"}).sha256 != plain.sha256
    assert Dataset(name="toy", fields={"image": images}, ids=ids, parts={"train": 12}).sha256 != plain.sha256
    images[11, 0, 3, 3] ^= 1
    assert Dataset(name="toy", fields={"image": images}, ids=ids).sha256 != plain.sha256


@pytest.mark.parametrize("parts", [{"train": 11}, {"train": 10, "exam": 2}, {"train": 14, "test": -2}])
def test_published_parts_must_add_up(parts):
    with pytest.raises(DataError, match="published parts are rows of train, valid, test that add up to all 12"):
        Dataset(name="toy", fields=arrays(), ids=tuple("abcdefghijkl"), parts=parts)


@pytest.mark.parametrize("name", dataset_names())
def test_every_card_has_a_page_with_all_that_it_says(name):
    page, card = write_card(name), read_card(name)
    words = " ".join(page.replace("\\|", "|").split())
    for text in (card.title, card.description, card.size, card.licence, card.source):
        assert " ".join(text.replace("``", "`").split()) in words
    for file in card.files:
        assert file.urls[0] in page
        assert file.checksum in page
    options = reader_of(card).Options.model_fields
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `--set data.")] == [
        f"--set data.{option}=…" for option in options
    ]


def test_the_page_shows_what_holds_here_and_not_the_reader_s_own(run_verb, capsys):
    assert run_verb("datasets", "imagenet") == 0
    assert "| `--set data.side=…` | integer ≥ 4, ≤ 1024 or none | 128 |" in capsys.readouterr().out
    assert run_verb("datasets", "nowhere") == 2
    assert "no data set 'nowhere'; there are:" in capsys.readouterr().err
