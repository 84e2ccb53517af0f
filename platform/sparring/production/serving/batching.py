"""One thread asks the model. What waits while it is busy, and can be asked in one call, is asked in one call.

Nothing waits for company: a request that finds the model idle is asked at once, alone. Draws depend on how many rows
are drawn together, so sample and encode are never joined.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ..handover.asking import Answer, ProductionModel
from ..handover.schema import Verb
from .metering import Meter

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One request's rows, checked against the model that will answer them."""

    model: ProductionModel
    verb: Verb
    rows: int
    arrays: Arrays
    alone: Callable[[], Answer] | None = None
    """The call, where it cannot be joined with others."""


class Batcher:
    """Jobs in, answers out. It belongs to one event loop."""

    def __init__(self, batch_rows: int, meter: Meter) -> None:
        self._batch_rows, self._meter = batch_rows, meter
        self._waiting: deque[tuple[Job, asyncio.Future[Answer]]] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def ask(self, job: Job) -> Answer:
        """The job's answer. Raises what the model raises; cancelled before its turn, it is never asked."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Answers jobs until it is cancelled, and lets the model's thread go then."""
        try:
            while True:
                await self._arrived.wait()
                if taken := self._take():
                    await self._answer(taken)
                else:
                    self._arrived.clear()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, taken: list[tuple[Job, asyncio.Future[Answer]]]) -> None:
        jobs = [job for job, _ in taken]
        self._meter.count_batch(jobs[0].verb, sum(job.rows for job in jobs))
        answers = await asyncio.get_running_loop().run_in_executor(self._thread, _answer_all, jobs)
        for (_, future), answer in zip(taken, answers, strict=True):
            if future.done():  # its caller went away, or its time was up
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _take(self) -> list[tuple[Job, asyncio.Future[Answer]]]:
        """The job that has waited longest, and all that can be asked with it."""
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        if not self._waiting:
            return []
        first, future = self._waiting.popleft()
        taken, rows, left = [(first, future)], first.rows, deque[tuple[Job, asyncio.Future[Answer]]]()
        for job, future in self._waiting:
            if future.done():
                continue
            if _go_together(first, job) and rows + job.rows <= self._batch_rows:
                taken.append((job, future))
                rows += job.rows
            else:
                left.append((job, future))
        self._waiting = left
        return taken


def _go_together(first: Job, other: Job) -> bool:
    """The same model answers the same verb from the same fields."""
    return (
        first.model is other.model
        and first.verb == other.verb
        and first.arrays.keys() == other.arrays.keys()
        and first.alone is other.alone is None
    )


def _answer_all(jobs: list[Job]) -> list[Answer | Exception]:
    """By job its answer, or why there is none: one whose answer is not finite spoils no other's."""
    try:
        if len(jobs) == 1:
            return [_answer(jobs[0])]
        first = jobs[0]
        joined = {name: np.concatenate([job.arrays[name] for job in jobs]) for name in first.arrays}
        answer = _answer(replace(first, arrays=joined))
    except Exception as error:  # of whatever kind, it is the caller's answer
        return [error] if len(jobs) == 1 else [found for job in jobs for found in _answer_all([job])]
    ends = np.cumsum([job.rows for job in jobs])
    return [
        replace(answer, values={name: values[end - job.rows : end] for name, values in answer.values.items()})
        for job, end in zip(jobs, ends, strict=True)
    ]


def _answer(job: Job) -> Answer:
    return job.alone() if job.alone else job.model.answer_checked(job.verb, job.arrays)
