"""Prometheus, Grafana and TensorBoard on this machine, with the files of ``dashboards/``: found, started, ended."""

from __future__ import annotations

from .programs import Program, missing_programs, plan_programs
from .running import Running
from .targets import collect_targets, ray_sessions

__all__ = ["Program", "Running", "collect_targets", "missing_programs", "plan_programs", "ray_sessions"]
