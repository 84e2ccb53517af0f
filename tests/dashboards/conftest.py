"""A real Prometheus for the tests of this folder, with our files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sparring.display.dashboards.programs import free_port


class Prometheus:
    """One of this test's own, on a free port of loopback, with our files; it scrapes and evaluates every second."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(checkout / "dashboards" / "prometheus", folder)
        config = folder / "prometheus.yml"
        text = config.read_text(encoding="utf-8")
        config.write_text(re.sub(r"(scrape|evaluation)_interval: 10s", r"\1_interval: 1s", text), encoding="utf-8")
        port = free_port(9090)
        self.address = f"http://127.0.0.1:{port}"
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log,
            )  # fmt: skip

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series that a query finds now; none while nobody answers yet."""
        try:
            with urllib.request.urlopen(
                f"{self.address}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=10
            ) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            return []


@pytest.fixture
def start_prometheus(checkout, tmp_path):
    """Starts one; it ends with the test."""
    if shutil.which("prometheus") is None:
        pytest.skip("no prometheus here; `apt-get install prometheus` brings it")
    started = []

    def start() -> Prometheus:
        started.append(Prometheus(checkout, tmp_path / "prometheus"))
        return started[-1]

    yield start
    for each in started:
        each.process.terminate()
        each.process.wait(30)
