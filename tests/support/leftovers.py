"""No test leaves a thread or a process to the next one, which may trip over what it still does.

A thread that imports on while a later test looks through ``sys.modules`` makes that one fail, once in many runs, with
"dictionary changed size during iteration"; so the test that left it is the one that fails here, every time. Tests
marked ``ray`` are let be: Ray's processes live as long as the module's cluster; and those marked ``leaves``, which say
whose threads no call can end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext

import psutil
import pytest

GRACE = 5.0
"""Seconds in which what was told to end may do so: a loaded machine of two cores takes its time to join a thread."""

THREADS_OF_LIBRARIES: dict[str, Callable[[threading.Thread], bool]] = {
    "tqdm's monitor: one for the process, which wakes only for bars that stand still": lambda thread: type(
        thread
    ).__module__.startswith("tqdm."),
    "asyncio's executor: its loop keeps the threads for the next call until it closes": lambda thread: (
        thread.name.startswith("asyncio_")
    ),
    "fsspec's loop: one for the process, by which uproot reads": lambda thread: thread.name == "fsspecIO",
    "begun outside Python: pools of torch and pyarrow that call back once and keep their threads": lambda thread: (
        isinstance(thread, threading._DummyThread)
    ),
}
"""By reason, whose threads may stay."""

PROCESSES_OF_LIBRARIES = {
    "multiprocessing.resource_tracker": "one for the process; it removes shared memory when that ends",
    "multiprocessing.forkserver": "one for the process; it forks the workers of later pools",
}
"""By a word of the command line, why a child may stay."""


LASTING: set[threading.Thread | psutil.Process] = set()
"""What fixtures of more than one test have begun."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    """A module's server may live on, even if the test that first asked for it did so on its way."""
    before = {*threading.enumerate(), *_children()}
    made = yield
    if fixturedef.scope != "function":
        LASTING.update({*threading.enumerate(), *_children()} - before)
    return made


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a thread or a child process behind."""
    let_be = request.node.get_closest_marker("ray") or request.node.get_closest_marker("leaves")
    with nullcontext() if let_be else guarded():
        yield


@contextmanager
def guarded(grace: float = GRACE) -> Iterator[None]:
    """Fails whoever leaves behind, ``grace`` seconds after the block, what was not there before it."""
    before = {*threading.enumerate(), *_children()}
    yield
    deadline = time.monotonic() + grace
    while (left := _left(before | LASTING)) and time.monotonic() < deadline:
        time.sleep(0.01)
    if left:
        pytest.fail(f"left behind after {grace:g} s: {'; '.join(left)}; join or end what the test began", pytrace=False)


def _left(allowed: set[threading.Thread | psutil.Process]) -> list[str]:
    new = [thread for thread in threading.enumerate() if thread not in allowed]
    own = [thread for thread in new if not any(owns(thread) for owns in THREADS_OF_LIBRARIES.values())]
    found = [f"thread {thread.name!r} of {getattr(thread, '_target', None) or type(thread)}" for thread in own]
    for child in _children():
        try:
            if child in allowed or child.status() == psutil.STATUS_ZOMBIE:  # ended, though nobody has asked how
                continue
            words = " ".join(child.cmdline())
        except psutil.NoSuchProcess:
            continue
        if not any(word in words for word in PROCESSES_OF_LIBRARIES):
            found.append(f"process {child.pid} {words[:200]!r}")
    return found


def _children() -> list[psutil.Process]:
    """This process's own. Asking the kernel whether there are any takes microseconds, a list of all processes 5 ms."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    return psutil.Process().children()
