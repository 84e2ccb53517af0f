"""Models that an installed package names by entry points: a package made here, with the metadata that pip writes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rich.console import Console
from support.own import blocks

from sparring.cli import listings
from sparring.errors import UnknownName, UsageError
from sparring.models import describe_model, find_model, installed_models, own
from sparring.models.own import allow_json, allowed, is_own
from sparring.study import Limits, open_folder, prepare

NAME = "small_images"


def install(site: Path, entries: str) -> None:
    """As pip leaves it: the package, and a folder of metadata beside it."""
    package, about = site / "image_models", site / "image_models-1.2.dist-info"
    package.mkdir(parents=True)
    about.mkdir()
    (package / "__init__.py").write_text("")
    (package / "small.py").write_text(blocks()["my_module.py"], encoding="utf-8")
    (package / "small.toml").write_text(blocks()["my_module.toml"], encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: image-models\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[sparring.models]\n{entries}")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An environment with the package, in a process that has looked for none yet."""
    place = tmp_path / "site"
    install(
        place, f"{NAME} = image_models.small:MyModel\nodd = image_models.small\naegan = image_models.small:MyModel\n"
    )
    monkeypatch.syspath_prepend(place)
    monkeypatch.setattr(own, "_ALLOWED", {})
    monkeypatch.setattr(own, "_CLASSES", {})
    installed_models.cache_clear()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield place
    installed_models.cache_clear()
    for module in [each for each in sys.modules if each.partition(".")[0] == "image_models"]:
        del sys.modules[module]


def test_a_package_s_name_is_searched_as_one_of_ours(site, tmp_path):
    study = prepare(NAME, results=tmp_path / "results", limits=Limits(trials=2))
    assert (study.spec.name, study.spec.model) == (f"{NAME}-digits", NAME)
    assert study.space.where == str(site / "image_models" / "small.toml")
    assert study.config_class is find_model(NAME).Config
    assert find_model(NAME).__module__ == "image_models.small"
    assert find_model("aegan").__module__.startswith("sparring."), "no package hides a system of ours"


def test_a_study_of_it_opens_without_another_word_and_knows_its_code(site, tmp_path, run_verb, capsys):
    study = prepare(NAME, results=tmp_path / "results", limits=Limits(trials=2))
    study.folder.mkdir(parents=True)
    open_folder(study)
    first = allowed(NAME)
    own._ALLOWED.clear()
    assert run_verb("show", study.folder) == 2
    assert "--model" not in capsys.readouterr().err
    assert prepare(NAME, results=tmp_path / "results", limits=Limits(trials=2)).notes == study.notes
    (site / "image_models" / "small.py").write_text(blocks()["my_module.py"] + "# edited\n", encoding="utf-8")
    own._ALLOWED.clear()
    assert allowed(NAME).digest != first.digest
    (note,) = (each for each in prepare(NAME, results=tmp_path / "results").notes if "begun with" in each)
    assert f"{NAME} {first.digest} ({allowed(NAME).digest} now)" in note


def test_it_does_not_travel_to_a_worker_but_its_name_does(site):
    told = allowed(NAME)
    assert (told.sources, told.target) == ({}, "image_models.small:MyModel")
    assert allow_json(told.to_json()) == told


def test_models_lists_it_with_its_package_and_imports_nothing_for_that(site, run_verb, capsys, monkeypatch):
    monkeypatch.setattr(listings, "console", Console(width=250))
    assert run_verb("models") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{NAME} A small adversarial autoencoder of images: a critic compares its codes with draws" in said
    assert describe_model(NAME).endswith("(from image-models 1.2)")
    assert describe_model("odd").startswith("cannot be used: odd: the installed package must name")
    assert "image_models" not in sys.modules


def test_what_leads_to_no_class_is_refused(site):
    assert is_own("odd")
    with pytest.raises(UsageError, match=r"odd: the installed package must name MODULE:CLASS, but says"):
        find_model("odd")
    with pytest.raises(UnknownName, match=r"no model 'small_image'; did you mean 'small_images'"):
        find_model("small_image")
