"""The folder called `platform` answers as the standard library's module, and is where the commands are found."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

DOORS = sorted(path.stem for path in (Path(__file__).parents[1] / "platform").glob("[!_]*.py"))


def run(*arguments: str, cwd: Path, ahead: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Python in folder `cwd`, with folder `ahead` before the standard library, as Ray's `working_dir` puts it."""
    path = [str(entry) for entry in (ahead, os.environ.get("PYTHONPATH")) if entry]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_pythons_own_tests_of_platform_pass_against_the_folder(checkout, tmp_path):
    pytest.importorskip("test.test_platform", reason="this interpreter ships without its own tests")
    program = (
        "import platform, sys, unittest\n"
        "print('under test:', platform.__file__)\n"
        "unittest.main('test.test_platform', argv=['test_platform'])\n"
    )
    done = run("-c", program, cwd=tmp_path, ahead=checkout)
    assert done.returncode == 0, done.stderr
    assert f"under test: {checkout / 'platform' / '__init__.py'}" in done.stdout
    assert "\nOK" in done.stderr
    assert int(done.stderr.split("Ran ")[1].split(" test")[0]) >= 20


def test_the_folder_has_exactly_the_names_of_the_standard_module(checkout, tmp_path):
    program = "import platform; print(*sorted(name for name in vars(platform) if not name.startswith('__')))"
    ours = run("-c", program, cwd=tmp_path, ahead=checkout)
    theirs = run("-I", "-c", program, cwd=tmp_path, ahead=checkout)
    assert ours.stdout == theirs.stdout
    assert "system" in ours.stdout.split()


def test_two_copies_of_the_folder_on_the_path_do_not_ask_each_other(checkout, tmp_path):
    shutil.copytree(checkout / "platform", tmp_path / "copy" / "platform", ignore=shutil.ignore_patterns("sparring"))
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'copy')!r}); import platform; print(platform.system())"
    done = run("-c", program, cwd=tmp_path, ahead=checkout)
    assert done.stdout.strip() == platform.system(), done.stderr


def test_a_standard_library_in_an_archive_is_found_too(checkout, tmp_path):
    source = Path(sysconfig.get_path("stdlib"), "platform.py")
    (tmp_path / "library").mkdir()
    shutil.copy(source, tmp_path / "library")
    archive = shutil.make_archive(str(tmp_path / "python"), "zip", tmp_path / "library")
    program = (
        "import sys, sysconfig\n"
        "sysconfig.get_path = lambda name: '/nowhere'\n"
        f"sys.path.append({archive!r})\n"
        "import platform\n"
        "print(platform.system.__code__.co_filename)\n"
    )
    done = run("-c", program, cwd=tmp_path, ahead=checkout)
    assert done.stdout.startswith(archive), done.stderr


def test_without_a_standard_library_the_error_says_where_it_looked(checkout, tmp_path):
    program = "import sysconfig; sysconfig.get_path = lambda name: '/nowhere'; import platform"
    done = run("-c", program, cwd=tmp_path, ahead=checkout)
    assert "ImportError: the standard library's platform module is not in /nowhere" in done.stderr


@pytest.mark.parametrize("verb", DOORS)
def test_a_door_opens_in_the_checkout(checkout, verb):
    done = run("-m", f"platform.{verb}", "--help", cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert f"Usage: sparring {verb}" in done.stdout


def test_every_command_has_a_door_and_every_door_a_command():
    from typer.main import get_command

    from sparring.cli.app import app

    commands = get_command(app).commands
    assert sorted(name for name in commands if not commands[name].hidden) == DOORS


def test_a_door_that_is_imported_starts_nothing(checkout, tmp_path):
    program = (
        f"import sys, platform, {', '.join(f'platform.{verb}' for verb in DOORS)}; print('sparring' in sys.modules)"
    )
    done = run("-c", program, cwd=tmp_path, ahead=checkout)
    assert done.stdout.strip() == "False", done.stderr


SPAWNED = """
import platform
from torch.utils.data import DataLoader, Dataset

class Where(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        import sparring
        return platform.__file__, platform.system(), sparring.__name__

if __name__ == "__main__":
    for batch in DataLoader(Where(), batch_size=2, num_workers=1, multiprocessing_context="spawn"):
        print([item[0] for item in batch])
"""


@pytest.mark.slow
def test_a_spawned_data_loader_works_with_the_checkout_on_the_path(checkout, tmp_path):
    (tmp_path / "load.py").write_text(SPAWNED, encoding="utf-8")
    done = run(str(tmp_path / "load.py"), cwd=tmp_path, ahead=checkout)
    expected = [str(checkout / "platform" / "__init__.py"), platform.system(), "sparring"]
    assert done.stdout.strip() == str(expected), done.stderr


DRIVER = """
import json, platform, ray, sys

@ray.remote(num_cpus=1)
def look():
    import platform, sparring.errors
    return platform.__file__, platform.system(), sparring.errors.SparringError.__module__

ray.init(address=sys.argv[1], runtime_env=json.loads(sys.argv[2]), log_to_driver=False)
print(json.dumps([platform.__file__, *ray.get(look.remote(), timeout=100)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("working_dir", [False, True], ids=["plain", "working_dir"])
def test_a_ray_worker_sees_the_standard_module_and_our_package(checkout, tmp_path, ray_cluster, working_dir):
    # The folder and its doors, small enough to upload; the package itself is installed.
    shutil.copytree(checkout / "platform", tmp_path / "platform", ignore=shutil.ignore_patterns("sparring"))
    runtime_env = {"working_dir": str(tmp_path)} if working_dir else {}
    done = run("-c", DRIVER, ray_cluster.address_info["address"], json.dumps(runtime_env), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    driver, worker, system, errors = json.loads(done.stdout.splitlines()[-1])
    ours = "platform/__init__.py"
    assert driver.endswith(ours)
    assert worker.endswith(ours) == working_dir, worker
    assert system == platform.system()
    assert errors == "sparring.errors"
