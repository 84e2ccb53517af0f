"""An ASGI application as replicas under Ray Serve: each in a process of its own, on whichever node has room.

Serve's proxy takes the requests, hands each to one replica, and starts a replica anew that has died. Needs Ray's extra
``serve``.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from ..errors import ClusterError, UsageError
from .connection import connect

NAME = "sparring"
"""Of the application, as Serve lists it."""
NEEDED = ("fastapi", "starlette", "uvicorn", "watchfiles", "ray.serve")


class Replica:
    """What Serve holds in each process; the application is made there."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __serve_build_asgi_app__(self) -> Any:
        return self._make()


def serve_replicas(
    make: Callable[[], Any],
    *,
    replicas: int,
    requests: int,
    address: str | None,
    host: str,
    port: int,
    ready: Callable[[], object],
) -> None:
    """Serves until it is interrupted or told to end (SIGTERM).

    make: gives the application; it travels to the replicas, so it is a function of a module with plain arguments.
    requests: that one replica has at a time; Serve lets further ones wait. address: of a Ray cluster; None starts one
    here. ready: called when all replicas answer.
    Raises UsageError without Ray Serve, ClusterError if there is no cluster or the replicas do not start.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"--ray: needs Ray Serve, but {missing[0]} is not there; pip install 'ray[serve]'")
    with connect(address, {"sparring": "serve"}), _told_to_end() as ended:  # after Ray, which has a handler of its own
        from ray import serve

        try:
            serve.start(http_options={"host": host, "port": port})
            kind: Any = serve.deployment(serve.ingress()(Replica))
            options = {"num_replicas": replicas, "max_ongoing_requests": requests}
            serve.run(kind.options(**options).bind(make), name=NAME, route_prefix="/")
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise ClusterError(
                f"--ray: {replicas} replicas did not start: {reason}; --replicas asks for fewer"
            ) from error
        try:
            ready()
            ended.wait()
        finally:
            serve.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """Set by SIGTERM and by Ctrl-C, which then end nothing of themselves."""
    ended = threading.Event()
    before = {kind: signal.signal(kind, lambda *_: ended.set()) for kind in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield ended
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
