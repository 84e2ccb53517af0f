"""``sparring serve``: the address, the token, and the process."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from rich.console import Console

from ...errors import UsageError
from ..registry.opening import Place
from .application import create
from .gate import LOOPBACK, App
from .holding import Holder
from .limits import ServeLimits
from .metering import Meter

TOKEN = "SPARRING_TOKEN"
"""Environment variable; on a command line everybody would see it."""
LEAST_TOKEN = 16
"""Characters."""


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """What to serve, and where."""

    place: Place
    host: str = "127.0.0.1"
    port: int = 8000
    """0: any that is free."""
    token_file: Path | None = None
    every_s: float = 1.0
    """Between two looks at what is current."""
    limits: ServeLimits = field(default_factory=ServeLimits)


def build(request: ServeRequest, token: str | None) -> tuple[App, Holder]:
    """The application with the model it answers with. Raises as ``sparring.load`` does if that cannot be had."""
    meter = Meter()
    holder = Holder(request.place, meter)
    app = create(
        holder,
        limits=request.limits,
        meter=meter,
        token=token,
        is_loopback=_is_loopback(request.host),
        every_s=request.every_s,
    )
    return app, holder


def build_replica(request: ServeRequest, token: str | None) -> App:
    """The application alone, made where a replica runs."""
    return build(request, token)[0]


def serve(request: ServeRequest, console: Console) -> None:
    """Answers until it is interrupted; then it takes no more requests, and ends when those it has are answered.

    Raises UsageError for an address that cannot be had, or one that others reach without a token, and as
    ``sparring.load`` does if the model cannot be had.
    """
    app, holder = build(request, checked_token(request))
    with _listen(request.host, request.port) as listener:
        say_address(request, holder, listener.getsockname()[1], console)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=4 * request.limits.requests,  # connections, idle ones too
            timeout_graceful_shutdown=int(3 * request.limits.seconds) + 1,
        )
        uvicorn.Server(config).run(sockets=[listener])


def checked_token(request: ServeRequest) -> str | None:
    """The token that callers must send; None if there is none. Raises UsageError where one is wanted and missing."""
    token = _token(request.token_file)
    if not _is_loopback(request.host) and token is None:
        raise UsageError(
            f"--host: {request.host} is reached from elsewhere, so a token is wanted: set {TOKEN} or --token-file"
        )
    return token


def say_address(request: ServeRequest, holder: Holder, port: int, console: Console) -> None:
    """Prints where the model answers, and what else is there."""
    host = f"[{request.host}]" if ":" in request.host else request.host
    url = f"http://{host}:{port}"
    model = holder.model
    console.print(f"{model.name} version {model.version} at {url}", soft_wrap=True, markup=False, highlight=False)
    following = "switches when another becomes current" if holder.follows else "stays at this version"
    console.print(f"{following}; {url}/docs has its verbs, /metrics its counts", soft_wrap=True, markup=False)


def _token(file: Path | None) -> str | None:
    if file is None:
        token = os.environ.get(TOKEN)
        named = TOKEN
    else:
        named = f"--token-file: {file}"
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{named}: wants a file with a token, but: {error}") from error
    if token is None:
        return None
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"{named}: a token has {LEAST_TOKEN} characters or more, of ASCII and without blanks, but this one has "
            f"{len(token)}; `openssl rand -hex 32` makes one"
        )
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"--port: {host}:{port} cannot be had: {reason}; name another, or 0 for any that is free"
        ) from error
