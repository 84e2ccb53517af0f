"""What of Ray's head no trial waits for, started beside what trials do wait for: dashboard, autoscaler, log collector.

Ray starts its processes one after the other and waits for the dashboard, for about three seconds on a quiet machine of
two cores, before it starts those that run trials. Here a thread of the lowest priority starts the three, and what it
starts has that priority too: they never take a processor from a trial. The thread lives as long as they do, since Linux
ends a process that was told to die with its parent when the parent's thread ends.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

STARTS = ("start_monitor", "start_api_server", "start_log_monitor")
"""Methods of Ray's ``Node``, which is private: one that another version does not have is left alone."""

LOWEST = 19
"""The priority, as ``nice`` counts."""

LEAVE_S = 2.0
"""Longest wait at the end for what has not started yet."""


class Beside:
    """A context manager around ``ray.init`` and all that follows, ``ray.shutdown`` too. node: Ray's class."""

    def __init__(self, node: type) -> None:
        self._node = node
        self._originals = {name: getattr(node, name) for name in STARTS if hasattr(node, name)}
        self._calls: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._is_whole = False
        self._started, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._start_all, name="beside", daemon=True)
        self.problems: list[Exception] = []
        """Why a process did not start."""

    def __enter__(self) -> Beside:
        for name, original in self._originals.items():
            setattr(self._node, name, self._deferred(original))
        self._thread.start()
        return self

    def has_begun(self) -> None:
        """Ray runs: nothing more will be started beside it."""
        self._is_whole = True
        self._end_calls()

    def _end_calls(self) -> None:
        for name, original in self._originals.items():
            setattr(self._node, name, original)
        self._calls.put(None)

    @property
    def is_started(self) -> bool:
        """Has everything been started, or failed to?"""
        return self._started.is_set()

    def wait(self) -> None:
        """Until ``is_started``, so that Ray knows of all processes that it has to end; not where Ray did not start.

        What has not started after ``LEAVE_S`` is ended: whoever asks for it once Ray's head is gone is ended by Ray.
        """
        if self._is_whole and not self._started.wait(LEAVE_S):
            for pid in _children(self._thread):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._started.wait(LEAVE_S)

    def __exit__(
        self, error_class: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_calls()
        self._over.set()
        if self.is_started:  # else it waits for a dashboard that nobody needs any more
            self._thread.join()

    def _deferred(self, original: Callable[..., object]) -> Callable[..., None]:
        def start(node: object, *arguments: Any, **options: Any) -> None:
            self._calls.put(partial(original, node, *arguments, **options))

        return start

    def _start_all(self) -> None:
        if sys.platform == "linux":  # elsewhere it is the whole process whose priority would change
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
        # Of a dashboard that fails Ray logs pages, over the live view.
        logging.getLogger("ray._private.services").setLevel(logging.CRITICAL)
        while (call := self._calls.get()) is not None and not self._over.is_set():
            try:
                call()
            except Exception as error:  # a search needs none of them
                self.problems.append(error)
        self._started.set()
        self._over.wait()


def _children(thread: threading.Thread) -> list[int]:
    """Processes that a thread has started; none where the system does not tell."""
    try:
        return list(map(int, Path(f"/proc/self/task/{thread.native_id}/children").read_text().split()))
    except OSError:
        return []
