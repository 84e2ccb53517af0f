"""What of Ray's head is started beside the rest: nobody waits for it, Ray is left as it was, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from sparring.cluster.beside import LOWEST, Beside


class Node:
    """Ray's, as far as it matters; its dashboard starts once it is told to."""

    def __init__(self) -> None:
        self.may_start, self.done = threading.Event(), []

    def start_monitor(self) -> None:
        raise OSError("no monitor")

    def start_api_server(self, *, include_dashboard: bool) -> None:
        self.may_start.wait()
        self.done.append((include_dashboard, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))

    def start_raylet(self) -> None:
        self.done.append("raylet")


def test_the_dashboard_is_not_waited_for_but_before_the_end():
    original, node = Node.start_api_server, Node()
    with Beside(Node) as beside:
        node.start_monitor()
        node.start_api_server(include_dashboard=True)
        node.start_raylet()
        beside.has_begun()
        assert node.done == ["raylet"]
        assert not beside.is_started
        assert Node.start_api_server is original
        node.may_start.set()
        beside.wait()
        assert node.done[1:] == [(True, LOWEST)]
        assert [str(problem) for problem in beside.problems] == ["no monitor"]
        assert any(thread.name == "beside" for thread in threading.enumerate())  # its processes would end with it
    assert not any(thread.name == "beside" for thread in threading.enumerate())


def test_a_ray_that_does_not_start_is_not_held_up_by_its_dashboard():
    original, node = Node.start_api_server, Node()
    with pytest.raises(RuntimeError, match="no room"), Beside(Node) as beside:  # noqa: PT012
        node.start_api_server(include_dashboard=True)
        beside.wait()
        raise RuntimeError("no room")
    assert Node.start_api_server is original
    node.may_start.set()


@pytest.mark.skipif(sys.platform != "linux", reason="the children of a thread are known on Linux alone")
def test_a_dashboard_that_has_not_started_when_the_search_ends_is_ended(monkeypatch):
    """Left alone it would ask Ray's head, which is gone, and Ray ends a process that does so for a minute."""
    monkeypatch.setattr("sparring.cluster.beside.LEAVE_S", 0.3)
    codes: list[int] = []

    class Starving(Node):
        def start_api_server(self) -> None:
            codes.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).wait())

    with Beside(Starving) as beside:
        Starving().start_api_server()
        beside.has_begun()
        beside.wait()
        assert beside.is_started
    assert codes == [-signal.SIGKILL]


def test_rays_node_has_what_is_started_beside():
    from ray._private.node import Node as Real

    from sparring.cluster.beside import STARTS

    assert all(callable(getattr(Real, name)) for name in STARTS)


def test_who_holds_the_referees_handle_imports_neither_optuna_nor_scipy():
    """Ray imports the actor's module in slots and driver: each of them paid a second and 60 MB for the sampler's."""
    code = (
        "import sys, sparring.cluster.session, sparring.cluster.referee_actor, sparring.cluster.slot; "
        "print(sorted({'optuna', 'scipy', 'torch', 'sklearn', 'tensorboard'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
