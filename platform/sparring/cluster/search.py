"""The search: Ray Tune places warm slots, and a searcher that asks the referee hands them trials.

``Tuner.fit`` runs in a thread of its own, so that the main thread follows the referee (live view, TensorBoard) and
answers signals: the first Ctrl-C or SIGTERM lets every trial finish its epoch and leave a checkpoint, the second ends
the search at once. Ray Tune's own state lies in a temporary folder; nothing depends on it.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel

from ..errors import ClusterError, ClusterLost, LedgerError, SparringError
from ..models.own import allowed
from ..records import Snapshot, StudySpec
from ..referee.events import Event
from ..space import Space
from .daemons.deaths import dead_daemon, lost, session_folder
from .daemons.leftovers import scratch
from .data_refs import DataRefs
from .signals import Interrupted, handled
from .timeouts import LEAVE_S, START_S, is_stalled, memory_note, why_stalled

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.tune.experiment import Trial

    from .referee_actor import RefereeHandle

T = TypeVar("T")

FOLLOW_S = 0.4
"""Seconds between two looks at the referee."""

CLOSE_S = 5.0
"""Seconds that the referee still gets, after a second signal, to commit what it has heard."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the search ended: the last snapshot, and the signal that cut it short, if one did."""

    snapshot: Snapshot
    signal: int | None


class Follower(Protocol):
    """What shows the search to the user; ``watch.Watcher`` is one."""

    def show(self, snapshot: Snapshot, events: Sequence[Event]) -> None:
        """Takes the search as it is now, and what happened since the last call."""


def run(
    folder: Path,
    spec: StudySpec,
    space: Space[BaseModel],
    data: DataRefs,
    *,
    epochs: int,
    metrics: tuple[str, ...],
    follower: Follower,
) -> Ended:
    """Searches one study on the connected cluster until its budget is spent; returns how it ended.

    The first signal stops it gently, the second at once. Raises the SparringError that keeps the study from being
    opened, and whatever Ray Tune raised if it broke; what was committed stays. Raises ClusterLost if a daemon of Ray's
    dies or the referee does not answer: it may be the one that is dead, so that is counted here.
    """
    from .referee_actor import open_referee

    referee = open_referee(folder, spec, space.without_model(), epochs=epochs, metrics=metrics)
    broken: list[BaseException] = []
    tuning = threading.Thread(target=_tune, args=(referee, spec, data, broken), daemon=True, name="tune")
    caught: list[int] = []
    limit_s, in_groups = spec.start_limit_s + START_S, spec.workers_per_trial > 1
    with handled(caught.append):
        tuning.start()
        cursor, elapsed_s = 0, 0.0
        while True:
            tuning.join(FOLLOW_S)
            is_over = not tuning.is_alive()  # before the look: what happened until then is in it
            look = referee.follow.remote(cursor, is_over=bool(caught), elapsed_s=elapsed_s)
            if (dead := dead_daemon(needs_dashboard=in_groups)) is not None:  # the referee may answer without them
                raise lost(dead, caught)
            snapshot, events, cursor = wait_for(look, caught, limit_s=limit_s)
            elapsed_s = snapshot.elapsed_s
            follower.show(snapshot, events)
            stalled = is_stalled(snapshot, spec)
            if snapshot.broken is not None:
                tuning.join(LEAVE_S)  # a slot that cannot start is tried again for ever
                break
            if is_over or len(caught) > 1 or stalled:
                break
        wait_for(referee.close.remote(), caught, patience_s=CLOSE_S, limit_s=limit_s)
    if tuning.is_alive():
        from .parking import park

        park(LEAVE_S)
    if broken:
        if (dead := dead_daemon()) is not None:
            raise lost(dead, caught) from broken[0]
        raise broken[0]
    if snapshot.broken is not None:
        raise LedgerError(f"{snapshot.broken}; what was committed is safe: mend that and run the same command again")
    if stalled:
        raise ClusterError(why_stalled(snapshot, spec))
    return Ended(snapshot=snapshot, signal=caught[0] if caught else None)


def wait_for(answer: ObjectRef[T], caught: list[int], patience_s: float = 0.0, *, limit_s: float = math.inf) -> T:
    """The referee's answer. caught: the signals so far, to which others are added meanwhile.

    Raises Interrupted if a second signal has come and the answer has not within ``patience_s``; a SparringError of the
    referee's as itself; ClusterLost if there is no answer within ``limit_s``, or can be none because Ray has ended.
    """
    import ray
    from ray.exceptions import GetTimeoutError, RayError, RayTaskError

    asked = time.monotonic()
    while True:
        try:
            return ray.get(answer, timeout=FOLLOW_S)
        except GetTimeoutError:
            waited_s = time.monotonic() - asked
            if len(caught) > 1 and waited_s >= patience_s:
                raise Interrupted(caught[-1]) from None
            if (dead := dead_daemon()) is not None:
                raise lost(dead, caught) from None
            if waited_s >= limit_s:
                raise ClusterLost(
                    f"referee: its process must answer within {limit_s:g} s, but has not{memory_note()}; nothing that "
                    "was committed is lost, the same command again continues"
                ) from None
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, SparringError) else error from None
        except RayError as error:  # the raylet's death, or one of the referee from which it did not come back
            raise lost(dead_daemon() or " ".join(str(error).split())[:300], caught) from error


def _tune(referee: RefereeHandle, spec: StudySpec, data: DataRefs, broken: list[BaseException]) -> None:
    import ray
    from ray import tune
    from ray.train.v2._internal.constants import ENV_VARS_TO_PROPAGATE
    from ray.tune.execution import class_cache

    from .parking import Parking, open_road
    from .searcher import RefereeSearcher
    from .slot import Slot, resources_of
    from .trainer import WorkerInputs

    open_road()
    # It logs a traceback for every slot that dies, over the live view; the referee counts the death, the ledger tells.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    # A runtime environment, however small, keeps Tune's actors off the workers that Ray has already started, which
    # costs 1.1 s. Local workers have inherited the variable by now. Ray also writes it into a log that everybody may
    # read, and what Tune propagates are the cloud's keys, which no slot needs: the mirror is the driver's.
    class_cache.DEFAULT_ENV_VARS.clear()
    class_cache.ENV_VARS_TO_PROPAGATE.intersection_update(ENV_VARS_TO_PROPAGATE)
    os.environ.pop("RAY_CHDIR_TO_TRIAL_DIR", None)
    inputs = ray.put(WorkerInputs(spec=spec, referee=referee, own=allowed(spec.model), **vars(data)))
    slots = tune.with_resources(tune.with_parameters(Slot, spec=spec, inputs=[inputs]), resources_of(spec))
    # On the dashboard and in ps it is a Slot, not the wrapper that brings it its inputs and its place.
    slots.__name__ = slots.__qualname__ = Slot.__name__
    try:
        with tempfile.TemporaryDirectory(prefix="sparring-tune-", dir=scratch(session_folder())) as storage:
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
                    callbacks=[Parking()],
                    # The referee counts attempts per trial; Tune only ever puts a fresh slot in a dead one's place.
                    failure_config=tune.FailureConfig(max_failures=-1),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            ).fit()
    except BaseException as error:  # handed to the main thread, which raises it
        broken.append(error)


def _short_name(trial: Trial) -> str:
    return f"trial-{trial.trial_id}"
