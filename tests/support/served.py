"""Versions of a model that answer differently, and an application as its server runs it, in this process.

``served`` asks it without any network, ``listening`` at an address of loopback.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import uvicorn
from safetensors.torch import load, save

from sparring.production.handover.manifest import seal
from sparring.production.registry import Registry
from sparring.production.registry.opening import find
from sparring.production.serving.application import create
from sparring.production.serving.holding import Holder
from sparring.production.serving.limits import ServeLimits
from sparring.production.serving.metering import Meter

LOOK_S = 0.02


def shifted(files, by):
    """The bundle with every bias moved, so that its answers tell which it is."""
    state = load(files["model.safetensors"])
    moved = {name: tensor + by if name.endswith("bias") else tensor for name, tensor in state.items()}
    return {**files, "model.safetensors": save(moved)}


def put(registry: Registry, name: str, files) -> int:
    """Into production without checks."""
    return registry.promote(name, lambda version: seal(name, version, files), seen=registry.current(name)).version


@asynccontextmanager
async def running(app) -> AsyncIterator[None]:
    """The application between its startup and its shutdown, as a server holds it."""
    inbox: asyncio.Queue = asyncio.Queue()
    started, ended = asyncio.Event(), asyncio.Event()

    async def send(message):
        assert not message["type"].endswith("failed"), message
        (started if message["type"] == "lifespan.startup.complete" else ended).set()

    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, send))
    await inbox.put({"type": "lifespan.startup"})
    await started.wait()
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await ended.wait()
        await task


@asynccontextmanager
async def served(place, *, every_s=LOOK_S, token=None, is_loopback=True, base="http://localhost", **limits):
    """(a client, the holder, the meter) of an application that answers with what is at ``place``."""
    meter = Meter()
    holder = Holder(find(str(place)), meter)
    app = create(
        holder, limits=ServeLimits(**limits), meter=meter, token=token, is_loopback=is_loopback, every_s=every_s
    )
    async with running(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as client:
        yield client, holder, meter


@contextmanager
def listening(place, *, token=None, **limits) -> Iterator[str]:
    """The address at which an application answers, from a thread of its own, with what is at ``place``."""
    meter = Meter()
    app = create(
        Holder(find(str(place)), meter), limits=ServeLimits(**limits), meter=meter, token=token, every_s=LOOK_S
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
