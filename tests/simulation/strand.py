"""A process of the simulation: real code that blocks, in a thread that runs only while the simulator waits for it.

So one thread runs at any moment, in an order that the seed alone decides. What the code does where it would wait
(``suspend``) is handed to the simulator, which resumes it with the answer, or kills it there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Death(BaseException):
    """The process ends here; no code of ours catches it."""


class Strand:
    """``work`` as a process. ``wants``: what it waits for; None once it is over."""

    def __init__(self, work: Callable[[Strand], None]) -> None:
        self.wants: Any = None
        self.error: BaseException | None = None
        """What ended it, if not its own end."""
        self._work, self._answer, self._dies = work, None, False
        self._runs, self._rests = threading.Lock(), threading.Lock()
        self._runs.acquire()
        self._rests.acquire()
        threading.Thread(target=self._run, daemon=True).start()

    def resume(self, answer: Any = None) -> Any:
        """Runs on until it waits again or is over: what it then wants."""
        self._answer = answer
        self._runs.release()
        self._rests.acquire()
        return self.wants

    def kill(self) -> None:
        """Ends it where it waits."""
        if not self._dies:
            self._dies = True
            self.resume()

    def suspend(self, wants: Any) -> Any:
        """Called by the work: waits for the simulator's answer."""
        if self._dies:
            raise Death
        self.wants = wants
        self._rests.release()
        self._runs.acquire()
        if self._dies:
            raise Death
        return self._answer

    def _run(self) -> None:
        self._runs.acquire()
        try:
            if not self._dies:
                self._work(self)
        except Death:
            pass
        except BaseException as error:  # shown by whoever resumes it
            self.error = error
        self.wants, self._dies = None, True
        self._rests.release()
