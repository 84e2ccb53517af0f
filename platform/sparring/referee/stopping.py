"""What the referee does once the disk refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from ..errors import LedgerError


class Breakable(Protocol):
    """What has a reason not to go on, or None."""

    broken: str | None


A = TypeVar("A")
B = TypeVar("B", bound=Breakable)
P = ParamSpec("P")
R = TypeVar("R")
Method = Callable[Concatenate[B, P], R]


def stopping_instead(answer: A) -> Callable[[Method[B, P, R]], Method[B, P, R | A]]:
    """Makes a call answer ``answer`` once results cannot be committed: slots put their trials down, the search ends.

    Nothing is lost: what was committed is in the ledger, and the driver says why the search stopped.
    """

    def wrap(call: Method[B, P, R]) -> Method[B, P, R | A]:
        @wraps(call)
        def guarded(self: B, /, *arguments: P.args, **options: P.kwargs) -> R | A:
            if self.broken is None:
                try:
                    return call(self, *arguments, **options)
                except (LedgerError, OSError) as error:
                    self.broken = str(error)
            return answer

        return guarded

    return wrap
