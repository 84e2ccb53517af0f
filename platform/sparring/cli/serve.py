"""``sparring serve``: a model in production over HTTP.

Heavy imports stay inside the command.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..untrusted.screen import Screen
from .handover import PRODUCTION, Address
from .own_model import UNNAMED, Own

if TYPE_CHECKING:
    from ..production.serving.server import ServeRequest

CLUSTER = "On a Ray cluster"
"""A panel of --help."""


def serve(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Its name in production; or its place, such as production/aegan/2.")
    ],
    at: Address = PRODUCTION,
    host: Annotated[str, typer.Option(help="Where to listen; elsewhere than on loopback a token is wanted.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0: any that is free.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Holds the token that callers must send.", show_default="SPARRING_TOKEN"),
    ] = None,
    max_body: Annotated[float, typer.Option(metavar="MB", min=0.001, help="Largest body of a request.")] = 8.0,
    max_rows: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Most rows of a request.")] = 4096,
    max_requests: Annotated[int, typer.Option(metavar="N", min=1, help="Most requests at a time.")] = 64,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.1, help="Longest for a body to arrive, and again for its answer.")
    ] = 10.0,
    batch: Annotated[
        int, typer.Option(metavar="N", min=1, help="Most rows of waiting requests that are asked together; 1: never.")
    ] = 1024,
    watch: Annotated[
        float, typer.Option(metavar="S", min=0.05, help="Seconds between two looks at what is current.")
    ] = 1.0,
    own: Own = UNNAMED,
    ray: Annotated[
        bool, typer.Option("--ray", help="As replicas under Ray Serve (extra serve-ray).", rich_help_panel=CLUSTER)
    ] = False,
    replicas: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that answer.", rich_help_panel=CLUSTER)
    ] = 2,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A Ray cluster's.", show_default="one here", rich_help_panel=CLUSTER),
    ] = None,
) -> None:
    """Answer over HTTP with the version that is current in production, and switch when another becomes it."""
    if missing := [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]:
        raise UsageError(f"serve: needs {' and '.join(missing)}; pip install {' '.join(missing)}")
    from ..production.registry.opening import find
    from ..production.serving.limits import ServeLimits
    from ..production.serving.server import ServeRequest, serve

    if not ray and address is not None:
        raise UsageError("--address: is a Ray cluster's; it goes with --ray")

    limits = ServeLimits(
        body_bytes=int(max_body * 1e6), rows=max_rows, requests=max_requests, seconds=timeout, batch_rows=batch
    )
    place = find(model if "/" in model or Path(model).is_dir() else f"{at.rstrip('/')}/{model}")
    request = ServeRequest(place=place, host=host, port=port, token_file=token_file, every_s=watch, limits=limits)
    if ray:
        _serve_on_ray(request, replicas, address)
    else:
        serve(request, Screen(highlight=False))


def _serve_on_ray(request: ServeRequest, replicas: int, address: str | None) -> None:
    from ..cluster.replicas import serve_replicas
    from ..production.serving.holding import Holder
    from ..production.serving.metering import Meter
    from ..production.serving.server import build_replica, checked_token, say_address

    if request.port == 0:
        raise UsageError("--port: Ray Serve wants a number, but got 0; name a port that is free")
    token = checked_token(request)
    request = replace(request, place=request.place.absolute())
    holder = Holder(request.place, Meter())  # a model that cannot be had is told here, in a sentence
    screen = Screen(highlight=False)
    serve_replicas(
        partial(build_replica, request, token),
        replicas=replicas,
        requests=2 * request.limits.requests,  # more than it takes: the replica itself says 429
        address=address,
        host=request.host,
        port=request.port,
        ready=lambda: say_address(request, holder, request.port, screen),
    )
