"""The programs while they run: started together, watched, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .programs import Program

LOOK_S = 2.0
"""Seconds between two looks at Ray's sessions."""

END_S = 10.0
"""Seconds that a program gets to end after it was told to."""


class Running:
    """Starts programs and ends them when the block is left; a context manager. Their words go to ``keep/NAME.log``."""

    def __init__(self, programs: Sequence[Program], keep: Path) -> None:
        self._programs, self._keep = programs, keep
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._keep.mkdir(parents=True, exist_ok=True)
        try:
            for program in self._programs:
                with self.log(program.name).open("wb") as log:
                    # A session of its own: Ctrl-C reaches this process alone, which then ends them in order.
                    self._processes[program.name] = subprocess.Popen(
                        program.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                        env=os.environ | program.environment,
                    )  # fmt: skip
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def log(self, name: str) -> Path:
        """What a program says."""
        return self._keep / f"{name.lower()}.log"

    def watch(self, look: Callable[[], object], say: Callable[[str], object]) -> None:
        """Looks again and again until all have ended; ``say`` hears of each that has, once."""
        while self._processes:
            look()
            for name in [name for name, process in self._processes.items() if process.poll() is not None]:
                code = self._processes.pop(name).returncode
                say(f"{name} has ended with exit code {code}; its words are in {self.log(name)}")
            time.sleep(LOOK_S if self._processes else 0)

    def _end(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_S
        for process in self._processes.values():
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._processes.clear()
