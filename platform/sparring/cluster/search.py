"""The search: Ray Tune places warm slots, a searcher that is a thin door to the referee hands them trials.

``Tuner.fit`` runs in a thread of its own, so that the main thread follows the referee (live view, TensorBoard) and
answers signals: the first Ctrl-C or SIGTERM lets every trial finish its epoch and leave a checkpoint, the second ends
the search at once. Ray Tune's own state lies in a temporary folder; nothing depends on it.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel

from ..data.memory_map import Mapped
from ..errors import ClusterError, LedgerError, SparringError
from ..records import Snapshot, StudySpec
from ..resources import available_cpus
from ..space import Space
from .timeouts import LEAVE_S, is_stalled, why_stalled

FOLLOW_S = 0.4
"""Seconds between two looks at the referee."""

CLOSE_S = 5.0
"""Seconds that the referee still gets, after a second signal, to commit what it has heard."""

_QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # Tune's thread, left behind by a second Ctrl-C, would start a Ray of its own
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # The ledger is the truth: Tune's own loggers and snapshots cost 24 ms per trial instead of 12.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "60",
}


@dataclass(frozen=True, kw_only=True)
class DataRefs:
    """What slots train on: per part a reference into Ray's object store, where ``store`` put it."""

    train: Any
    valid: Any
    ood: Any


def store(rows: Callable[[str], Mapping[str, np.ndarray | Mapped]]) -> DataRefs:
    """Puts the parts into the connected cluster's object store, once for all slots of a node.

    rows: makes a part: by field an array of one dtype, (rows, …), or a map too large to copy. One part is made after
    the other is gone again, so that never both are in memory twice.
    """
    import ray

    return DataRefs(**{part: ray.put(rows(part)) for part in ("train", "valid", "ood")})


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the search ended: the last snapshot, and the signal that cut it short, if one did."""

    snapshot: Snapshot
    signal: int | None


class Follower(Protocol):
    """What the driver does with what it sees; ``watch.Watcher`` is one."""

    def transform_rows(self, snapshot: Snapshot, events: Sequence[Any]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What Ray offers. nodes: per node alive its resources by Ray's names; dashboard: its address, for the user."""

    nodes: Sequence[Mapping[str, float]]
    dashboard: str


@contextmanager
def connect(address: str | None) -> Iterator[Cluster]:
    """Ray, on this machine or at ``address``; always shuts down. Raises ClusterError if nothing answers there."""
    if address is not None and address.startswith("ray://"):
        raise ClusterError(
            f"--address: the search runs on a node of the cluster and writes its results there, but {address} is Ray's "
            "way in from outside; use `ray job submit`, or --address auto on a node"
        )
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    _authenticate(local=address is None)
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error", "configure_logging": True}
    if address is None:
        # "local", or Ray would join a cluster that happens to run on this machine.
        options |= {"address": "local", "include_dashboard": True, "num_cpus": available_cpus()}
    else:
        options["address"] = address
    # Tune and what it drags in take a second to import, and ray.init waits for other processes meanwhile.
    threading.Thread(target=import_module, args=("ray.tune",), daemon=True).start()
    try:
        try:
            context = ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            if address is None:
                raise
            raise ClusterError(
                f"--address: wants a running Ray cluster of this version and token, but got {address!r} and "
                f"{' '.join(str(error).split())}; start one with `ray start --head`, or leave --address out"
            ) from error
        url = context.dashboard_url
        yield Cluster(
            nodes=[node["Resources"] for node in ray.nodes() if node["Alive"]],  # type: ignore[no-untyped-call]
            dashboard=f"http://{url}" if url else "(the dashboard did not start)",
        )
    finally:
        ray.shutdown()


def _authenticate(*, local: bool) -> None:
    """Token authentication, always for a Ray of our own, and for another's where this user has a token.

    Ray would write the token for everybody to read, so it is written here first. It never leaves the file: the user
    reads it with ``ray get-auth-token``.
    """
    given = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    path = Path.home() / ".ray" / "auth_token"
    if local and not given and not path.exists():
        with suppress(OSError):  # a home that cannot be written to: Ray then says what it needs
            path.parent.mkdir(exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
    if local or given or path.exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def run(
    folder: Path,
    spec: StudySpec,
    space: Space[BaseModel],
    material: DataRefs,
    *,
    epochs: int,
    metrics: tuple[str, ...],
    follower: Follower,
) -> Ended:
    """Searches one study on the connected cluster until its budget is spent; returns how it ended.

    The first signal stops it gently, the second at once. Raises the SparringError that keeps the study from being
    opened, and whatever Ray Tune raised if it broke; what was committed stays.
    """
    from .referee_actor import open_referee

    referee = open_referee(folder, spec, space.without_model(), epochs=epochs, metrics=metrics)
    broken: list[BaseException] = []
    tuning = threading.Thread(target=_tune, args=(referee, spec, material, broken), daemon=True, name="tune")
    caught: list[int] = []
    with handled(caught.append):
        tuning.start()
        cursor, elapsed_s = 0, 0.0
        while True:
            tuning.join(FOLLOW_S)
            is_over = not tuning.is_alive()  # before the look: what happened until then is in it
            look = referee.follow.remote(cursor, is_over=bool(caught), elapsed_s=elapsed_s)
            snapshot, events, cursor = _wait_for(look, caught)
            elapsed_s = snapshot.elapsed_s
            follower.transform_rows(snapshot, events)
            stalled = is_stalled(snapshot, spec)
            if snapshot.broken is not None:
                tuning.join(LEAVE_S)  # a slot that cannot start is tried again for ever
                break
            if is_over or len(caught) > 1 or stalled:
                break
        _wait_for(referee.close.remote(), caught, patience_s=CLOSE_S)
    if broken:
        raise broken[0]
    if snapshot.broken is not None:
        raise LedgerError(f"{snapshot.broken}; what was committed is safe: mend that and run the same command again")
    if stalled:
        raise ClusterError(why_stalled(snapshot, spec))
    return Ended(snapshot=snapshot, signal=caught[0] if caught else None)


def _wait_for(answer: Any, caught: list[int], patience_s: float = 0.0) -> Any:
    """The referee's answer. Raises Interrupted if it has not come ``patience_s`` after a second signal, and its own
    SparringError as that.
    """
    import ray
    from ray.exceptions import GetTimeoutError, RayTaskError

    asked = time.monotonic()
    while True:
        try:
            return ray.get(answer, timeout=FOLLOW_S)
        except GetTimeoutError:
            if len(caught) > 1 and time.monotonic() - asked >= patience_s:
                raise Interrupted(caught[-1]) from None
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, SparringError) else error from None


def _tune(referee: Any, spec: StudySpec, material: DataRefs, broken: list[BaseException]) -> None:
    import ray
    from ray import tune
    from ray.tune.execution import class_cache

    from .searcher import RefereeSearcher
    from .slot import Slot, resources_of
    from .trainer import WorkerInputs

    # It logs a traceback for every slot that dies, over the live view; the referee counts the death, the ledger tells.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    # A runtime environment, however small, keeps Tune's actors off the workers that Ray has already started, which
    # costs 1.1 s. Local workers have inherited the variable by now.
    class_cache.DEFAULT_ENV_VARS.clear()
    os.environ.pop("RAY_CHDIR_TO_TRIAL_DIR", None)
    brief = ray.put(WorkerInputs(spec=spec, referee=referee, **vars(material)))
    slots = tune.with_resources(tune.with_parameters(Slot, spec=spec, brief=[brief]), resources_of(spec))
    # On the dashboard and in ps it is a Slot, not the wrapper that brings it its brief and its place.
    slots.__name__ = slots.__qualname__ = Slot.__name__
    try:
        with tempfile.TemporaryDirectory(prefix="sparring-tune-") as storage:
            tune.Tuner(
                slots,
                tune_config=tune.TuneConfig(
                    search_alg=RefereeSearcher(referee),
                    num_samples=-1,
                    max_concurrent_trials=spec.slots,
                    reuse_actors=True,
                    trial_name_creator=_short_name,
                    trial_dirname_creator=_short_name,
                ),
                run_config=tune.RunConfig(
                    name=spec.name,
                    storage_path=storage,
                    verbose=0,
                    # The referee counts attempts per trial; Tune only ever puts a fresh slot in a dead one's place.
                    failure_config=tune.FailureConfig(max_failures=-1),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            ).fit()
    except BaseException as error:  # handed to the main thread, which raises it
        broken.append(error)


def _short_name(trial: Any) -> str:
    return f"trial-{trial.trial_id}"


class Interrupted(KeyboardInterrupt):
    """A signal came while no trial was in training; ``args`` holds its number."""


def interrupt(number: int) -> None:
    """Raises Interrupted, so that a signal passes every ``finally`` on its way out."""
    raise Interrupted(number)


@contextmanager
def handled(handle: Callable[[int], Any]) -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP call ``handle`` with their number; one that was ignored stays so (nohup)."""
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heard = [kind for kind in kinds if signal.getsignal(kind) != signal.SIG_IGN]
    before = {kind: signal.signal(kind, lambda number, _: handle(number)) for kind in heard}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
