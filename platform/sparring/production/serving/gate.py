"""What stands before every request: who may ask, how many at a time, how long; and what it is counted as.

A page of the web that is open in somebody's browser must not reach a server on the same machine: bound to loopback,
only that name of the host is answered (a rebound domain has another), and no answer carries a header that lets a page
of elsewhere read it. A body's type must be named, so a browser asks before it sends one across.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .limits import Refusal, ServeLimits
from .metering import Meter

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN = frozenset({"/health", "/ready"})
"""Asked by what watches the process, without a token."""


class Gate:
    """Wraps an ASGI application."""

    def __init__(
        self,
        app: App,
        *,
        about: Callable[[], dict[str, str]],
        limits: ServeLimits,
        meter: Meter,
        token: str | None,
        is_loopback: bool,
    ) -> None:
        """about: headers for every answer that has them not yet."""
        self._app, self._about, self._limits, self._meter = app, about, limits, meter
        self._token, self._is_loopback = token, is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        is_question = scope["method"] == "POST"

        async def told(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name for name, _ in message["headers"]}
                more = [(name.encode(), value.encode("latin-1")) for name, value in self._about().items()]
                message["headers"] = [*message["headers"], *(each for each in more if each[0] not in there)]
            await send(message)

        try:
            self._check(scope, is_question)
        except Refusal as refusal:
            await answer_refusal(refusal, told)
            self._count(scope, is_question, status, started)
            return
        self._meter.in_flight += is_question
        try:
            # Body, answer and the answer's way back each have their time; a caller who reads nothing is left here.
            async with asyncio.timeout(3 * self._limits.seconds):
                await self._app(scope, receive, told)
        except TimeoutError:
            if not status:
                await answer_refusal(Refusal(503, "no answer in time; try again later"), told)
        finally:
            self._meter.in_flight -= is_question
            self._count(scope, is_question, status, started)

    def _check(self, scope: Scope, is_question: bool) -> None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        named = host.rpartition("]")[0].removeprefix("[") or host.partition(":")[0]
        if self._is_loopback and named not in LOOPBACK:
            raise Refusal(421, "this server answers to localhost alone")
        if self._token is not None and scope["path"] not in OPEN:
            given = headers.get(b"authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                raise Refusal(401, "a token is wanted, as the header Authorization: Bearer TOKEN")
        if is_question and self._meter.in_flight >= self._limits.requests:
            raise Refusal(429, f"{self._limits.requests} requests are answered at a time; try again later")

    def _count(self, scope: Scope, is_question: bool, status: int, started: float) -> None:
        if is_question:
            route = scope.get("route")
            verb = getattr(route, "path", "").strip("/") or "none"  # a path of the caller's own would be a label
            self._meter.count_request(verb, status, time.perf_counter() - started)


async def answer_refusal(refusal: Refusal, send: Send) -> None:
    """The refusal as JSON."""
    body = json.dumps({"detail": refusal.words}).encode()
    more = {"content-type": "application/json", "content-length": str(len(body))}
    if refusal.status in (429, 503):
        more["retry-after"] = "1"
    if refusal.status == 401:
        more["www-authenticate"] = "Bearer"
    packed = [(name.encode(), value.encode("latin-1")) for name, value in more.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": packed})
    await send({"type": "http.response.body", "body": body})
