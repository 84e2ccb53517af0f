"""What `pip install` brings: the package, its data, and nothing else that can be imported."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

DATA = ("search_spaces", "datasets", "dashboards")
"""Folders of the checkout that travel inside the package, once they hold something."""

IMPORTED_AS = {"pyyaml": "yaml", "scikit-learn": "sklearn", "tomli-w": "tomli_w"}


@pytest.fixture(scope="module")
def project(checkout: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools leaves its build folder beside what it builds."""
    copy = tmp_path_factory.mktemp("checkout")
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("platform", *DATA):
        if (checkout / name).is_dir():
            shutil.copytree(checkout / name, copy / name, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(checkout / name, copy)
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(copy / "dist"), str(copy))
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed, far from the checkout."""
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    return target


def pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_every_package_is_listed(checkout, project):
    folder = checkout / "platform"
    found = {".".join(init.parent.relative_to(folder).parts) for init in folder.rglob("*/__init__.py")}
    data = {f"sparring.{name}" for name in DATA if (checkout / name).is_dir() and files_in(checkout / name)}
    assert set(project["tool"]["setuptools"]["packages"]) == found | data


def test_what_is_imported_is_asked_for_and_what_is_asked_for_is_imported(checkout, project):
    asked = {name.split("[")[0].split(">")[0] for name in project["project"]["dependencies"]}
    imported = set()
    for path in (checkout / "platform" / "sparring").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names - {"sparring"} == {IMPORTED_AS.get(name, name) for name in asked}


def test_the_wheel_holds_the_package_and_nothing_else_to_import(checkout, wheel):
    import sparring

    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = f"sparring-{sparring.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"sparring", metadata}
    source = checkout / "platform"
    ours = {name for name in files_in(source) if name.startswith("sparring/") and name.endswith((".py", "py.typed"))}
    assert {name for name in names if name.endswith((".py", "py.typed"))} == ours
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_wheel_holds_every_file_of_data(checkout, wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in DATA:
        if (checkout / folder).is_dir():
            assert {f"sparring/{folder}/{name}" for name in files_in(checkout / folder)} <= names
    assert "sparring/search_spaces/aegan.toml" in names
    assert "sparring/datasets/exafs.toml" in names


@pytest.mark.parametrize(
    ("verb", "shown"), [("models", ["aegan"]), ("datasets", ["exafs", "fe-xanes"])], ids=["models", "datasets"]
)
def test_an_installed_wheel_lists_what_it_brought(installed, tmp_path, verb, shown):
    env = os.environ | {"PYTHONPATH": str(installed)}
    script = installed / "bin" / "sparring"
    where = [sys.executable, "-c", "import sparring.cli; print(sparring.cli.__file__)"]
    listing = {}
    for command in ([str(script), verb], [sys.executable, "-m", "sparring", verb], where):
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        listing[command[-1] if command is where else command[0]] = done.stdout
    by_script, by_module, file = listing.values()
    assert Path(file.strip()) == installed / "sparring" / "cli.py"
    assert by_script == by_module
    for name in shown:
        assert name in by_script


def test_an_installed_wheel_reads_its_own_search_space(installed, checkout, tmp_path):
    program = "from sparring.space import find_space; print(find_space('aegan'))"
    env = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert Path(done.stdout.strip()) == installed / "sparring" / "search_spaces" / "aegan.toml", done.stderr


def test_the_command_line_starts_without_the_heavy_libraries(tmp_path):
    program = (
        "import sys, sparring.cli; "
        "print(*sorted({'torch', 'ray', 'optuna', 'pandas', 'pyarrow', 'sklearn', 'scipy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
