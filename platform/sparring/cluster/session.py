"""``sparring search`` from the lock to the summary: what the user sees, and the exit code."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from shlex import quote

from rich.console import Console

from ..display import RaceView, Say, clock, print_summary, progress_of, saying
from ..errors import NoTrialSucceeded
from ..ledger import lock_study, queued_trials, read_looks, trial_rows
from ..ledger.inbox import Inbox
from ..ledger.mirror import Mirror
from ..ledger.ranking import front
from ..models import is_named_each_time
from ..records import REFIT, RESULTS, Retraining, Snapshot
from ..referee.alike import common_error
from ..space import try_names
from ..study import Study, is_complete, open_folder, with_slots
from ..study.budget import exhaustion
from ..study.claim import sentences_of
from ..study.conclusion import sentence
from ..study.conclusion.known import known_sigma
from ..study.feasibility import place_slots
from ..study.fresh_seeds import Job, conclusion_of, due, find_winner, hold_race
from ..study.searched_data import spoilt_figures
from .connection import Cluster, connect
from .data_refs import DataRefs, store
from .look_process import Aside, LookAhead, begin_look, has_ended
from .metering.race import RaceGauges
from .retraining import train_on_cluster
from .search import run
from .signals import handled, interrupt
from .watch import Watcher, open_board

PATIENCE_S, PATIENCE = 2.0, 0.01
"""How long the summary waits for what is measured aside: seconds, or a share of what the search took."""


def conduct(
    study: Study, address: str | None, console: Console, mirror: Mirror | None = None, *, aside: str = ""
) -> int:
    """Searches what is left of ``study`` and sums it up; the exit code, 128 + signal if one cut it short.

    console: gets the summary; what happens until then goes to standard error.
    mirror: the study's second copy, checked. A study that is not here but there comes back from it first. aside: the
    module that measures beside the search's end, of whose sentence the summary is the last part.
    Raises StudyLocked, NoTrialSucceeded, ClusterError if a cluster cannot hold the slots.
    """
    code, verdict, began = 0, "", time.monotonic()
    told = progress_of(console)
    study.folder.mkdir(parents=True, exist_ok=True)
    with lock_study(study.folder), Aside(aside) as measuring:
        if mirror is not None and mirror.seed():
            told.print(f"Study {study.spec.name} came back from {mirror.address}.", soft_wrap=True)
            for line in mirror.torn:
                told.print(line, style="yellow", soft_wrap=True)
        with mirror or nullcontext():  # around a study that is complete too: it may not have been copied whole
            if not is_complete(study) or is_race_due(study):
                code = _run(study, address, told, mirror, measuring)
                verdict = measuring.finish(max(PATIENCE_S, PATIENCE * (time.monotonic() - began)))
            elif (look := begin_look(study)) is not None:  # the search that completed it was ended before its look
                look.finish(told)
            if claim := sentences_of(study.folder):
                open_board(study, told.print).claim(claim)
    if mirror is not None and mirror.problem is not None:
        told.print(mirror.problem, style="yellow", soft_wrap=True)
    completed = _sum_up(study, console, verdict)
    if (nothing_left := exhaustion(study.folder, study.space)) is not None:
        console.print(nothing_left, soft_wrap=True, highlight=False)
    if not completed and not code:
        if (error := common_error(trial_rows(study.folder))) is not None:
            raise NoTrialSucceeded(
                f"study {study.spec.name}: all trials died of the same error, {error}; mend that and run the same "
                "command again"
            )
        raise NoTrialSucceeded(f"study {study.spec.name}: no trial completed; narrow the space or give more time")
    return code


def _run(study: Study, address: str | None, console: Console, mirror: Mirror | None, measuring: Aside) -> int:
    # Handled twice, since ray.init takes SIGTERM for itself.
    about = {
        "study": study.spec.name, "model": study.spec.model, "dataset": study.spec.dataset,
        "objective": study.spec.objective.metric, "folder": str(study.folder),
    }  # fmt: skip
    with (
        LookAhead(study) as ahead,
        ExitStack() as waiting,
        handled(interrupt),
        _ray(address, about, say := waiting.enter_context(saying(console))) as cluster,
        handled(interrupt),
    ):
        study = with_slots(study, place_slots(study.spec, cluster.nodes, address).slots)
        if open_folder(study):
            console.print(f"Resuming study {study.spec.name}: what has finished stays, the rest goes on.")
        say(f"Loading {study.spec.dataset} into Ray's object store …")
        data = store(study.rows, study.source)
        study.dataset.drop_fields()  # else this process would hold a second copy for as long as it searches
        waiting.close()
        ended = None
        if not is_complete(study):
            with Watcher(study, console, cluster.dashboard, mirror, see=ahead.see) as watcher:
                ended = run(
                    study.folder,
                    study.spec,
                    study.space,
                    data,
                    epochs=study.epochs,
                    metrics=study.config_class.emitted(),
                    follower=watcher,
                )
        if (ended is None or ended.signal is None) and is_race_due(study):
            ahead.cancel()
            _race(study, data, console)
        look = ahead.begin()  # while Ray shuts down
        if (ended is None or ended.signal is None) and has_ended(study):
            measuring.begin(study)
    for part in ended.snapshot.torn if ended is not None else ():
        console.print(
            f"Damaged, and set aside in _torn/: {part}", style="yellow", soft_wrap=True, markup=False, highlight=False
        )
    if look is not None:
        look.finish(console)
    if ended is None:
        return 0
    to_go = _to_go(study, ended.snapshot)
    if ended.signal is not None:
        console.print(f"Interrupted with {to_go}; the same command again continues.", style="yellow")
        return 128 + ended.signal
    if not is_complete(study):
        is_late = study.spec.time_s is not None and ended.snapshot.elapsed_s >= study.spec.time_s
        what = "The time limit came" if is_late else "The search ended"
        console.print(f"{what} with {to_go}; the same command again continues.", style="yellow")
    return 0


@contextmanager
def _ray(address: str | None, about: Mapping[str, str], say: Say) -> Iterator[Cluster]:
    say("Starting Ray (object store, dashboard) …" if address is None else f"Joining Ray at {address} …")
    with connect(address, about) as cluster:
        yield cluster


def is_race_due(study: Study) -> bool:
    """Has the search ended, and is any of its trials to be trained again?"""
    return has_ended(study) and bool(due(study.folder, study.spec, study.epochs))


def _race(study: Study, data: DataRefs, console: Console) -> None:
    """Trains again what the race asks for, and shows it."""
    spec, searched = study.spec, {row.trial: row.value for row in trial_rows(study.folder) if row.value is not None}
    gauges = RaceGauges(spec.name)
    title = f"{spec.name} · {spec.model} on {spec.dataset}"
    with RaceView(console, title=title, objective=spec.objective, searched=searched) as view:

        def wait() -> None:
            view.refresh()
            gauges.show()

        train = train_on_cluster(spec, data, wait)

        def told(jobs: Sequence[Job]) -> Iterator[Retraining]:
            view.begin([job.trial for job in jobs], for_weights=jobs[0].role == REFIT)
            gauges.begin(len(jobs))
            for row in train(jobs):
                view.tell(row)
                gauges.tell()
                yield row  # it is in the ledger when the next is asked for
                found = conclusion_of(study.folder)
                if found is not None:
                    view.claim = sentence(found, spec.objective.metric)
                    gauges.noise = found.noise.sigma

        hold_race(study.folder, spec, study.epochs, told)


def _to_go(study: Study, snapshot: Snapshot) -> str:
    """What the budget has left: trials, time of training (of slots, together), or trials that a time limit cut off."""
    left = []
    if study.spec.trials is not None:
        trials = (snapshot.trials or study.spec.trials) - snapshot.finished
        left.append(f"{trials} {'trial' if trials == 1 else 'trials'}")
    if snapshot.train_limit_s is not None:
        left.append(f"{clock(snapshot.train_limit_s - snapshot.trained_s)} of training")
    if queued := sum(each.params is not None for each in Inbox(study.folder).waiting()):
        left.append(f"{queued} queued by hand")
    if left:
        return f"{' or '.join(left)} to go"
    unfinished = len(snapshot.running) + snapshot.paused
    return f"{unfinished} {'trial' if unfinished == 1 else 'trials'} unfinished"


def _sum_up(study: Study, console: Console, verdict: str) -> bool:
    """Prints what was found. True if any trial completed."""
    rows = trial_rows(study.folder)
    best = find_winner(study.folder, rows)
    outcomes = Counter(row.outcome for row in rows)
    inside = study.folder.parent == RESULTS.absolute()
    print_summary(
        console,
        study=study.spec.name if inside else f"{study.spec.name} --results {quote(str(study.folder.parent))}",
        objectives=study.spec.objectives,
        best=best,
        baseline=next((row for row in rows if row.trial == 0), None),
        outcomes=outcomes,
        folder=study.folder,
        front=front(rows, study.spec.objectives) if len(study.spec.objectives) > 1 else (),
        tries=try_names(study.spec.space, queued_trials(study.folder)),
        apart=spoilt_figures(study.space),
        looks=read_looks(study.folder),
        conclusion=tuple(filter(None, [*sentences_of(study.folder), verdict])),
        sigma=known_sigma(study.spec),
        verb="predict" if study.config_class.predictions else "sample",
        model=study.spec.model if is_named_each_time(study.spec.model) else "",
    )
    return best is not None
