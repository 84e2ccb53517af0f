"""Ray Tune's searcher: Tune asks it for a configuration, and it asks the referee which trial is next."""

from __future__ import annotations

from typing import Any

import ray
from ray.exceptions import RayTaskError
from ray.tune.search import Searcher

from ..errors import SparringError
from ..records import WAIT
from .referee_actor import RefereeHandle
from .slot import TRIAL


class RefereeSearcher(Searcher):
    """Holds no study of its own, so that Tune's snapshots hold none either."""

    def __init__(self, referee: RefereeHandle) -> None:
        super().__init__()
        self._referee = referee

    def suggest(self, trial_id: str) -> Any:
        """A trial's number as Tune's configuration, or Tune's word for "no more"; None has Tune ask again soon."""
        try:
            number = ray.get(self._referee.ask.remote())
        except RayTaskError as error:
            if not isinstance(error.cause, SparringError):
                raise
            # The driver says it in one sentence; raised here, it would be a traceback of Tune's.
            ray.get(self._referee.give_up.remote(str(error.cause)))
            return Searcher.FINISHED
        if number == WAIT:
            return None
        return Searcher.FINISHED if number is None else {TRIAL: number}

    def on_trial_complete(self, trial_id: str, result: dict[str, object] | None = None, error: bool = False) -> None:
        """Nothing: the slot told the referee."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the ledger is the truth."""
