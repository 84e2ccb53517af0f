"""A promise that a model does not keep."""

from __future__ import annotations

from ...errors import SparringError


class Broken(SparringError):
    """What was found instead, in a clause; ``way_out`` is what its author can do."""

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(reason)
        self.way_out = way_out
