"""The guard of the tests themselves: who leaves a thread or a process behind fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from support.leftovers import guarded

pytest_plugins = ["pytester"]

GRACE = 0.3


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """What the threads of a test wait for; the guard of this file's own tests comes after it."""
    event = threading.Event()
    yield event
    event.set()


def left(words: str):
    return pytest.raises(pytest.fail.Exception, match=rf"left behind after 0\.3 s: {words}.*; join or end")


@pytest.mark.parametrize("daemon", [True, False])
def test_a_thread_that_is_left_fails_the_test_that_began_it(ended, daemon):
    with left("thread 'mine' of <bound method Event.wait"), guarded(GRACE):
        threading.Thread(target=ended.wait, name="mine", daemon=daemon).start()


def test_a_process_that_is_left_fails_the_test_that_began_it():
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE),  # there before: none of the test's
        left(r"process \d+ '\S+ -c print\(input\(\)\)'"),
        guarded(GRACE),
    ):
        late = subprocess.Popen([sys.executable, "-c", "print(input())"], stdin=subprocess.PIPE)
    late.kill()
    late.communicate()


def test_what_was_there_before_and_what_ends_in_time_may_stay(ended):
    threading.Thread(target=ended.wait).start()
    soon = threading.Event()
    with guarded(GRACE):
        threading.Timer(GRACE / 3, soon.set).start()
        threading.Thread(target=soon.wait).start()


def test_threads_that_a_library_keeps_may_stay(ended):
    with guarded(GRACE):
        threading.Thread(target=ended.wait, name="asyncio_0").start()


@pytest.mark.slow
def test_every_test_but_those_of_ray_is_guarded_and_a_modules_server_may_live_on(pytester, request):
    assert "nothing_left" in request.fixturenames
    pytester.makeconftest("from support.leftovers import nothing_left, pytest_fixture_setup")
    pytester.makepyfile("""
        import threading
        import pytest

        ended = threading.Event()

        @pytest.mark.ray
        def test_of_ray():
            threading.Thread(target=ended.wait).start()

        def test_of_none():
            threading.Thread(target=ended.wait).start()

        @pytest.fixture(scope="module")
        def server():
            threading.Thread(target=ended.wait, daemon=True).start()

        def test_of_a_server_that_lives_on(request):
            request.getfixturevalue("server")

        @pytest.fixture(scope="module", autouse=True)
        def last():
            yield
            ended.set()
    """)
    run = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestUnknownMarkWarning")
    run.assert_outcomes(passed=3, errors=1)
    run.stdout.fnmatch_lines(["*ERROR at teardown of test_of_none*"])
