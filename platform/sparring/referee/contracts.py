"""What the referee asks of the shelves of checkpoints and weights, and what it does once the disk refuses."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

from ..errors import LedgerError
from ..records import EpochRow


class Checkpoints(Protocol):
    """Where checkpoints are kept; ``sparring.training.checkpoint.CheckpointFolder`` is one."""

    def write(self, trial: int, attempt: int, epoch: int, packed: bytes) -> Path: ...
    def newest(self, trial: int) -> bytes | None: ...
    def history(self, packed: bytes, attempt: int) -> list[EpochRow]: ...
    def drop(self, trial: int) -> None: ...


class Weights(Protocol):
    """Where the leading trials' weights are kept; ``sparring.training.shelf.WeightsFolder`` is one."""

    def write(self, trial: int, packed: bytes) -> None: ...
    def keep(self, trials: Collection[int]) -> None: ...


def stopping_instead(answer: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a call answer ``answer`` once results cannot be committed: slots put their trials down, the search ends.

    Nothing is lost: what was committed is in the ledger, and the driver says why the search stopped.
    """

    def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def guarded(self: Any, *arguments: Any, **options: Any) -> Any:
            if self.broken is None:
                try:
                    return call(self, *arguments, **options)
                except (LedgerError, OSError) as error:
                    self.broken = str(error)
            return answer

        return guarded

    return wrap
