"""A search on clusters of several nodes, all on this machine: one dies, one is joined by hand, a job is submitted."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sparring.ledger import epoch_rows, trial_rows
from sparring.records import Outcome

TINY = ["--set", "hidden_size=32", "--set", "n_hl_gen=1", "--set", "n_hl_shared=1", "--set", "n_hl_dis=1",
        "--set", "batch_size=64", "--set", "data.n=600", "--set", "loss_gen=mse"]  # fmt: skip

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
"""`ray`, of this interpreter."""

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def token() -> None:
    """Ray reads these once, at its import. A token of this run alone leaves no file in the user's home."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "log.txt"


@contextmanager
def starter(log: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts commands with their output in the log; whatever still runs at the end is ended, the last one first."""
    started: list[subprocess.Popen] = []

    def begin(command: list[str], cwd: Path, **environment: str) -> subprocess.Popen:
        with log.open("ab") as file:
            env = os.environ | {"COLUMNS": "100"} | environment
            started.append(subprocess.Popen(command, stdout=file, stderr=file, cwd=cwd, env=env))
        return started[-1]

    try:
        yield begin
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def start(log) -> Iterator[Callable[..., subprocess.Popen]]:
    with starter(log) as begin:
        yield begin


def search(results: Path, address: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "sparring", "search", "aegan", "--results", str(results), "--address", address]
    return [*command, *TINY, *arguments]


def wait_for(met, process: subprocess.Popen, log: Path, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert process.poll() is None, f"it ended first: {log.read_text()[-3000:]}"
        assert time.monotonic() < deadline, f"nothing happened: {log.read_text()[-3000:]}"
        time.sleep(0.2)


def told(folder: Path) -> list:
    """The epochs in the ledger; none before the study has begun."""
    return epoch_rows(folder) if (folder / "study.json").exists() else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def name_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def slots_on(raylet: int) -> list[psutil.Process]:
    return [each for each in psutil.Process(raylet).children(recursive=True) if "ray::Slot" in name_of(each)]


def cut_power(raylet: int) -> None:
    """SIGKILL for a node's daemon and everything it started, as close to at once as a process can."""
    family = [psutil.Process(raylet), *psutil.Process(raylet).children(recursive=True)]
    for deed in ("suspend", "kill"):
        for member in family:
            with suppress(psutil.NoSuchProcess):
                getattr(member, deed)()


def test_a_search_outlives_a_node(tmp_path, log, start, check_unbroken):
    from ray.cluster_utils import Cluster

    results = tmp_path / "results"
    folder = results / "aegan-exafs"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": True})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        # One slot a node, so that nothing is free for the lost one's trial.
        budget = ["--trials", "4", "--slots", "3", "--set", "epochs=81", "--checkpoint-seconds", "0"]
        process = start(search(results, cluster.address, *budget, "--pruner", "none"), tmp_path)
        raylet = nodes[0].all_processes["raylet"][0].process.pid
        wait_for(lambda: slots_on(raylet), process, log)
        before = len(told(folder))
        wait_for(lambda: len(told(folder)) > before + 10, process, log)
        cut_power(raylet)
        assert process.wait(200) == 0, log.read_text()[-3000:]
    finally:
        cluster.shutdown()
    rows = trial_rows(folder)
    assert [row.outcome for row in rows] == [Outcome.COMPLETED] * 4
    assert sorted(row.attempt for row in rows) == [1, 1, 1, 2], "the lost node's trial alone began again"
    seen = Counter((row.trial, row.epoch) for row in epoch_rows(folder))
    assert seen == {(trial, epoch): 1 for trial in range(4) for epoch in range(1, 82)}
    (resumed,) = (row for row in rows if row.attempt == 2)
    assert {row.attempt for row in epoch_rows(folder) if row.trial == resumed.trial} == {1, 2}, "from its checkpoint"
    check_unbroken(folder, resumed)


@dataclass(frozen=True)
class Joined:
    """A cluster put together with ``ray start``."""

    address: str
    dashboard: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def joined(token) -> Iterator[Joined]:
    """A head and a node that was joined to it, one CPU each, in folders of their own as two machines have them."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # short: a socket's path has at most 107 characters
    log = folder / "log.txt"
    port, dashboard = free_port(), free_port()
    # `python` on the nodes is this one; `auto` looks for the cluster in the head's folder.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "RAY_TMPDIR": str(folder / "head"), "RAY_USAGE_STATS_ENABLED": "0"}
    here = ["--block", "--num-cpus=1", "--node-ip-address=127.0.0.1", "--object-store-memory=150000000"]
    head = ["--head", f"--port={port}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={free_port()}"]
    node = [f"--address=127.0.0.1:{port}", f"--dashboard-agent-listen-port={free_port()}"]
    with starter(log) as begin:
        for number, (name, options) in enumerate({"head": head, "node": node}.items(), start=1):
            process = begin([*RAY, "start", *options, *here, f"--temp-dir={folder / name}"], folder, **environment)
            wait_for(lambda: log.read_text().count("--block") == number, process, log)  # noqa: B023
        yield Joined(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}", environment)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_search_finds_a_cluster_started_by_hand(tmp_path, log, start, joined):
    results = tmp_path / "results"
    command = search(results, "auto", "--trials", "3", "--slots", "2", "--set", "epochs=3")
    assert start(command, tmp_path, **joined.environment).wait(200) == 0, log.read_text()[-3000:]
    assert len(trial_rows(results / "aegan-exafs")) == 3


def test_what_the_joined_nodes_cannot_hold_is_refused(tmp_path, log, start, joined):
    results = tmp_path / "results"
    command = search(results, "auto", "--trials", "3", "--slots", "3")
    assert start(command, tmp_path, **joined.environment).wait(100) == 2
    assert "the cluster has room for 2 (2 nodes of 1 CPU); use --slots 2 or fewer" in log.read_text()
    assert not results.exists() or not list(results.glob("*/study.json"))


def test_a_search_is_submitted_as_a_job(checkout, tmp_path, log, start, joined):
    copy, results = tmp_path / "checkout", tmp_path / "results"
    for folder in ("platform", "search_spaces", "datasets"):
        shutil.copytree(checkout / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    submit = [*RAY, "job", "submit", "--address", joined.dashboard, "--working-dir", "."]
    program = ["python", "-m", "platform.search", "aegan", "--trials", "2", "--slots", "2", "--set", "epochs=3"]
    job = start([*submit, "--", *program, *TINY, "--results", str(results)], copy, **joined.environment)
    assert job.wait(200) == 0, log.read_text()[-3000:]
    assert len(trial_rows(results / "aegan-exafs")) == 2
    assert "2 completed" in log.read_text(), "the summary comes back to who submitted"


SRUN = """#!/usr/bin/env bash
# Slurm's srun, on one machine: leaves out srun's own options, and gives a joined node a folder and a port of its own.
while [[ $1 == -* ]]; do shift; done
[[ $* == *--address=* ]] && set -- "$@" --temp-dir=FOLDER/node --dashboard-agent-listen-port=PORT
exec "$@"
"""


def test_the_batch_script_of_slurm_joins_the_nodes_and_ends_gently(checkout, tmp_path, log, start):
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    (tmp_path / "bin").mkdir()
    srun = tmp_path / "bin" / "srun"
    srun.write_text(SRUN.replace("FOLDER", str(folder)).replace("PORT", str(free_port())))
    srun.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    (tmp_path / "bin" / "activate").write_text(f"PATH={path}\n")
    environment = {
        "HOME": str(tmp_path),  # the token's file
        "SPARRING_ENV": str(tmp_path),
        "SPARRING_IP": "127.0.0.1",
        "SLURM_JOB_ID": str(free_port()),
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1",
    }
    script = ["env", "-u", "RAY_AUTH_TOKEN", "bash", str(checkout / "docs" / "recipes" / "slurm.sh")]
    try:
        process = start([*script, "--trials", "4", "--set", "epochs=243", *TINY], tmp_path, **environment)
        results = tmp_path / "results" / "aegan-exafs"
        wait_for(lambda: len({row.trial for row in told(results)}) >= 2, process, log)  # a slot on each node
        (token,) = (tmp_path / ".ray").iterdir()
        assert token.stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 143, log.read_text()[-3000:]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(Path(f"/tmp/ray-{environment['SLURM_JOB_ID']}"), ignore_errors=True)
    assert "the same command again continues" in log.read_text()
    assert list((results / "checkpoints").glob("*.safetensors"))
    assert not list((tmp_path / ".ray").iterdir()), "the token is gone"
