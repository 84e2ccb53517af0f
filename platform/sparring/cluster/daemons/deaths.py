"""Ray's daemons under a search that has started them: in process groups of their own, watched, and let go of when dead.

A SIGTERM to the search's whole process group, as ``timeout`` and job systems send it, would end the raylet before the
driver can put its trials down. And if one of them dies, Ray says nothing for a quarter of a minute (raylet) or a whole
one (GCS), and then ends the driver from inside: so their processes are looked at here.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ...errors import ClusterLost

NEEDED = ("gcs_server", "raylet")
"""By Ray's names. When an agent dies, which is the raylet's child, Ray ends the driver first, with code 1."""
DASHBOARD = "dashboard"
"""Needed where a trial has several workers: without it Ray Train never gives the place of a dead group back."""


@contextmanager
def in_groups_of_their_own() -> Iterator[None]:
    """Whatever Ray starts inside gets a process group, which a signal to this process's group does not reach.

    Its daemons still end with this process: they ask the kernel for that.
    """
    from ray._private import services

    usual = services.ConsolePopen
    services.ConsolePopen = partial(usual, process_group=0)  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        services.ConsolePopen = usual  # type: ignore[misc]


def dead_daemon(*, needs_dashboard: bool = False) -> str | None:
    """What has died of the daemons that this process has started, in words; None while all that is needed lives."""
    import ray

    node = ray._private.worker._global_node
    if node is None:
        return None
    for kind, process in node.dead_processes():
        if kind in NEEDED or (needs_dashboard and kind == DASHBOARD):
            code = process.returncode
            how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
            return f"{kind.removesuffix('_server')} (process {process.pid}) {how}"
    return None


def lost(what: str, signals: list[int]) -> ClusterLost:
    """The error for a Ray that is gone. what: in words; signals: those that the user has sent so far.

    Whoever has sent one wanted the search to end: it then counts as interrupted.
    """
    if signals:
        return ClusterLost("Interrupted, and Ray has ended too; the same command again continues", 128 + signals[-1])
    return ClusterLost(
        f"Ray has ended under the search: {what}; nothing that was committed is lost, the same command again continues"
    )


@contextmanager
def telling_of_the_dead() -> Iterator[None]:
    """An error of Ray's inside becomes ClusterLost where it comes of a daemon's death."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        if (dead := dead_daemon()) is None:
            raise
        raise lost(dead, []) from error


def session_folder() -> str | None:
    """The folder of the Ray session that this process belongs to; None if it belongs to none."""
    import ray

    node = ray._private.worker._global_node
    return None if node is None else str(node.get_session_dir_path())


def let_go() -> bool:
    """Ends what is left of a Ray whose raylet or GCS has died; False, and nothing done, if none has.

    Ray's own shutdown would wait for answers of the dead, here and again as the interpreter ends.
    """
    import ray

    if dead_daemon() is None:
        return False
    node = ray._private.worker._global_node
    assert node is not None
    node.kill_all_processes(check_alive=False, allow_graceful=False)
    atexit.unregister(ray._private.worker.shutdown)
    return True
