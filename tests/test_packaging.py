"""What `pip install` brings: the package, its data, and nothing else that can be imported."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # all together

DATA = ("search_spaces", "datasets", "dashboards")
"""Folders of the checkout that travel inside the package, once they hold something."""

NOT_IMPORTED = {"pandas", "cmaes", "onnx", "onnxscript", "OpenSSL"}
"""Asked for though nothing here need import them: the line that reads a study's Parquet, printed after every search,
what Optuna's CMA-ES calls, what torch's ONNX exporter does, and what model-signing does."""

EXTRAS = ("serve", "onnx", "sign", "wandb")
"""What the package imports only for who asked for it."""

IMPORTED_AS = {
    "annotated-types": "annotated_types",
    "grafana-foundation-sdk": "grafana_foundation_sdk",
    "model-signing": "model_signing",
    "pillow": "PIL",
    "pyopenssl": "OpenSSL",
    "pyyaml": "yaml",
    "ruamel.yaml": "ruamel",
    "scikit-learn": "sklearn",
    "tomli-w": "tomli_w",
}

PIP = (sys.executable, "-m", "pip")


@pytest.fixture(scope="module")
def project(checkout: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def copy(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the package is built from: setuptools leaves its build folder beside it."""
    folder = tmp_path_factory.mktemp("copy")
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("platform", *DATA):
        if (checkout / name).is_dir():
            shutil.copytree(checkout / name, folder / name, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(checkout / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(copy: Path) -> Path:
    run(*PIP, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", "dist", ".", cwd=copy)
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed, far from the checkout."""
    target = tmp_path_factory.mktemp("installed")
    run(*PIP, "install", "--no-index", "--no-deps", "--target", ".", wheel, cwd=target)
    return target


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """What a command prints in folder `cwd`, with `path` ahead of the installed packages."""
    env = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_every_package_is_listed(checkout, project):
    folder = checkout / "platform"
    found = {".".join(init.parent.relative_to(folder).parts) for init in folder.rglob("*/__init__.py")}
    data = {f"sparring.{name}" for name in DATA if (checkout / name).is_dir() and files_in(checkout / name)}
    assert set(project["tool"]["setuptools"]["packages"]) == found | data


def imported_in(folder: Path) -> set[str]:
    """Top-level names that the Python files of a folder import and that neither Python nor Sparring brings."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"sparring"}


def importable(requirements: list[str]) -> set[str]:
    """Names under which what `requirements` ask for is imported."""
    names = {re.split(r"[\[<>=; ]", requirement)[0] for requirement in requirements}
    return {IMPORTED_AS.get(name, name) for name in names}


def test_what_is_imported_is_asked_for_and_what_is_asked_for_is_imported(checkout, project):
    needed = imported_in(checkout / "platform" / "sparring") | NOT_IMPORTED
    extras = project["project"]["optional-dependencies"]
    optional = importable([each for name in EXTRAS for each in extras[name]])
    assert needed == importable(project["project"]["dependencies"]) | optional


def test_what_the_tests_import_comes_with_the_extra_called_test(checkout, project):
    extra = project["project"]["optional-dependencies"]["test"]
    neighbours = {path.stem for path in (checkout / "tests" / "benchmarks").glob("*.py")}
    neighbours |= {"support", "benchmarks", "simulation"}  # tests/ is on the path of pytest
    opponents = {"tensorflow"}  # benchmarks/keras_steps.py says which environment of its own it runs in
    needed = imported_in(checkout / "tests") - neighbours - opponents
    assert needed <= importable(project["project"]["dependencies"] + extra)


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
    report = files_in(checkout / "platform" / "sparring" / "report")
    pages = {name for name in report if name.endswith((".html", ".css", ".js", ".j2"))}
    assert {"dashboard/body.html", "comparison/curves.js"} < pages
    assert {f"sparring/report/{name}" for name in pages} <= names
    assert "sparring/search_spaces/aegan.toml" in names
    assert "sparring/datasets/exafs.toml" in names


@pytest.mark.parametrize(
    ("verb", "shown"), [("models", ["aegan"]), ("datasets", ["exafs", "fe-xanes"])], ids=["models", "datasets"]
)
def test_an_installed_wheel_lists_what_it_brought(installed, tmp_path, verb, shown):
    by_script = run(installed / "bin" / "sparring", verb, cwd=tmp_path, path=installed)
    by_module = run(sys.executable, "-m", "sparring", verb, cwd=tmp_path, path=installed)
    for name in shown:
        assert name in by_script
    assert by_script == by_module


def test_an_installed_wheel_reads_its_own_search_space(installed, tmp_path):
    program = "import sparring.space; print(sparring.__file__, sparring.space.find_space('aegan'), sep='\\n')"
    package, space = run(sys.executable, "-c", program, cwd=tmp_path, path=installed).splitlines()
    assert Path(package) == installed / "sparring" / "__init__.py"
    assert Path(space) == installed / "sparring" / "search_spaces" / "aegan.toml"


def test_the_command_line_starts_without_the_heavy_libraries(tmp_path):
    heavy = {"torch", "ray", "optuna", "pandas", "pyarrow", "sklearn", "scipy", "matplotlib"}
    loaded = run(sys.executable, "-c", "import sys, sparring.cli.app; print(*sys.modules)", cwd=tmp_path)
    assert heavy.isdisjoint(loaded.split())


def test_an_editable_install_opens_the_package_and_no_door(copy, tmp_path):
    """One that put platform/ on the path would shadow any library called `datasets` or `search`."""
    build = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
    run(sys.executable, "-c", build, tmp_path, cwd=copy)
    (built,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(built).extractall(tmp_path / "site")
    look = (
        "import sys, site, importlib.util\n"
        "site.addsitedir(sys.argv[1])\n"
        "print(*[spec.origin for spec in map(importlib.util.find_spec, sys.argv[2:]) if spec], sep='\\n')\n"
    )
    doors = [path.stem for path in (copy / "platform").glob("[!_]*.py")]
    # -I -S: nothing is installed but the standard library and the folder that the program adds.
    found = run(sys.executable, "-I", "-S", "-c", look, tmp_path / "site", "sparring", *doors, cwd=tmp_path)
    assert found.splitlines() == [str(copy / "platform" / "sparring" / "__init__.py")]


def test_nothing_in_the_folder_of_the_tests_has_a_librarys_name(checkout):
    """It is on pytest's path before all others, so that the tests can share what lies in `support`."""
    ours = {path.name.removesuffix(".py") for path in (checkout / "tests").iterdir()} - {"__pycache__"}
    assert "support" in ours
    assert not ours & (set(sys.stdlib_module_names) | set(importlib.metadata.packages_distributions()))
