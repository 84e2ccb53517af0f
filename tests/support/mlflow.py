"""MLflow's real server on loopback, where its command ``mlflow`` is installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest


@contextmanager
def running(place: Path) -> Iterator[str]:
    """The address of a server that keeps everything in ``place``; skips without MLflow."""
    program = shutil.which("mlflow")
    if program is None:
        pytest.skip("mlflow is not installed; pip install mlflow, in an environment of its own")
    port = free_port()
    command = [program, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{place}/mlflow.db", "--artifacts-destination",
               str(place / "files")]  # fmt: skip
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=place) as process:
        uri = f"http://127.0.0.1:{port}"
        try:
            for _ in range(1200):
                assert process.poll() is None, (place / "log").read_text()[-2000:]
                try:
                    urlopen(f"{uri}/health", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.25)
            yield uri
        finally:
            process.terminate()


def free_port() -> int:
    """At which nobody answers, for now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def asked(uri: str, call: str, body: bytes | None = None) -> dict:
    """What the server answers to a call of its REST API; with a body it is posted."""
    request = Request(f"{uri}/api/2.0/mlflow/{call}", data=body, headers={"content-type": "application/json"})
    with urlopen(request) as response:
        return json.load(response)
