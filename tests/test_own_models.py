"""A model of one's own: what may run, from which text, and that every command takes it by name."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
from support.own import NAME, PAGE, blocks, write_tutorial

from sparring.errors import SpaceError, UnknownName, UsageError
from sparring.models import find_config, find_model, own
from sparring.models.own import allow, allow_json, allowed
from sparring.study import Limits, open_folder, prepare


@pytest.fixture(autouse=True)
def nothing_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process."""
    monkeypatch.setattr(own, "_ALLOWED", {})
    monkeypatch.setattr(own, "_CLASSES", {})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The tutorial's files in the working directory."""
    write_tutorial(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begin(place, **more):
    return prepare(NAME, results=place / "results", limits=Limits(trials=2), **more)


# -- what may run ------------------------------------------------------------------------------------------------------


def test_nothing_runs_that_its_user_has_not_named(place):
    (place / "my_module.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(UsageError, match=r"'my_module:MyModel' is somebody's own Python.*--model my_module:MyModel"):
        find_config(NAME)
    assert allow(NAME).digest  # read, not run
    with pytest.raises(SystemExit, match=r"it ran"):
        find_config(NAME)


def test_a_study_that_names_a_model_is_refused_unless_it_is_named_too(place, run_verb, capsys):
    allow(NAME)
    study = begin(place)
    study.folder.mkdir(parents=True)
    open_folder(study)
    own._ALLOWED.clear()
    own._CLASSES.clear()
    (place / "my_module.py").write_text("raise SystemExit('it ran')")
    (place / "best.toml").write_text(f'model = "{NAME}"\ndataset = "digits"\n', encoding="utf-8")
    for words in (["train", "best.toml"], ["promote", str(study.folder), "--no-yardsticks"]):
        assert run_verb(*words) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "it ran" not in said
        assert "own" in said


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("my_module", UsageError, r"is MODULE:CLASS"),
        ("my module:X", UsageError, r"is MODULE:CLASS"),
        ("my_modul:MyModel", UnknownName, r"no module 'my_modul' in .*did you mean 'my_module'"),
        ("my_module:MyModle", UnknownName, r"no class 'MyModle' in my_module; did you mean 'MyModel'"),
        ("my_module:Size", UsageError, r"made of sparring\.models\.base\.Model"),
        ("torch.nn:Linear", UsageError, r"made of sparring\.models\.base\.Model"),
    ],
)
def test_a_name_that_leads_to_no_model_is_refused(place, name, kind, words):
    with pytest.raises(kind, match=words):
        find_model(allow(name).name)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("class MyModel", "1 / 0\nclass MyModel", r"my_module\.py:\d+: cannot be imported: ZeroDivisionError"),
        ("class MyModel", "class MyModel(", r"my_module\.py:\d+: is no Python"),
        ("def gen(", "def generate(", r"MyModel has no method for gen"),
        ("    class Config(config.Config)", "    class Settings(config.Config)", r"wants a class variable Config"),
    ],
)
def test_a_broken_file_is_told_with_its_place(place, before, after, words):
    text = blocks()["my_module.py"].replace(before, after, 1)
    if "Settings" in after:
        text = text.replace("config: Config", "config: config.Config")
    (place / "my_module.py").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        find_model(allow(NAME).name)


# -- from which text ---------------------------------------------------------------------------------------------------


def test_what_a_module_imports_from_beside_it_belongs_to_it_and_nothing_else_does(place):
    (place / "blocks").mkdir()
    (place / "blocks" / "__init__.py").write_text("")
    (place / "blocks" / "nets.py").write_text("import json\nfrom .sizes import WIDTH\n")
    (place / "blocks" / "sizes.py").write_text("WIDTH = 7\n")
    (place / "json.py").write_text("raise SystemExit")
    (place / "unused.py").write_text("raise SystemExit")
    (place / "my_module.py").write_text(f"from blocks import nets\n{blocks()['my_module.py']}")
    found = allow(NAME)
    assert set(found.sources) == {"my_module", "blocks", "blocks.nets", "blocks.sizes"}
    assert sys.modules[find_model(NAME).__module__].nets.WIDTH == 7
    (place / "unused.py").write_text("")
    assert allow(NAME).digest == found.digest
    (place / "blocks" / "sizes.py").write_text("WIDTH = 8\n")
    assert allow(NAME).digest != found.digest
    assert sys.modules[find_model(NAME).__module__].nets.WIDTH == 8, "a program that names it again has it as it is now"


def test_another_process_runs_the_text_that_was_read_and_not_what_lies_there_by_then(place, tmp_path_factory):
    told = allow(NAME).to_json()
    (place / "my_module.py").write_text("raise SystemExit('edited meanwhile')")
    code = (
        "import sys; from sparring.models.own import allow_json, allowed; from sparring.models import find_model;"
        "own = allow_json(sys.stdin.read()); print(find_model(own.name).__name__, own.digest)"
    )
    elsewhere = tmp_path_factory.mktemp("node")
    done = subprocess.run([sys.executable, "-c", code], input=told, capture_output=True, text=True, cwd=elsewhere)
    assert done.stdout.split() == ["MyModel", allow_json(told).digest], done.stderr
    explained = find_config(NAME).model_fields["w_adv"].description
    assert explained.startswith("Weight of the adversarial term"), "pydantic read the text, not the file"


def test_an_installed_package_is_named_too_and_does_not_travel():
    name = "sparring.models.mlp_aae.model:MLPAAE"
    found = allow(name)
    assert found.sources == {}
    assert found.digest
    assert find_model(name) is find_model("mlp_aae")
    assert allow_json(found.to_json()) == found


# -- studies -----------------------------------------------------------------------------------------------------------


def test_its_space_lies_beside_it_and_its_study_is_called_by_its_class(place):
    allow(NAME)
    study = begin(place)
    assert (study.spec.name, study.spec.model) == ("MyModel-digits", NAME)
    assert study.space.where == str(place / "my_module.toml")
    (place / "my_module.toml").unlink()
    with pytest.raises(SpaceError, match=r"looked for beside it, but there is no .*my_module\.toml; say --space"):
        begin(place)


def test_a_resume_under_an_edited_file_says_so(place):
    before = allow(NAME)
    study = begin(place)
    study.folder.mkdir(parents=True)
    open_folder(study)
    assert json.loads((study.folder / "study.json").read_text())["versions"][NAME] == before.digest
    assert begin(place).notes == study.notes
    (place / "my_module.py").write_text(blocks()["my_module.py"] + "# a comment\n", encoding="utf-8")
    now = allow(NAME)
    (note,) = (note for note in begin(place).notes if "begun with" in note)
    assert f"{NAME} {before.digest} ({now.digest} now)" in note


def test_a_driver_hands_its_workers_the_files(place, monkeypatch):
    from sparring.cluster.trainer import Trainer, WorkerInputs, ray

    monkeypatch.setattr(ray, "get", lambda refs: {}["the rows"])
    read = allow(NAME)
    spec = begin(place).spec
    own._ALLOWED.clear()
    with pytest.raises(UsageError, match=r"somebody's own Python"):
        Trainer(WorkerInputs(spec=spec, referee=None, train=None, valid=None, ood=None))  # type: ignore[arg-type]
    with pytest.raises(KeyError, match=r"the rows"):  # which come after the model
        Trainer(WorkerInputs(spec=spec, referee=None, train=None, valid=None, ood=None, own=read))  # type: ignore[arg-type]
    assert allowed(NAME) == read


def test_it_has_a_page_made_of_its_own_words(place, run_verb, capsys):
    assert run_verb("models", NAME) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"# {NAME}\n\nA small adversarial autoencoder of images")
    for words in (
        "The code: `my_module`.",
        "| `encoder` | `gen` |",
        "| `w_adv` | number",
        "### my_module",
        "`val/balance` on",
    ):
        assert words in page, words
    assert "docs/models" not in page


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_builds_a_model_in_sixty_lines_that_train_and_the_verbs_take_by_name(place, run_verb, capsys):
    """The page's commands in order; a search needs Ray, so what it finds stands in for `sparring best` here."""
    assert len(blocks()["my_module.py"].splitlines()) <= 60
    lines = re.findall(r"^\$ sparring (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    commands = [shlex.split(line) for line in lines]
    asked = [words for words in commands if words[0] in ("train", "sample")]
    assert [words[0] for words in asked] == ["train", "sample"]
    raw = f'model = "{NAME}"\n{blocks()["my_module.toml"].partition("[search]")[0]}'
    (place / "best.toml").write_text(raw.replace("epochs = 20", "epochs = 2"), encoding="utf-8")
    for words in asked:
        assert run_verb(*words) == 0, capsys.readouterr().err
    assert json.loads((place / "trained" / "mine" / "model.json").read_text())["model"] == NAME
    assert list((place / "trained" / "mine").rglob("*.png"))
    assert run_verb("reconstruct", "trained/mine", "--rows", "5", "--model", NAME) == 0


@pytest.mark.ray
def test_the_page_s_program_searches_and_a_report_compares(place, run_verb, capsys):
    (program,) = re.findall(r"^```python\n(import sparring\n.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    known: dict[str, Any] = {}
    exec(program, known)
    assert known["images"].shape == (16, 1, 8, 8)
    assert len(known["study"].trials) == 3
    assert "param.hidden_size" in capsys.readouterr().out
    assert run_verb("report", "short", "--model", NAME, "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], len(report["trials"])) == (NAME, 3)
    assert report["test"]["looks"] == 1
    assert report["yardsticks"]
