"""Every command and program of README.md and docs runs, in the order in which a reader types them.

A search is the command itself up to where Ray would start; from there ``support.in_process`` trains two trials. A
command that no table below names is run as it stands.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from support.in_process import conduct
from support.pages import PAGES, ROOT, all_typed, typed_in
from support.reader import Reader, end_servers, matching, put_in_production, serve_aside, write_given

from sparring.cluster import session
from sparring.models import own
from sparring.production.handover import fresh

SHORT = "--set epochs=2 --set steps_per_epoch=20"
TINY = f"{SHORT} --set hidden_size=32 --set n_hl_gen=1 --set n_hl_shared=1 --set n_hl_dis=1"

APPENDED = {
    r"python -m platform.search aegan": f"{TINY} --set data.n=400",
    r"sparring search aegan": f"{TINY} --set data.n=400",
    r"sparring search aegan .*--mirror .*": f"{TINY} --set data.n=400 --mirror HERE/mirrored",
    r"sparring search aegan (--try|--address|--workers-per-trial|--slots) .*": f"{TINY} --set data.n=400",
    r"sparring search aegan --dataset fe-xanes .*": TINY,
    r"sparring search aegan --space aegan-iron-descriptors .*": SHORT,
    r"sparring search (mlp_aae|aae_series|advvae|my_module:MyModel) .*": SHORT,
    r"sparring train advvae .*": "--n_epochs 1 --size 8 --hidden_dims 8 16",
    r"sparring serve (aegan|MyModel --model .*)": "--port 0",
    r"sparring train aae(_series)? .*": "--epochs 1 --dim 4",
    r"sparring train mlp_aae .*": "--n_epochs 1",
}
"""Words that make a command small; its own stay. HERE is the current folder."""

CHECKED = {
    r"sparring search .*--address auto.*": "needs a cluster",
    r"sparring search .*--gpus-per-worker .*": "needs GPUs",
    r"sparring search .*--fork .*": "takes an hour: 100 epochs",
}
"""Searches that stop where Ray would start: all that the command checks before is checked."""

ELSEWHERE = {
    r"git clone …|cd sparring|python -m venv .venv|\. .venv/bin/activate": ("by hand", "tests/benchmarks/newcomer.py"),
    r"sparring enqueue aegan-exafs --trial 7 .*|sparring stop aegan-exafs --trial 9": (
        "needs a study of so many trials",
        "tests/referee/test_by_hand.py",
    ),
    r"sparring production aegan --export onnx .*": ("needs ONNX, which is optional", "tests/handover/test_exports.py"),
    r"pip install -e .*": ("this environment was made so", ".ci/run"),
    r"\(umask 077; .*|export RAY_AUTH_MODE=token": ("changes the home", "tests/test_clusters.py"),
    r"ray start .*|ray job submit .*": ("needs a cluster", "tests/test_clusters.py"),
    r"ssh -N .*": ("needs another machine", ""),
    r"python docs/recipes/ray_data.py .*": ("needs a cluster", "tests/test_ray_data.py"),
    r"kubectl .*": ("needs Kubernetes; its manifest is checked", "tests/test_recipes.py"),
    r"sbatch .*": ("needs Slurm; its script runs with a stand-in", "tests/test_recipes.py"),
    r"sparring models check my_module:MyModel": ("takes a minute", "tests/test_model_check.py"),
}
"""What is not run here: why, and the file that does, as far as can be."""

COMMANDS = [typed for typed in all_typed() if matching(ELSEWHERE, typed.text) is None]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, run_verb) -> Path:
    """The results of whoever has followed the README, with which the other pages begin."""
    place = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(session, "conduct", conduct)
        assert run_verb("search", "aegan", *f"{TINY} --set data.n=400".split()) == 0
    return place / "results"


@pytest.fixture
def reader(tmp_path, monkeypatch, run_verb, capsys) -> Iterator[Reader]:
    reader = Reader(run_verb, capsys, APPENDED, CHECKED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "conduct", reader.conduct)
    monkeypatch.setattr(uvicorn.Server, "run", serve_aside)
    monkeypatch.setattr(fresh, "CALLS", 2)
    monkeypatch.setattr(own, "_ALLOWED", {})
    monkeypatch.setattr(own, "_CLASSES", {})
    write_given(tmp_path)
    yield reader
    end_servers()


@pytest.mark.parametrize("page", dict.fromkeys(typed.page for typed in COMMANDS))
def test_a_page_can_be_followed_from_its_first_command_to_its_last(page, reader, searched, tmp_path):
    if page != "README.md":
        shutil.copytree(searched, tmp_path / "results")
    for typed in (each for each in COMMANDS if each.page == page):
        if typed.text.startswith("sparring rollback "):
            put_in_production(tmp_path / "results" / "aegan-exafs", "aegan")
        if "production/boost_vae" in typed.text:
            put_in_production(boosted(reader), "boost_vae")
        reader.follow(typed)


def boosted(reader: Reader) -> Path:
    words = f"search boost_vae {SHORT} --set data.n=400 --set data.reference=500 --split 80/20".split()
    assert reader.run_verb(*words) == 0
    return Path("results/boost_vae-muons").absolute()


@pytest.mark.ray
def test_after_the_readme_s_search_its_own_next_lines_and_the_readme_s_work(tmp_path, monkeypatch, run_verb, capsys):
    """On Ray: what the search says to type next is typed, and then what the README does."""
    monkeypatch.chdir(tmp_path)
    words = f"search aegan --trials 2 --slots 2 --set data.n=400 {TINY}".split()
    done = subprocess.run([sys.executable, "-m", "sparring", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    following = re.findall(r"^(?:Next)? +(sparring .*)$", done.stdout, re.MULTILINE)
    assert [line.split()[1] for line in following] == ["report", "predict", "best"]
    for line in [*following, "sparring train best.toml"]:
        assert run_verb(*shlex.split(line)[1:]) == 0, line
    assert "exactly the figure of trial" in " ".join(capsys.readouterr().out.split())


def test_quiet_says_nothing_but_errors(tmp_path, monkeypatch, run_verb, capsys, reader):
    words = f"search aegan --set data.n=400 {TINY}".split()
    assert run_verb(*words, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert run_verb("best", "aegan-exafs", "-o", "best.toml") == 0
    capsys.readouterr()
    assert run_verb("train", "best.toml", "-q") == 0
    assert capsys.readouterr() == ("", "")
    assert run_verb(*words, "--quiet", "--seed", "3") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "seed was 0 and is 3" in said.err


def test_what_cannot_be_tried_here_is_tried_where_the_table_says_and_still_typed():
    texts = [typed.text for typed in all_typed()]
    for table in (APPENDED, CHECKED, ELSEWHERE):
        for pattern in table:
            assert any(re.fullmatch(pattern, text) for text in texts), f"no page has {pattern} any more"
    for _, file in ELSEWHERE.values():
        assert not file or (ROOT / file).exists(), file


def test_commands_are_found_wherever_they_stand_and_comments_and_output_are_not():
    text = "```console\n$ a --b 'c d' && e   # f && g\nit says\n$ h \\\n    i\n```\n  ```python\n  x = 1\n  ```\n"
    found = typed_in(text, "P.md")
    assert [(each.text, each.line, each.prints) for each in found] == [
        ("a --b 'c d'", 2, []),
        ("e", 2, ["it says"]),
        ("h i", 4, []),
        ("x = 1\n", 8, []),
    ]
    assert {each.page for each in all_typed()} == set(PAGES) - {
        "docs/security.md",
        "docs/faults.md",
        "docs/reproductions.md",
    }
