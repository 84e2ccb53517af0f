"""Ray Tune's searcher as a thin door: Tune asks for a configuration, the referee says which trial is next."""

from __future__ import annotations

from typing import Any

import ray
from ray.tune.search import Searcher

from .slot import TRIAL


class RefereeSearcher(Searcher):
    """Holds no study of its own, so that Tune's snapshots hold none either."""

    def __init__(self, referee: Any) -> None:
        super().__init__()
        self._referee = referee

    def suggest(self, trial_id: str) -> Any:
        """A trial's number as Tune's configuration, or Tune's word for "no more"."""
        number = ray.get(self._referee.ask.remote())
        return Searcher.FINISHED if number is None else {TRIAL: number}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing: the slot told the referee."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the truth."""
