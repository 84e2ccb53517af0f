"""Several workers that train a slot's trials data-parallel: one Ray Train group, kept warm.

The group starts once and then takes trial after trial from a mailbox. Each worker asks the mailbox by itself, so no
collective is pending while there is nothing to do. Ray Train places the workers, connects them (gloo, or NCCL on GPUs)
and starts them again when one dies; a group that starts again finds its unfinished trial still in the mailbox. The
referee counts how often a trial loses its workers: Ray Train would count over the slot's whole life.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Protocol, cast

import ray

from ..records import StudySpec
from .daemons.deaths import session_folder
from .daemons.leftovers import scratch

if TYPE_CHECKING:
    from ray import ObjectRef

    from .referee_actor import RemoteMethod
    from .train_controller import InSlotTrainer
    from .trainer import WorkerInputs

HEALTH_CHECK_S = 0.5
"""Seconds between two looks of Ray Train at its workers; a dead one is noticed at most this late. Its default is 2."""

CLOSE_S = 20.0
"""Seconds a group gets to end by itself before its slot is taken away."""


class Mailbox:
    """The actor through which a slot hands trials to its workers, one at a time.

    A trial is known by its turn; the first one's is 1.
    """

    def __init__(self) -> None:
        self._turn, self._trial = 0, 0
        self._busy, self._closed = False, False
        self._problem: str | None = None
        self._changed = asyncio.Condition()

    async def train(self, trial: int) -> None:
        """Has the workers train one trial; returns at its end. Raises RuntimeError if the group is gone for good."""
        async with self._changed:
            self._turn, self._trial, self._busy = self._turn + 1, trial, True
            self._changed.notify_all()
            await self._changed.wait_for(lambda: not self._busy or self._closed)
            if self._busy:
                raise RuntimeError(self._problem or "the group of workers has ended")

    async def take(self, done: int) -> tuple[int, int] | None:
        """Waits for the trial after turn ``done`` and returns (turn, number); None at the end. A worker calls it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or (self._busy and self._turn > done))
            return None if self._closed else (self._turn, self._trial)

    async def finish(self, turn: int) -> None:
        """Says that the trial of this turn is over. Rank 0 calls it."""
        async with self._changed:
            if turn == self._turn:
                self._busy = False
                self._changed.notify_all()

    async def close(self, problem: str | None = None) -> None:
        """No more trials: waiting workers return, a waiting slot raises ``problem``."""
        async with self._changed:
            self._closed, self._problem = True, self._problem or problem
            self._changed.notify_all()


class MailboxHandle(Protocol):
    """The mailbox as the slot and its workers hold it."""

    train: RemoteMethod[None]
    take: RemoteMethod[tuple[int, int] | None]
    finish: RemoteMethod[None]
    close: RemoteMethod[None]


class Group:
    """A slot's workers. Starts them in the background; ``train`` waits for them."""

    def __init__(self, spec: StudySpec, inputs: list[ObjectRef[WorkerInputs]]) -> None:
        mailbox = ray.remote(Mailbox).options(num_cpus=0, max_concurrency=1000).remote()
        self._mailbox = cast("MailboxHandle", mailbox)
        self._thread = threading.Thread(target=self._fit, args=(spec, inputs), daemon=True, name="workers")
        self._thread.start()

    def train(self, trial: int) -> None:
        """Trains one trial to its end. Raises RuntimeError if the workers could not be started or are gone for good."""
        ray.get(self._mailbox.train.remote(trial))

    def close(self) -> None:
        """Lets the workers go and waits until Ray Train has given their place back."""
        ray.get(self._mailbox.close.remote())
        self._thread.join(CLOSE_S)

    def _fit(self, spec: StudySpec, inputs: list[ObjectRef[WorkerInputs]]) -> None:
        problem = None
        try:
            with tempfile.TemporaryDirectory(prefix="sparring-train-", dir=scratch(session_folder())) as storage:
                _make_trainer(spec, {"inputs": inputs, "mailbox": self._mailbox}, storage).fit()
        except Exception as error:  # the slot raises it, from its own thread
            problem = f"the workers could not be started or kept: {error}"
            if not _may_pass(error):
                ray.get(ray.get(inputs[0]).referee.give_up.remote(_last_line(problem), is_certain=False))
        ray.get(self._mailbox.close.remote(problem))


def _may_pass(error: Exception) -> bool:
    """Is it that there was no room, or that a node died? Then a fresh slot tries again, until the search stalls."""
    from ray.train import ControllerError
    from ray.train.v2._internal.execution.failure_handling.default import RETRYABLE_CONTROLLER_ERRORS

    return isinstance(error, ControllerError) and isinstance(error.controller_failure, RETRYABLE_CONTROLLER_ERRORS)


def _last_line(text: str) -> str:
    """An error's own words, which end the traceback that Ray puts before them."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 else f"{lines[0]} … {lines[-1]}"


def _make_trainer(spec: StudySpec, config: dict[str, object], storage: str) -> InSlotTrainer:
    for name, value in {
        "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": str(spec.start_limit_s),
        "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": str(HEALTH_CHECK_S),
        # Checkpoints do not depend on a warning before a node goes, so its actor is spared.
        "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
        "RAY_TRAIN_METRICS_ENABLED": "0",
    }.items():
        os.environ.setdefault(name, value)
    from ray import train
    from ray.train.torch import TorchConfig

    from .train_controller import InSlotTrainer

    has_gpu = spec.gpus_per_worker > 0
    resources: dict[str, float] = {"CPU": spec.cpus_per_worker}
    if has_gpu:
        resources["GPU"] = spec.gpus_per_worker
    return InSlotTrainer(
        serve,
        train_loop_config=config,
        torch_config=TorchConfig(backend="nccl" if has_gpu else "gloo", timeout_s=int(spec.collective_limit_s)),
        scaling_config=train.ScalingConfig(
            num_workers=spec.workers_per_trial, use_gpu=has_gpu, resources_per_worker=resources
        ),
        run_config=train.RunConfig(
            name=f"{spec.name}-{secrets.token_hex(4)}",
            storage_path=storage,  # Ray Train's own state, which nothing depends on
            failure_config=train.FailureConfig(max_failures=-1, controller_failure_limit=1),  # type: ignore[call-arg]
        ),
    )


def serve(config: dict[str, Any]) -> None:
    """What each worker runs: trials from the mailbox until it is closed.

    config: ``mailbox``, and ``inputs``, a reference to WorkerInputs in a list so that Ray Train hands on the reference.
    """
    from ray import train
    from ray.train.torch import get_device

    from ..training.averaging import Workers
    from .trainer import Trainer, giving_up

    context = train.get_context()
    mailbox: MailboxHandle = config["mailbox"]
    inputs: WorkerInputs = ray.get(config["inputs"][0])
    device = get_device() if inputs.spec.gpus_per_worker > 0 else "cpu"
    workers = Workers(context.get_world_rank(), context.get_world_size(), device)
    # A group that starts again opens its trial with another token, which is how the referee hears of the death.
    start = workers.follow(secrets.randbits(62))
    with giving_up(inputs.referee):
        trainer = Trainer(inputs, device=device, workers=workers)
    turn = 0
    while (work := ray.get(mailbox.take.remote(turn))) is not None:
        turn, number = work
        trainer.train(number, f"{start:x}-{turn}")
        if workers.rank == 0:
            ray.get(mailbox.finish.remote(turn))
