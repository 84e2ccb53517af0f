"""The routes: a verb each, and what watches the server. ``create`` gives an ASGI application; ``server.py`` runs it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from ... import __version__
from ...errors import SparringError
from ..handover.asking import Answer, ProductionModel
from ..handover.guard import check_count
from ..handover.schema import PROTOCOLS, Verb
from .batching import Batcher, Job
from .bodies import ARROW, JSON, pack, read_draw, read_question
from .docs_page import docs_page
from .gate import App, Gate
from .holding import Holder
from .limits import Refusal, ServeLimits
from .metering import CONTENT_TYPE, Meter
from .openapi import describe

READERS = 2
"""Threads that read bodies and write answers: so many bodies are in memory as numbers at a time."""

Result = TypeVar("Result")


class Application:
    """The routes' own state."""

    def __init__(self, holder: Holder, limits: ServeLimits, meter: Meter, every_s: float) -> None:
        self.holder, self.limits, self.meter, self._every_s = holder, limits, meter, every_s
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="body")
        self._batcher: Batcher | None = None

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """While the server runs: the thread of the model, and the watch on production."""
        self._batcher = Batcher(self.limits.batch_rows, self.meter)
        tasks = [asyncio.create_task(self._batcher.run()), asyncio.create_task(self.holder.watch(self._every_s))]
        try:
            yield
        finally:
            self._batcher = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._readers.shutdown(wait=False)

    async def verb(self, verb: Verb, request: Request) -> Response:
        """The model's answer, or a refusal."""
        model = self.holder.model  # once: checks, answer and version are of one bundle
        about = headers_of(model)
        try:
            if verb not in model.schema.verbs:
                raise Refusal(404, f"{verb}: {model.name} cannot; it can {', '.join(model.schema.verbs)}")
            data, is_arrow, wants_arrow = await self._body(request, verb)
            try:
                async with asyncio.timeout(self.limits.seconds):
                    job = await self._read(self._job, model, verb, data, is_arrow)
                    del data
                    assert self._batcher is not None
                    answer = await self._batcher.ask(job)
                    packed = await self._read(pack, answer, wants_arrow)
            except TimeoutError as error:
                raise Refusal(503, f"no answer within {self.limits.seconds:g} s; try again later") from error
        except SparringError as error:  # what the model cannot read
            return _refused(Refusal(422, str(error)), model, about)
        except Refusal as refusal:
            return _refused(refusal, model, about)
        except Exception as error:  # a mistake of ours: it goes to the terminal, and not to whoever asked
            traceback.print_exception(error)
            return _refused(Refusal(500, "the answer failed; the server's terminal says how"), model, about)
        return Response(packed, media_type=ARROW if wants_arrow else JSON, headers=about)

    def health(self) -> dict[str, Any]:
        """What is answered with, and whether production can be seen."""
        model = self.holder.model
        found = {"status": "ok", "model": model.name, "version": model.version, "follows": self.holder.follows}
        return found | ({"complaint": self.holder.complaint} if self.holder.complaint else {})

    async def ready(self) -> Response:
        """Ready if the thread of the model is there, and a caller would be taken."""
        is_free = self.meter.in_flight < self.limits.requests
        is_ready = self._batcher is not None and is_free
        words = {"ready": is_ready, "version": self.holder.model.version}
        return JSONResponse(words, 200 if is_ready else 503)

    async def _body(self, request: Request, verb: Verb) -> tuple[bytes, bool, bool]:
        """(the bytes, are they Arrow, is Arrow wanted back)."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (JSON, ARROW) or (kind == ARROW and verb == "sample"):
            takes = JSON if verb == "sample" else f"{JSON} or {ARROW}"
            raise Refusal(415, f"{verb}: wants a body of the type {takes}, but got {kind[:60] or 'none'}")
        most = self.limits.body_bytes
        too_large = Refusal(413, f"a body has at most {most:,} bytes; ask in parts")
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > most:  # refused before it is sent
            raise too_large
        data = bytearray()
        try:
            async with asyncio.timeout(self.limits.seconds):
                async for chunk in request.stream():
                    data += chunk
                    if len(data) > most:
                        raise too_large
        except TimeoutError as error:
            raise Refusal(408, f"the body did not arrive within {self.limits.seconds:g} s; send it again") from error
        accepted = request.headers.get("accept", "")
        return bytes(data), kind == ARROW, ARROW in accepted or (kind == ARROW and JSON not in accepted)

    def _job(self, model: ProductionModel, verb: Verb, data: bytes, is_arrow: bool) -> Job:
        """The request as the model takes it. Raises DataError or Refusal."""
        if verb == "sample":
            draw = read_draw(data)
            count = check_count(draw.n)
            self._check_rows(count)
            call: Callable[[], Answer] = partial(model.sample, count, seed=draw.seed, boost=draw.boost)
            return Job(model=model, verb=verb, rows=count, arrays={}, alone=call)
        question = read_question(data, is_arrow, model.schema, self.limits.rows)
        for given in question.rows.values() if isinstance(question.rows, dict) else [question.rows]:
            self._check_rows(len(given) if hasattr(given, "__len__") else 0)
        arrays = model.check(verb, question.rows, question.axes)
        rows = len(next(iter(arrays.values())))
        alone = partial(model.encode_checked, arrays, seed=question.seed) if verb == "encode" else None
        return Job(model=model, verb=verb, rows=rows, arrays=arrays, alone=alone)

    def _check_rows(self, count: int) -> None:
        if count > self.limits.rows:
            raise Refusal(413, f"a request has at most {self.limits.rows:,} rows, but got {count:,}; ask in parts")

    async def _read(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work, *arguments)


def headers_of(model: ProductionModel) -> dict[str, str]:
    """The model and its version, as every answer names them."""
    return {"sparring-model": model.name, "sparring-version": str(model.version)}


def _refused(refusal: Refusal, model: ProductionModel, headers: dict[str, str]) -> Response:
    more = {"retry-after": "1"} if refusal.status in (429, 503) else {}
    content = {"detail": refusal.words[:500], "model": model.name, "version": model.version}
    return JSONResponse(content, refusal.status, headers=headers | more)


def create(
    holder: Holder,
    *,
    limits: ServeLimits,
    meter: Meter,
    token: str | None = None,
    is_loopback: bool = True,
    every_s: float = 1.0,
) -> App:
    """The application behind its gate. every_s: between two looks at what is current in production."""
    routes = Application(holder, limits, meter, every_s)
    app = FastAPI(title=holder.model.name, version=__version__, lifespan=routes.lifespan, docs_url=None, redoc_url=None)

    def verb_route(verb: Verb) -> Callable[[Request], Any]:
        async def ask(request: Request) -> Response:
            return await routes.verb(verb, request)

        return ask

    for verb in PROTOCOLS:
        app.add_api_route(f"/{verb}", verb_route(verb), methods=["POST"], name=verb)
    app.add_api_route("/health", routes.health, methods=["GET"], summary="Alive, with which version")
    app.add_api_route("/ready", routes.ready, methods=["GET"], summary="Would a request be taken?")
    app.add_api_route(
        "/schema", lambda: holder.model.schema.model_dump(mode="json"), methods=["GET"], summary="Inputs and outputs"
    )

    async def metrics() -> Response:
        return PlainTextResponse(meter.page(holder.model.name, holder.model.version), media_type=CONTENT_TYPE)

    async def docs() -> Response:
        return HTMLResponse(docs_page(holder.model, limits))

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)
    app.add_api_route("/metrics", metrics, methods=["GET"], summary="For Prometheus", response_class=PlainTextResponse)
    base = get_openapi(title=holder.model.name, version=__version__, routes=app.routes)
    app.openapi = lambda: describe(holder.model, limits, base, has_token=token is not None)  # type: ignore[method-assign]
    return Gate(
        app,
        about=lambda: headers_of(holder.model),
        limits=limits,
        meter=meter,
        token=token,
        is_loopback=is_loopback,
    )
