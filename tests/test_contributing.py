"""The recipes of CONTRIBUTING.md, followed to the letter: their code is written into a copy of the tree and tried."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

COPIED = ("platform", "search_spaces", "datasets", "docs", "pyproject.toml")


@dataclass(frozen=True)
class Block:
    """A fenced block: ```` ```LANGUAGE FILE ````, its text without the fence's indent."""

    language: str
    file: str
    text: str


def recipe(text: str, title: str) -> list[Block]:
    """The blocks below a heading of the second level, in order."""
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"CONTRIBUTING.md has no section {title!r}"
    section = rest.partition("\n## ")[0]
    fence = re.compile(r"^( *)```(\w+)(?: (\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    return [
        Block(language, file or "", "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True)))
        for indent, language, file, body in fence.findall(section)
    ]


def follow(blocks: list[Block], tree: Path) -> None:
    """Writes the blocks that name a file into the tree: a diff changes its file, anything else is a new one."""
    for block in blocks:
        if not block.file:
            continue
        file = tree / block.file
        if block.language == "diff":
            file.write_text(changed(file.read_text(encoding="utf-8"), block), encoding="utf-8")
        else:
            assert not file.exists(), f"{block.file} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")


def changed(text: str, block: Block) -> str:
    """The file's text after a diff without line numbers, whose lines before must stand in it exactly once."""
    lines = [line if line.strip() else " \n" for line in block.text.splitlines(keepends=True)]
    assert {line[0] for line in lines} <= set(" +-"), block
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"{block.file} does not have these lines once:\n{before}"
    return text.replace(before, after)


@pytest.fixture
def tree(checkout: Path, tmp_path: Path) -> Path:
    """A copy of what the recipes change."""
    for name in COPIED:
        if (checkout / name).is_dir():
            shutil.copytree(checkout / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(checkout / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def contributing(checkout: Path) -> str:
    return (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8")


def run(tree: Path, *arguments: str | Path) -> str:
    """What Python prints in the copy, in a process that finds ``sparring`` there."""
    env = os.environ | {"PYTHONPATH": str(tree / "platform"), "COLUMNS": "200"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


TRAINED = """
from sparring.cli.app import app
app(["models"], standalone_mode=False)

import torch
from sparring.cli.pages.model_page import write_page
from sparring.data import load_dataset
from sparring.models import find_config, find_model
from sparring.records import Objective, Trial
from sparring.space import checked_space, find_space, read_space
from sparring.training.loop import TrialTraining

torch.set_num_threads(1)
space = checked_space(read_space(find_space("small_aae")), find_config("small_aae"), "small_aae.toml")
rows = torch.from_numpy(load_dataset(space.dataset).fields["image"][:120])
values = space.values(space.baseline()) | {"epochs": 2}
training = TrialTraining(
    find_model("small_aae"), find_config("small_aae")(**values), {"image": rows[:90]}, {"image": rows[90:]},
    trial=Trial(number=0, params={}, seed=0), objective=space.objectives[0],
)
for _ in range(2):
    row = training.run_epoch()
assert row.is_finite and set(row.metrics) == set(find_config("small_aae").emitted()), row
print("metrics:", *sorted(row.metrics))
print("sampled", tuple(training.model.sample(3, seed=0)["image"].shape))
print("scored", *training.model.score({"image": rows[:5]}))
print(write_page("small_aae"))
"""


@pytest.mark.slow
def test_a_model_is_added_as_told(contributing, tree):
    blocks = recipe(contributing, "Add a model")
    follow(blocks, tree)
    told = run(tree, "-c", TRAINED)
    assert re.search(r"^small_aae +Small AAE: a dense autoencoder whose codes", told, re.MULTILINE)
    assert "train/loss_adv" in told
    assert "\nsampled (3, 1, 8, 8)\nscored reconstruction discriminator\n" in told
    assert "\n# small_aae\n" in told
    assert '"sparring.models.small_aae",' in (tree / "pyproject.toml").read_text(encoding="utf-8")


LOADED = """
from sparring.cli.app import app
app(["datasets"], standalone_mode=False)
app(["datasets", "blobs"], standalone_mode=False)
from sparring.data import load_dataset
data = load_dataset("blobs", options={"n": 50})
image = data.fields["image"]
print("loaded", data.name, image.shape, image.dtype, image.max())
"""


def test_a_data_set_is_added_as_told(contributing, tree):
    follow(recipe(contributing, "Add a data set"), tree)
    told = run(tree, "-c", LOADED)
    assert re.search(r"^blobs +Bright spots of 8x8", told, re.MULTILINE)
    assert "\n# blobs\n" in told
    assert "loaded blobs (50, 1, 8, 8) uint8 2" in told


@pytest.mark.slow
def test_a_metric_is_added_as_told(contributing, tree):
    follow(recipe(contributing, "Add a model"), tree)
    follow(recipe(contributing, "Add a metric"), tree)
    told = run(tree, "-c", TRAINED)
    assert "| `val/l1_recon` | raw units | lower | mean absolute error of the reconstruction |" in told
    (measured,) = re.findall(r"^metrics: (.*)", told, re.MULTILINE)
    assert "val/l1_recon" in measured.split()


PRUNED = """
from sparring.records import PRUNERS, StudySpec
from sparring.referee.pruners import make_pruner
from sparring.referee.standing import Reached
from sparring.study.checks import check_names

check_names(StudySpec(name="toy", model="aegan", dataset="exafs", pruner="half_way"))
pruner = make_pruner("half_way", 10)
stopped = []
for trial, best in enumerate([0.5, 0.4, 0.9, 0.3, 0.6]):
    pruner.learn(reached := Reached(number=trial, epoch=5, figures=(best,)))
    if pruner.judge(reached):
        stopped.append(trial)
print("stopped", stopped, "at", pruner.rungs, "of", PRUNERS)
from sparring.cli.app import app
app(["search", "--help"], standalone_mode=False)
"""


def test_a_pruner_is_added_as_told(contributing, tree):
    follow(recipe(contributing, "Add a pruner"), tree)
    told = run(tree, "-c", PRUNED)
    assert "stopped [2, 4] at (5,)" in told
    assert "half_way or none" in told


def test_a_verb_is_added_as_told(contributing, tree, checkout):
    follow(recipe(contributing, "Add a verb"), tree)
    told = run(tree, "-m", "platform.sizes", "--help")
    assert "Usage: sparring sizes [OPTIONS]" in told
    assert "--results" in told
    told = run(tree, "-m", "platform.sizes", "--results", checkout / "tests" / "older" / "results")
    assert re.search(r"^older +\d+\.\d MB *$", told, re.MULTILINE)
