"""The three programs: how each is found, called and got."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from ...resources import shipped

HOST = "127.0.0.1"
PORTS = {"Prometheus": 9090, "Grafana": 3000, "TensorBoard": 6006}

HOMES = (Path("/usr/share/grafana"), Path("/usr/local/share/grafana"), Path("/opt/homebrew/share/grafana"))
"""Where packages of Grafana put its own files, beside which it does not start."""

ADVICE = {
    "Prometheus": "apt-get install prometheus, brew install prometheus, or https://prometheus.io/download",
    "Grafana": "https://grafana.com/grafana/download; unpacked, put its bin/ on the PATH",
    "TensorBoard": "pip install tensorboard",
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """One that is installed, and how it is started. ``address`` is where a browser finds it."""

    name: str
    command: tuple[str, ...]
    address: str
    about: str
    environment: Mapping[str, str] = field(default_factory=dict)


def ray_boards_of(keep: Path) -> Path:
    """Where Grafana is told to look for Ray's own boards; see ``collect_boards``."""
    return keep / "grafana" / "ray"


def plan_programs(results: Path, keep: Path) -> list[Program]:
    """Those that are installed, ready to start; their settings are copied into ``keep``, where they also keep data.

    results: the studies.
    """
    programs = []
    prometheus_port = free_port(PORTS["Prometheus"])
    prometheus = f"http://{HOST}:{prometheus_port}"
    if (found := shutil.which("prometheus")) is not None:
        settings = keep / "prometheus"
        shutil.copytree(shipped("dashboards") / "prometheus", settings, dirs_exist_ok=True)
        command: tuple[str, ...] = (
            found, f"--config.file={settings / 'prometheus.yml'}", f"--storage.tsdb.path={settings / 'data'}",
            f"--web.listen-address={HOST}:{prometheus_port}", "--log.level=warn",
        )  # fmt: skip
        about = f"{prometheus}/alerts has what somebody should look at"
        programs.append(Program(name="Prometheus", command=command, address=prometheus, about=about))
    if (grafana := _grafana_command()) is not None:
        port = free_port(PORTS["Grafana"])
        environment = _grafana_environment(port, prometheus, keep / "grafana", ray_boards_of(keep))
        address = f"http://{HOST}:{port}/d/sparring"
        programs.append(
            Program(name="Grafana", command=grafana, address=address, about="the board", environment=environment)
        )
    if find_spec("tensorboard") is not None:
        port = free_port(PORTS["TensorBoard"])
        command = (
            sys.executable, "-m", "tensorboard.main", f"--logdir={results}", f"--host={HOST}", f"--port={port}",
        )  # fmt: skip
        about = f"curves, hyperparameters, groups of figures of the studies in {results}"
        programs.append(Program(name="TensorBoard", command=command, address=f"http://{HOST}:{port}", about=about))
    return programs


def missing_programs(programs: list[Program]) -> dict[str, str]:
    """Those that are not installed, and where to get each."""
    return {name: advice for name, advice in ADVICE.items() if name not in {program.name for program in programs}}


def free_port(wanted: int) -> int:
    """That port, or any other that is free where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    return wanted  # no port at all is free: the program says so itself


def _grafana_command() -> tuple[str, ...] | None:
    for name, verb in (("grafana", ("server",)), ("grafana-server", ())):
        if (found := shutil.which(name)) is None:
            continue
        beside = Path(found).resolve().parents[1]
        home = next((home for home in (beside, *HOMES) if (home / "conf" / "defaults.ini").is_file()), None)
        return (found, *verb, *(("--homepath", str(home)) if home is not None else ()))
    return None


def _grafana_environment(port: int, prometheus: str, keep: Path, ray_boards: Path) -> dict[str, str]:
    boards = shipped("dashboards") / "grafana"
    ray_boards.mkdir(parents=True, exist_ok=True)  # Grafana complains of a folder that is not there
    return {
        "GF_SERVER_HTTP_ADDR": HOST,
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(keep),
        "GF_PATHS_LOGS": str(keep / "log"),
        "GF_PATHS_PROVISIONING": str(boards / "provisioning"),
        # Ray's dashboard shows panels in frames of its own page; whoever reaches loopback may look and not change.
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_SECURITY_ALLOW_EMBEDDING": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "SPARRING_PROMETHEUS": prometheus,
        "SPARRING_BOARDS": str(boards),
        "RAY_METRICS_GRAFANA_DASHBOARD_OUTPUT_DIR": str(ray_boards),
    }
