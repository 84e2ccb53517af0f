"""What the referee does once the disk refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..errors import LedgerError


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
