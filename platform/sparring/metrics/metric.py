"""What is said of a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure: ``definition`` is a sentence or formula a reader can recompute it from."""

    name: str
    unit: str
    goal: Literal["minimize", "maximize", "none"]
    definition: str
    source: str = ""
