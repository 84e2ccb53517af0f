"""A ``python -I`` of its own that is begun early: it imports, some seconds of the processor, while others work.

It learns what to look at only when it is told, and nothing before. Light itself, so that it can begin before torch is
imported here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

LIMIT_S = 600.0
"""How long the process may take once it was told."""
CHILD = (
    "import sys; sys.path.append(sys.argv[1]); from sparring.production.handover.fresh import main; "
    "main(*sys.stdin.read().splitlines())"
)


class Told(NamedTuple):
    """What the process said."""

    code: int | None
    """Its exit code; None if it did not end in time."""
    said: str
    complained: str


class FreshProcess:
    """The process; as a context manager it leaves none behind.

    No variable of Python's, no folder of the user's, no current folder is on its path; one thread, as in training.
    """

    def __init__(self) -> None:
        package = str(Path(__file__).resolve().parents[3])
        self._folder = tempfile.TemporaryDirectory(prefix="sparring-fresh-")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", CHILD, package],
            cwd=self._folder.name,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, bundle: Path, probe: Path) -> Callable[[], Told]:
        """Tells it what to look at; what is returned waits for what it says. Once only."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died while importing, and its last words say of what
            self._process.stdin.write(f"{bundle.absolute()}\n{probe.absolute()}\n")
            self._process.stdin.flush()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdin = None  # else communicate would flush what is closed
        return self._wait

    def _wait(self) -> Told:
        try:
            said, complained = self._process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return Told(None, "", "")
        return Told(self._process.returncode, said, complained)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with self._process:  # closes its pipes and waits for its end
            self._folder.cleanup()


def begin_aside(say: Callable[[], str]) -> Callable[[], str]:
    """Begins it in a fork of this process, which must have one thread; what is returned waits for what it says.

    Raises RuntimeError if it says nothing: then it has died, and its last words are on stderr.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    if (fork := os.fork()) == 0:
        try:
            with os.fdopen(writing, "w") as pipe:
                pipe.write(say())
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(0)  # past whatever this process does at its end
    os.close(writing)

    def wait() -> str:
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        os.waitpid(fork, 0)
        if not said:
            raise RuntimeError("a fork that was to say something died")
        return said

    return wait
