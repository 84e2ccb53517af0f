"""Prometheus, Grafana and TensorBoard on this machine, with the files of ``dashboards/``: found, started, ended."""

from __future__ import annotations

from .boards import RAY_SETTINGS, collect_boards
from .programs import Program, missing_programs, plan_programs, ray_boards_of
from .running import Running
from .targets import collect_targets, ray_sessions

__all__ = [
    "RAY_SETTINGS",
    "Program",
    "Running",
    "collect_boards",
    "collect_targets",
    "missing_programs",
    "plan_programs",
    "ray_boards_of",
    "ray_sessions",
]
