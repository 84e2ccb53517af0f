"""A model of one's own in production: promoted, loaded and served where its user names it, and refused where not."""

from __future__ import annotations

import asyncio
import shutil
import sys

import numpy as np
import pytest
from rich.console import Console
from support.in_process import conduct
from support.own import NAME, blocks, write_tutorial
from support.promoted import candidate_of, staged
from support.served import put, served

import sparring
from sparring.errors import DataError, UnknownName, UsageError
from sparring.models import own
from sparring.models.own import allow
from sparring.production.handover.bundle import read_files
from sparring.production.registry import Registry
from sparring.study import Limits, prepare

HELPER = "WIDTH = 8\n"
"""A module that the model's file imports, and that does not lie beside it."""


@pytest.fixture(autouse=True)
def nothing_is_allowed(monkeypatch):
    """As in a new process."""
    monkeypatch.setattr(own, "_ALLOWED", {})
    monkeypatch.setattr(own, "_CLASSES", {})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The tutorial's folder with a study of two steps in it, and its bundle in ``production``."""
    place = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(own, "_ALLOWED", {})
        patch.setattr(own, "_CLASSES", {})
        patch.setattr(sys, "meta_path", list(sys.meta_path))
        patch.setattr(sys, "path", [*sys.path, str(place / "site")])
        (place / "site").mkdir()
        (place / "site" / "helper_nets.py").write_text(HELPER)
        write_tutorial(place)
        file = place / "my_module.py"
        file.write_text(f"import helper_nets\n{blocks()['my_module.py']}", encoding="utf-8")
        allow(NAME)
        short = ["epochs=1", "steps_per_epoch=2", "hidden_size=16"]
        study = prepare(NAME, results=place / "results", settings=short, limits=Limits(trials=1, slots=1))
        conduct(study, None, Console(quiet=True))
        bundle = staged(candidate_of(study.folder), place / "bundle")
        put(Registry(address=str(place / "production")), "MyModel", read_files(bundle))
        sys.modules.pop("helper_nets", None)
    return place


@pytest.fixture
def place(searched, tmp_path, monkeypatch):
    """A copy of it, the working directory."""
    here = shutil.copytree(searched, tmp_path / "here")
    monkeypatch.chdir(here)
    sys.path.append(str(here / "site"))
    yield here
    sys.modules.pop("helper_nets", None)


@pytest.fixture
def images():
    return {"image": np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)}


def test_it_is_loaded_by_name_and_answers_as_the_study_does(place, images):
    model = sparring.load("production/MyModel", model=NAME)
    study = sparring.open_study("MyModel-digits", model=NAME)
    answer = model.reconstruct(images)["image"]
    np.testing.assert_array_equal(answer, study.load().reconstruct(images)["image"])
    assert (model.name, model.version, answer.shape) == ("MyModel", 1, (5, 1, 8, 8))


def test_a_bundle_does_not_bring_it_to_run(place):
    (place / "my_module.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(UsageError, match=r"'my_module:MyModel' is somebody's own Python.*--model my_module:MyModel"):
        sparring.load("production/MyModel")


def test_where_it_cannot_be_imported_one_sentence_says_so(place, run_verb, capsys):
    (place / "site" / "helper_nets.py").unlink()
    with pytest.raises(UsageError, match=r"my_module\.py:1: cannot be imported: ModuleNotFoundError: .*'helper_nets'"):
        sparring.load("production/MyModel", model=NAME)
    (place / "my_module.py").unlink()
    with pytest.raises(UnknownName, match=r"no module 'my_module' in .*, and none of that name is installed"):
        sparring.load("production/MyModel", model=NAME)
    for words in (["serve", "MyModel"], ["sample", "production/MyModel"], ["promote", "MyModel-digits"]):
        assert run_verb(*words, "--model", NAME) == 2
        assert "no module 'my_module' in" in " ".join(capsys.readouterr().err.split())


def test_an_edited_file_is_another_model(place):
    file = place / "my_module.py"
    promoted = allow(NAME).digest
    file.write_text(f"{file.read_text()}# a comment\n")
    with pytest.raises(DataError, match=rf"promoted with, digest {promoted}, but here they have .*; bring those back"):
        sparring.load("production/MyModel", model=NAME)


def test_a_package_that_is_not_installed_is_told_from_an_unknown_system(place):
    registry = Registry(address="production")
    files = registry.read("MyModel")
    for name in ("model.json", "schema.json", "pinned.toml"):
        files[name] = files[name].replace(NAME.encode(), b"small_images")
    put(registry, "MyModel", files)
    with pytest.raises(DataError, match=r"its model small_images is of a package that is not installed here; install"):
        sparring.load("production/MyModel", model=NAME)


def test_it_is_served(place, images):
    allow(NAME)
    expected = sparring.load("production/MyModel").reconstruct(images)["image"]

    async def ask():
        async with served("production/MyModel") as (client, _, _):
            return await client.post("/reconstruct", json={"rows": {"image": images["image"].tolist()}})

    response = asyncio.run(ask())
    assert response.status_code == 200, response.text
    np.testing.assert_allclose(response.json()["values"]["image"], expected, rtol=1e-6)


@pytest.mark.slow
def test_it_is_promoted_through_a_fresh_process_that_gets_its_text(place, run_verb, capsys, monkeypatch):
    (place / "my_module.py").write_text(blocks()["my_module.py"], encoding="utf-8")  # a fresh process has no site
    words = ["promote", "MyModel-digits", "--rows", "6", "--max-latency", "1e6", "--max-memory", "1e6",
             "--no-yardsticks", "--to", "models", "--model", NAME]  # fmt: skip
    code = run_verb(*words)
    said = capsys.readouterr()
    assert code == 0, said
    assert " 2 passed  loads alone" in said.out
    assert f"sparring sample models/MyModel --model {NAME}" in said.out
    assert run_verb("production", "MyModel", "--at", "models") == 0
    monkeypatch.setattr(own, "_ALLOWED", {})
    assert run_verb("sample", "models/MyModel", "-n", "4", "--model", NAME) == 0
