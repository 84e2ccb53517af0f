"""Two replicas under Ray Serve: both answer, one is killed, and answers go on and come of the version they name."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

import sparring
from sparring.cli.app import app
from sparring.cluster import replicas
from sparring.errors import UsageError
from sparring.production.registry import Registry


def test_without_ray_serve_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setattr(replicas, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"--ray: needs Ray Serve, .*pip install 'ray\[serve\]'"):
        replicas.serve_replicas(
            dict, replicas=1, requests=1, address=None, host="127.0.0.1", port=1, ready=lambda: None
        )


def test_an_address_of_a_cluster_goes_with_ray(models):
    result = CliRunner().invoke(app, ["serve", "aegan", "--at", str(models), "--address", "auto"])
    assert str(result.exception) == "--address: is a Ray cluster's; it goes with --ray"


def replicas_of(process) -> list[psutil.Process]:
    found = []
    for each in psutil.Process(process.pid).children(recursive=True):
        try:
            if each.cmdline() and each.cmdline()[0].startswith("ray::ServeReplica"):
                found.append(each)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def served(models, tmp_path):
    """(the process, its address) of two replicas."""
    for name in replicas.NEEDED:
        pytest.importorskip(name, reason="Ray Serve is not installed; pip install 'ray[serve]'")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "sparring", "serve", "aegan", "--at", str(models), "--ray", "--replicas", "2",
               "--port", str(port), "--watch", "0.2"]  # fmt: skip
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        line = process.stdout.readline()
        assert re.fullmatch(r"aegan version 3 at http://127\.0\.0\.1:\d+\n", line), (tmp_path / "errors").read_text()
        yield process, f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.ray
@pytest.mark.slow
def test_two_replicas_answer_and_go_on_when_one_is_killed(served, models, rows):
    process, url = served
    known = {
        version: sparring.load(str(models / "aegan"), version).predict({"structure": rows["structure"]})["spectrum"]
        for version in (1, 2, 3)
    }
    body = {"rows": {"structure": rows["structure"].tolist()}}
    wrong, lost, good = [], [], []
    is_over = threading.Event()

    def call():
        with httpx.Client(timeout=60) as client:
            while not is_over.is_set():
                answer = client.post(f"{url}/predict", json=body)
                if answer.status_code != 200:
                    lost.append((time.monotonic(), answer.status_code))
                    continue
                told = answer.json()
                values = np.array(told["values"]["spectrum"])
                if not np.allclose(values, known[told["version"]], rtol=1e-4, atol=1e-4):
                    wrong.append(told["version"])
                good.append((time.monotonic(), told["version"]))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(good) > 50)
        first, second = replicas_of(process)
        first.kill()
        killed = time.monotonic()
        until(lambda: sum(at > killed for at, _ in good) > 50)
        until(lambda: len(replicas_of(process)) == 2 and first.pid not in {each.pid for each in replicas_of(process)})
        assert second.pid in {each.pid for each in replicas_of(process)}
        Registry(address=str(models)).roll_back("aegan", 1)
        until(lambda: [version for _, version in good[-20:]] == [1] * 20)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(lost) <= 8, lost  # what the killed replica had, of four callers, and what was on its way to it
    assert httpx.get(f"{url}/openapi.json").json()["paths"].keys() >= {"/predict", "/reconstruct"}


def until(is_true):
    for _ in range(1200):
        if is_true():
            return
        time.sleep(0.1)
    raise AssertionError("it never came true")
