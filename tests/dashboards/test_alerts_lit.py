"""Planted faults of a real referee, through a real Prometheus: each lights its alert, and before them none is lit.

Ray's agent stands aside: a server of this test shows in its form what it would show; test_scraped has the agent itself.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from support.referee import epoch, make, train

from sparring.cluster.metering import readings as module
from sparring.cluster.metering.readings import Readings
from sparring.cluster.metering.series import PREFIX, STUDY
from sparring.records import Outcome

pytestmark = pytest.mark.slow

FROZEN = {"health/moved_dis": 0.0, "health/grad_dis": 0.5}
"""Of a discriminator none of whose weights moves although it has a gradient."""


def as_rays_agent(name: str, value: float, tags: Mapping[str, str]) -> str:
    labels = ",".join(f'{key}="{text}"' for key, text in ({STUDY: "s"} | dict(tags)).items())
    return f"{PREFIX}{name}{{{labels}}} {value}"


@pytest.fixture
def shown(tmp_path):
    """A referee, and the address at which its figures are shown as Ray's agent shows them."""
    referee = make(tmp_path / "s", trials=30, slots=3, pruner="none")
    readings, lock = Readings(referee, [0.01]), threading.Lock()

    class Agent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                snapshot, events, _ = referee.follow(0)
                readings.hear(events)
                lines = [as_rays_agent(*reading) for reading in readings.take(snapshot)]
            body = "\n".join([*lines, ""]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield SimpleNamespace(referee=referee, lock=lock, address=f"127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def lit(prometheus) -> set[str]:
    return {each["metric"]["alertname"] for each in prometheus.ask('ALERTS{alertstate="firing", study="s"}')}


def test_a_collapse_a_killed_slot_and_a_full_disk_each_light_their_alert(shown, start_prometheus, monkeypatch):
    referee, prometheus = shown.referee, start_prometheus()
    (prometheus.folder / "targets").mkdir(exist_ok=True)
    (prometheus.folder / "targets" / "ray-0.json").write_text(json.dumps([{"targets": [shown.address]}]))
    with shown.lock:
        assert referee.ask() == 0
        train(referee, 0)
    until = time.monotonic() + 120
    while not prometheus.ask("sparring:ended"):
        assert time.monotonic() < until
        time.sleep(0.5)
    assert lit(prometheus) == set()

    with shown.lock:
        for number in range(1, 6):
            assert referee.ask() == number
            referee.start(number, f"slot-{number}")
            for nth in (1, 2, 3):
                referee.report([epoch(number, nth, health=FROZEN)])
        assert referee.trials.ended.outcomes[Outcome.COLLAPSED] == 5
    while "SparringTrialsSick" not in lit(prometheus):
        assert time.monotonic() < until, lit(prometheus)
        time.sleep(0.5)
    assert lit(prometheus) == {"SparringTrialsSick"}

    with shown.lock:
        number = referee.ask()
        referee.start(number, "first")
        referee.start(number, "second")  # another token: the first slot was killed
    while "SparringSlotDied" not in lit(prometheus):
        assert time.monotonic() < until, lit(prometheus)
        time.sleep(0.5)
    assert "SparringDiskFull" not in lit(prometheus)

    usage = module.shutil.disk_usage(referee.trials.ledger.folder)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=500_000_000))
    while "SparringDiskFull" not in lit(prometheus):
        assert time.monotonic() < until, lit(prometheus)
        time.sleep(0.5)
    assert lit(prometheus) == {"SparringTrialsSick", "SparringSlotDied", "SparringDiskFull"}
