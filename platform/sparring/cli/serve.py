"""``sparring serve``: a model in production over HTTP.

Heavy imports stay inside the command.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from ..untrusted.screen import Screen
from .handover import PRODUCTION, Address
from .own_model import UNNAMED, Own


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
) -> None:
    """Answer over HTTP with the version that is current in production, and switch when another becomes it."""
    if missing := [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]:
        raise UsageError(f"serve: needs {' and '.join(missing)}; pip install {' '.join(missing)}")
    from ..production.registry.opening import find
    from ..production.serving.limits import ServeLimits
    from ..production.serving.server import ServeRequest, serve

    limits = ServeLimits(
        body_bytes=int(max_body * 1e6), rows=max_rows, requests=max_requests, seconds=timeout, batch_rows=batch
    )
    place = find(model if "/" in model or Path(model).is_dir() else f"{at.rstrip('/')}/{model}")
    serve(
        ServeRequest(place=place, host=host, port=port, token_file=token_file, every_s=watch, limits=limits),
        Screen(highlight=False),
    )
