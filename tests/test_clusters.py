"""A search on clusters of several nodes, all on this machine: one dies, one is joined by hand, a job is submitted."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sparring.ledger import trial_rows
from sparring.records import Outcome

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
"""`ray`, of this interpreter."""

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cut_power(raylet: int) -> None:
    """SIGKILL for a node's daemon and everything it started, as close to at once as a process can."""
    family = [psutil.Process(raylet), *psutil.Process(raylet).children(recursive=True)]
    for deed in ("suspend", "kill"):
        for member in family:
            with suppress(psutil.NoSuchProcess):
                getattr(member, deed)()


@pytest.mark.fault(59)
def test_a_search_outlives_a_node(command, check_unbroken):
    from ray.cluster_utils import Cluster

    search = command("aegan-exafs")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": True})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        # One slot a node, so that nothing is free for the lost one's trial.
        budget = ["--trials", "4", "--slots", "3", "--set", "epochs=243", "--checkpoint-seconds", "0"]
        process = search.start("--address", cluster.address, *budget, "--pruner", "none")
        raylet = nodes[0].all_processes["raylet"][0].process.pid
        # Every node trains, each its first trial, which lasts longer than one slot starts after another.
        search.wait_for(lambda: len({row.trial for row in search.epochs() if row.epoch > 5}) >= 3, process)
        cut_power(raylet)
        assert process.wait(600) == 0, search.said()[-3000:]
    finally:
        search.end()
        cluster.shutdown()
    rows = trial_rows(search.folder)
    assert [row.outcome for row in rows] == [Outcome.COMPLETED] * 4
    assert sorted(row.attempt for row in rows) == [1, 1, 1, 2], "the lost node's trial alone began again"
    seen = Counter((row.trial, row.epoch) for row in search.epochs())
    assert seen == {(trial, epoch): 1 for trial in range(4) for epoch in range(1, 244)}
    (resumed,) = (row for row in rows if row.attempt == 2)
    assert {row.attempt for row in search.epochs() if row.trial == resumed.trial} == {1, 2}, "from its checkpoint"
    check_unbroken(search.folder, resumed)


@dataclass(frozen=True)
class Joined:
    """A cluster put together with ``ray start``."""

    address: str
    dashboard: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def joined(command_in) -> Iterator[Joined]:
    """A head and a node that was joined to it, one CPU each, in folders of their own as two machines have them."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # short: a socket's path has at most 107 characters
    nodes = command_in(folder, "nodes")
    port, dashboard = free_port(), free_port()
    # `python` on the nodes is this one; `auto` looks for the cluster in the head's folder.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "RAY_TMPDIR": str(folder / "head"), "RAY_USAGE_STATS_ENABLED": "0"}
    here = ["--block", "--num-cpus=1", "--node-ip-address=127.0.0.1", "--object-store-memory=150000000"]
    head = ["--head", f"--port={port}", f"--dashboard-port={dashboard}", f"--ray-client-server-port={free_port()}"]
    node = [f"--address=127.0.0.1:{port}", f"--dashboard-agent-listen-port={free_port()}"]
    try:
        for number, (name, options) in enumerate({"head": head, "node": node}.items(), start=1):
            process = nodes.call(*RAY, "start", *options, *here, f"--temp-dir={folder / name}", **environment)
            nodes.wait_for(lambda: nodes.said().count("--block") == number, process)  # noqa: B023
        yield Joined(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}", environment)
    finally:
        nodes.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_search_finds_a_cluster_started_by_hand(command, joined):
    search = command("aegan-exafs")
    process = search.start(
        "--address", "auto", "--trials", "3", "--slots", "2", "--set", "epochs=3", **joined.environment
    )
    assert process.wait(600) == 0, search.said()[-3000:]
    assert len(trial_rows(search.folder)) == 3


@pytest.mark.fault(58)
def test_what_the_joined_nodes_cannot_hold_is_refused(command, joined):
    search = command("aegan-exafs")
    assert search.start("--address", "auto", "--trials", "3", "--slots", "3", **joined.environment).wait(600) == 2
    assert "the cluster has room for 2 (2 nodes of 1 CPU); use --slots 2 or fewer" in search.said()
    assert not (search.folder / "study.json").exists()


def test_a_search_is_submitted_as_a_job(checkout, tmp_path, command, joined):
    copy, search = tmp_path / "checkout", command("aegan-exafs")
    for folder in ("platform", "search_spaces", "datasets"):
        shutil.copytree(checkout / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    submit = [*RAY, "job", "submit", "--address", joined.dashboard, "--working-dir", "."]
    program = ["python", "-m", "platform.search", "aegan", "--trials", "2", "--slots", "2", "--set", "epochs=3"]
    program += [*search.settings, "--results", str(search.results)]
    job = search.call(*submit, "--", *program, cwd=copy, **joined.environment)
    assert job.wait(600) == 0, search.said()[-3000:]
    assert len(trial_rows(search.folder)) == 2
    assert "2 completed" in search.said(), "the summary comes back to who submitted"


SRUN = """#!/usr/bin/env bash
# Slurm's srun, on one machine: leaves out srun's own options, and gives a joined node a folder and a port of its own.
while [[ $1 == -* ]]; do shift; done
[[ $* == *--address=* ]] && set -- "$@" --temp-dir=FOLDER/node --dashboard-agent-listen-port=PORT
exec "$@"
"""


def test_the_batch_script_of_slurm_joins_the_nodes_and_ends_gently(checkout, tmp_path, command):
    search = command("aegan-exafs")
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
        process = search.call(*script, "--trials", "4", "--set", "epochs=243", *search.settings, **environment)
        search.wait_for(lambda: len({row.trial for row in search.epochs()}) >= 2, process)  # a slot on each node
        (token,) = (tmp_path / ".ray").iterdir()
        assert token.stat().st_mode & 0o077 == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(600) == 143, search.said()[-3000:]
    finally:
        search.end()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(Path(f"/tmp/ray-{environment['SLURM_JOB_ID']}"), ignore_errors=True)
    assert "the same command again continues" in search.said()
    assert list((search.folder / "checkpoints").glob("*.safetensors"))
    assert not list((tmp_path / ".ray").iterdir()), "the token is gone"
