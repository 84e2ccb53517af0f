"""The board and the rules say what the table of series says; Prometheus' own tool checks and tries the rules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparring.cluster.metering.series import PREFIX, SERIES, STUDY

RAYS = {
    "ray_cluster_active_nodes", "ray_component_uss_bytes", "ray_memory_manager_worker_eviction_total",
    "ray_node_cpu_utilization", "ray_node_gpus_utilization", "ray_node_mem_total", "ray_node_mem_used",
}  # fmt: skip
"""Series that Ray measures itself."""

NAME = re.compile(r"\b(?:ray_|sparring:)[a-z0-9_]+")


@pytest.fixture(scope="module")
def board(checkout) -> dict[str, Any]:
    return json.loads((checkout / "dashboards" / "grafana" / "sparring.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rules(checkout) -> list[dict[str, Any]]:
    files = [checkout / "dashboards" / "prometheus" / name for name in ("rules.yml", "alerts.yml")]
    groups = [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def queries(board, rules) -> list[str]:
    """Of every panel and rule."""
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())] + [
        rule["expr"] for rule in rules
    ]


def promtool(*arguments: str | Path) -> str:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here; `apt-get install prometheus` brings it")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_series_that_is_asked_for_is_in_the_table_and_every_one_in_the_table_is_asked_for(queries, rules):
    recorded = {rule["record"] for rule in rules if "record" in rule}
    asked = {name for query in queries for name in NAME.findall(query)}
    ours = {PREFIX + name for name in SERIES}
    assert asked - recorded - RAYS == ours
    assert recorded <= asked, "a rule that nobody reads"


def test_a_query_chooses_by_tags_that_its_series_has(queries):
    for query in queries:
        for name, chosen in re.findall(r"ray_(sparring_\w+)\{([^}]*)\}", query):
            used = set(re.findall(r"(\w+)=~?\"", chosen))
            assert used <= {STUDY, *SERIES[name].tags}, query
        for grouped in re.findall(r"(?:max|min) by \(([^)]*)\) \(ray_(sparring_\w+)", query):
            tags, name = set(grouped[0].replace(",", " ").split()), grouped[1]
            assert tags <= {STUDY, *SERIES[name].tags}, query


def test_the_board_is_as_grafana_requires(board):
    panels = board["panels"]
    assert board["schemaVersion"] >= 36
    assert board["uid"] == "sparring"
    assert board["id"] is None
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    variables = {each["name"]: each for each in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["study"]["query"]["query"] == f"label_values({PREFIX}sparring_slots, study)"
    for panel in panels:
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["title"]
        assert panel["description"]
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs))


def test_the_board_has_six_rows_of_at_most_24_panels_that_do_not_overlap(board):
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert rows == ["Is it going well?", "Is it fast?", "Is it fair?", "Is it healthy?", "Will it last?", "Ray's own"]
    assert len(board["panels"]) - len(rows) <= 24
    taken: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in
                     range(place["y"], place["y"] + place["h"])):  # fmt: skip
            assert taken.setdefault(cell, panel["title"]) == panel["title"], cell


def test_the_panels_that_rays_own_pages_frame_are_those_of_nodes_and_of_processors(board):
    """Told that ours is its default board, Ray frames panels 24 and 41 of it in its overview."""
    titles = {panel["id"]: panel["title"] for panel in board["panels"]}
    assert (titles[24], titles[41]) == ("Nodes", "Processors and memory")


def test_our_boards_lie_beside_rays_which_empties_its_own_folder(checkout):
    folder = checkout / "dashboards" / "grafana" / "provisioning"
    read = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (folder / "dashboards").iterdir()}
    paths = {name: each["providers"][0]["options"]["path"] for name, each in read.items()}
    assert paths == {"sparring": "${SPARRING_BOARDS}", "ray": "${RAY_METRICS_GRAFANA_DASHBOARD_OUTPUT_DIR}"}


def test_the_readme_is_short_and_names_every_file(checkout):
    folder = checkout / "dashboards"
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    for path in folder.glob("*/**/*.*"):
        assert set(path.relative_to(folder).parts[1:]) & set(re.findall(r"[\w.]+", text)), path


def test_prometheus_takes_the_configuration(checkout, tmp_path):
    shutil.copytree(checkout / "dashboards" / "prometheus", tmp_path / "prometheus")
    (tmp_path / "prometheus" / "targets").mkdir()
    (tmp_path / "prometheus" / "targets" / "ray-0.json").write_text('[{"targets": ["127.0.0.1:1"]}]')
    said = promtool("check", "config", "--lint-fatal", tmp_path / "prometheus" / "prometheus.yml")
    assert "2 rule files found" in said
    assert "WARNING" not in said


def test_each_planted_fault_lights_its_alert_and_a_study_that_is_well_none(checkout, rules):
    told = (checkout / "tests" / "dashboards" / "alerts.yml").read_text(encoding="utf-8")
    for rule in rules:
        assert "record" in rule or told.count(f"alertname: {rule['alert']}\n") >= 1, "no fault is planted for it"
    promtool("test", "rules", checkout / "tests" / "dashboards" / "alerts.yml")
