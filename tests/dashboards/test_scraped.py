"""A real Prometheus scrapes a running search: every query of the board and of the rules has an answer."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparring.cluster.metering.series import MOST
from sparring.display.dashboards import RAY_SETTINGS, collect_targets, ray_sessions

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SILENT = {
    'max by (study, yardstick) (ray_sparring_objective_yardstick{study=~".*"})': "a report must have measured one",
    "sum by (Name) (ray_memory_manager_worker_eviction_total)": "a node must run out of memory",
    "max by (ip, GpuIndex) (ray_node_gpus_utilization) / 100": "a node must have a GPU",
}
"""Queries without an answer while all is well, and what it takes."""

FAST = {"RAY_metrics_report_interval_ms": "1000"}
"""Ray's processes report every ten seconds otherwise."""


def queries(checkout: Path) -> set[str]:
    """Of every panel and rule; an alert's figure without its bound, for it has no value while all is well."""
    board = json.loads((checkout / "dashboards" / "grafana" / "sparring.json").read_text(encoding="utf-8"))
    found = {target["expr"].replace("$study", ".*") for panel in board["panels"] for target in panel.get("targets", ())}
    for name in ("rules.yml", "alerts.yml"):
        rules = yaml.safe_load((checkout / "dashboards" / "prometheus" / name).read_text(encoding="utf-8"))
        for rule in rules["groups"][0]["rules"]:
            found.add(re.sub(r" [<>]=? -?[\d.]+(e\d+)?", "", rule["expr"]) if "alert" in rule else rule["expr"])
    return found


def test_every_query_of_board_and_rules_has_an_answer_in_a_search(
    checkout, tmp_path, command, start_prometheus, grafana
):
    search = command("scraped")
    (tmp_path / "mirror").mkdir()
    process = search.start(
        "--trials",
        "10000",
        "--cpu-hours",
        "10",
        "--slots",
        "1",
        "--set",
        "epochs=3",
        "--mirror",
        str(tmp_path / "mirror"),
        **FAST,
        **RAY_SETTINGS,
        RAY_GRAFANA_HOST=grafana,
    )
    search.wait_for(search.epochs, process)  # Ray starts the sooner for being alone
    prometheus = start_prometheus()
    unanswered, deadline = queries(checkout) - SILENT.keys(), time.monotonic() + 240
    while unanswered:
        assert time.monotonic() < deadline, f"no answer to: {unanswered}\n{search.said()[-1000:]}"
        assert process.poll() is None, search.said()[-3000:]
        collect_targets(ray_sessions() or [], prometheus.folder / "targets")
        time.sleep(2)
        unanswered = {query for query in unanswered if not prometheus.ask(query)}
    # Over two minutes: of a moment in which a scrape came late, there are series of Ray's own agent alone.
    ours = prometheus.ask('last_over_time({__name__=~"ray_sparring_.*", study="scraped"}[2m])')
    assert 30 < len(ours) < MOST
    # A rule is without an answer where its series have none within the moment: a scrape came late.
    while not (ended := prometheus.ask('sparring:ended{study="scraped"}')) or float(ended[0]["value"][1]) < 10:
        assert time.monotonic() < deadline, search.said()[-1000:]
        time.sleep(2)
    assert not prometheus.ask('ALERTS{severity="critical", alertstate="firing", study="scraped"}')
    look_at_rays_pages(re.search(r"Ray dashboard: (\S+)", search.said())[1], deadline)


def look_at_rays_pages(dashboard: str, deadline: float) -> None:
    """A slot, its trial and what that does can be told in Ray's own pages; its tab Metrics asks for our board."""
    actors = ask_ray(f"{dashboard}/api/v0/actors?detail=1")["data"]["result"]["result"]
    named = [actor["repr_name"] for actor in actors if actor["state"] == "ALIVE" and actor["repr_name"]]
    assert sorted(set(named)) == ["Referee of scraped", "Slot of scraped"]
    (about,) = [job["metadata"] for job in ask_ray(f"{dashboard}/api/jobs/")]
    assert (about["study"], about["objective"], Path(about["folder"]).name) == ("scraped", "val/score", "scraped")
    tasks = ask_ray(f"{dashboard}/api/v0/tasks?detail=0&limit=1000")["data"]["result"]["result"]
    calls = {re.sub(r"\d+", "N", task["name"]) for task in tasks}
    assert {f"scraped trial N {doing}" for doing in ("starts", "reports epoch N", "ends epoch N")} <= calls
    (node,) = {actor["node_id"] for actor in actors if actor["repr_name"] == "Slot of scraped"}
    title = re.compile(r"ray::Slot\.train scraped trial \d+ \w+")
    while not any(title.match(each) for each in titles_of(dashboard, node)):
        assert time.monotonic() < deadline, titles_of(dashboard, node)
        time.sleep(1)
    uids = ask_ray(f"{dashboard}/api/grafana_health")["data"]["dashboardUids"]
    assert uids["default"] == "sparring"


def titles_of(dashboard: str, node: str) -> list[str]:
    """Of the workers of a node, as its page shows them."""
    workers = ask_ray(f"{dashboard}/nodes/{node}")["data"]["detail"]["workers"]
    return [" ".join(each["cmdline"]) for each in workers]


class Health(BaseHTTPRequestHandler):
    """Says what a Grafana that is well says; nothing else of it is here."""

    def do_GET(self) -> None:
        body = b'{"database": "ok"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def grafana():
    """The address of something that answers Ray's question whether a Grafana is there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask_ray(address: str) -> Any:
    """What Ray's dashboard says; the test run's token is that of the search too."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {os.environ['RAY_AUTH_TOKEN']}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
