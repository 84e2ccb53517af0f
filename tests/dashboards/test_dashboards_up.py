"""``sparring dashboards up``: what is installed runs on loopback and ends with it; lists of nodes are gathered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from sparring.display.dashboards import (
    RAY_SETTINGS,
    Program,
    Running,
    collect_boards,
    collect_targets,
    missing_programs,
    plan_programs,
    ray_sessions,
)
from sparring.display.dashboards.programs import free_port
from sparring.display.dashboards.targets import LIST

FAKE = """#!/bin/sh
[ -n "$SPARRING_BOARDS" ] && echo "boards $SPARRING_BOARDS at $SPARRING_PROMETHEUS"
echo "called $@"
exec sleep 60
"""


def write_list(folder: Path, *nodes: str) -> Path:
    folder.mkdir(parents=True)
    (folder / LIST).write_text(json.dumps([{"labels": {"job": "ray"}, "targets": list(nodes)}]))
    return folder


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A folder with a Prometheus and a Grafana that only say how they were called; they are found before any other."""
    folder = tmp_path / "grafana-11" / "bin"
    folder.mkdir(parents=True)
    (folder.parent / "conf").mkdir()
    (folder.parent / "conf" / "defaults.ini").touch()
    for name in ("prometheus", "grafana"):
        (folder / name).write_text(FAKE)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def test_lists_of_every_session_are_gathered_once_and_go_with_it(tmp_path):
    first = write_list(tmp_path / "ray" / "session_1", "10.0.0.1:1", "10.0.0.2:1")
    second = write_list(tmp_path / "elsewhere" / "session_2", "10.0.0.3:1")
    (tmp_path / "ray" / LIST).symlink_to(first / LIST)
    targets = tmp_path / "targets"
    assert collect_targets([first, second, tmp_path / "ray", tmp_path / "absent"], targets) == 2
    told = [json.loads(path.read_text())[0]["targets"] for path in sorted(targets.glob("*.json"))]
    assert told == [["10.0.0.1:1", "10.0.0.2:1"], ["10.0.0.3:1"]]
    (first / LIST).write_text("[{")  # torn
    assert collect_targets([first, second], targets) == 1
    assert [path.name for path in targets.iterdir()] == ["ray-0.json"]


def test_a_head_is_known_by_its_command_line(tmp_path):
    for number, words in {
        "7": ["/lib/ray/core/src/ray/gcs/gcs_server", "--x=1", "--session-dir=/scratch/ray/session_5"],
        "8": ["/usr/bin/python", "--session-dir=/scratch/ray/session_6"],
        "self": ["python"],
    }.items():
        (tmp_path / number).mkdir()
        (tmp_path / number / "cmdline").write_bytes("\0".join(words).encode())
    assert ray_sessions(tmp_path) == [Path("/scratch/ray/session_5")]
    assert ray_sessions(tmp_path / "absent") is None


def test_what_is_installed_is_started_with_our_files_and_told_where(programs, tmp_path, checkout):
    planned = {each.name: each for each in plan_programs(tmp_path / "results", tmp_path / "keep")}
    assert list(planned) == ["Prometheus", "Grafana", "TensorBoard"]
    assert all(each.address.startswith("http://127.0.0.1:") for each in planned.values())
    settings = tmp_path / "keep" / "prometheus"
    assert f"--config.file={settings / 'prometheus.yml'}" in planned["Prometheus"].command
    assert (settings / "alerts.yml").read_bytes() == (checkout / "dashboards/prometheus/alerts.yml").read_bytes()
    environment = planned["Grafana"].environment
    assert planned["Grafana"].command == (
        str(programs / "grafana"), "server", "--homepath", str(programs.parent),
    )  # fmt: skip
    assert environment["SPARRING_PROMETHEUS"] == planned["Prometheus"].address
    assert (Path(environment["SPARRING_BOARDS"]) / "sparring.json").is_file()
    assert (Path(environment["GF_PATHS_PROVISIONING"]) / "dashboards" / "sparring.yml").is_file()
    for name in ("SPARRING_PROMETHEUS", "SPARRING_BOARDS", "RAY_METRICS_GRAFANA_DASHBOARD_OUTPUT_DIR"):
        used = [p.read_text() for p in Path(environment["GF_PATHS_PROVISIONING"]).rglob("*.yml")]
        assert sum(f"${{{name}}}" in text for text in used) == 1


def test_rays_boards_are_gathered_but_none_that_bears_our_boards_identity(tmp_path, checkout, monkeypatch):
    ours = json.loads((checkout / "dashboards" / "grafana" / "sparring.json").read_text(encoding="utf-8"))["uid"]
    assert set(RAY_SETTINGS.values()) == {ours}
    written = tmp_path / "ray" / "session_latest" / "metrics" / "grafana" / "dashboards"
    written.mkdir(parents=True)
    for name, uid in (("default", ours), ("data", "rayDataDashboard")):
        (written / f"{name}_grafana_dashboard.json").write_text(json.dumps({"uid": uid, "panels": []}))
    (written / "torn.json").write_text('{"uid"')
    into = tmp_path / "keep" / "ray"
    assert collect_boards([tmp_path / "ray", tmp_path / "absent"], into) == 1
    assert [json.loads(path.read_text())["uid"] for path in into.iterdir()] == ["rayDataDashboard"]


def test_what_is_missing_is_named_with_the_way_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    planned = plan_programs(tmp_path / "results", tmp_path / "keep")
    assert [each.name for each in planned] == ["TensorBoard"]
    missing = missing_programs(planned)
    assert list(missing) == ["Prometheus", "Grafana"]
    assert "apt-get install prometheus" in missing["Prometheus"]


def test_a_port_that_is_taken_is_passed_over():
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert free_port(other.getsockname()[1]) not in (other.getsockname()[1], 0)


def test_a_program_that_ends_is_said_and_the_others_end_with_the_block(tmp_path):
    def program(name: str, seconds: str) -> Program:
        return Program(name=name, command=("sleep", seconds), address="", about="")

    told: list[str] = []
    before = set(psutil.Process().children())
    with Running([program("Short", "0"), program("Long", "99")], tmp_path / "keep") as running:
        children = set(psutil.Process().children()) - before
        assert len(children) == 2

        def say(words: str) -> None:
            told.append(words)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            running.watch(lambda: None, say)
    assert told == [f"Short has ended with exit code 0; its words are in {tmp_path / 'keep' / 'short.log'}"]
    assert not set(psutil.Process().children()) - before


@pytest.mark.slow
def test_the_command_serves_and_ends_all_on_ctrl_c(programs, tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-m", "sparring", "dashboards", "up", "--keep", str(tmp_path / "keep")]
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "--results", str(tmp_path)], stdout=file, stderr=file, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 120
        while "Ctrl-C ends all" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (address,) = [line.split()[1] for line in log.read_text().splitlines() if line.startswith("TensorBoard")]
        while True:
            try:
                with urllib.request.urlopen(address, timeout=10) as answer:
                    assert b"TensorBoard" in answer.read()
                break
            except OSError:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.3)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3
        assert "called --config.file=" in (tmp_path / "keep" / "prometheus.log").read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in children)
    finally:
        process.kill()
        process.wait()
