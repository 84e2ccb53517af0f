"""The commands that ask something of a search from outside: a trial to run next, a trial or the search to stop.

``app.py`` registers them.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ..errors import UsageError
from ..records import RESULTS
from ..untrusted.screen import Screen
from .own_model import UNNAMED, Own
from .results import Results, StudyName, find_folder

if TYPE_CHECKING:
    from ..ledger.inbox import Inbox
    from ..ledger.lock import Holder
    from ..records import StudySpec, Value

console = Screen()


def enqueue(
    study: StudyName,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A searched field's value; repeatable."),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.toml", help="Its other values, as `sparring best` pins them."),
    ] = None,
    trial: Annotated[
        int | None,
        typer.Option(metavar="N", help="Or those of another trial of the study.", show_default="the default's"),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take back what has not begun.")] = False,
    results: Results = RESULTS,
    model: Own = UNNAMED,
) -> None:
    """Put a trial of your own in line: the search runs it next and to its end, beside its budget.

    Without values: what waits in line. A search that does not run takes it up when it is resumed.
    """
    from ..ledger.inbox import Inbox

    folder = _at_hand(study, results)
    inbox = Inbox(folder)
    if clear or not (set_ or from_ or trial is not None):
        if set_ or from_ or trial is not None:
            raise UsageError("--clear: it takes back what waits, so it goes without values")
        _show_line(inbox, study, clear=clear)
        return
    params, notes = _point(folder, set_ or [], from_, trial)
    for note in notes:
        Screen(stderr=True).print(Text(note), style="yellow", soft_wrap=True)
    waiting = [each.params for each in inbox.waiting() if each.params is not None]
    if params in waiting:
        raise UsageError(f"enqueue: these values wait in line already; see `sparring enqueue {quote(study)}`")
    inbox.ask(params=params)
    told = _when(folder, "It runs as soon as a slot is free", "The same `sparring search` command runs it first")
    place = f" after {len(waiting)} other{'s' if len(waiting) > 1 else ''}" if waiting else ""
    console.print(Text(f"Queued{place}: {_in_words(params)}. {told}."), soft_wrap=True, highlight=False)


def stop(
    study: StudyName,
    trial: Annotated[
        int | None,
        typer.Option(metavar="N", help="A trial that has begun.", show_default="the whole search, as Ctrl-C does"),
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Stop one trial, and the search goes on; or the search, which the same search command resumes."""
    from ..ledger.inbox import Inbox

    folder = _at_hand(study, results)
    if trial is None:
        _interrupt(folder)
        return
    _check_unfinished(folder, trial)
    Inbox(folder).ask(stop=trial)
    told = _when(folder, "It ends within an epoch", "It ends when the study is resumed")
    words = f"Trial {trial} is to stop. {told}, as stopped by hand; neither sampler nor ranking counts it."
    console.print(words, soft_wrap=True, highlight=False)


def _at_hand(study: str, results: Path) -> Path:
    """The study's folder. Raises UsageError where no search could hear a request left in it."""
    from ..ledger.lock import holder_of
    from ..ledger.mirror.claim import OWNER

    if "://" in study:
        raise UsageError(
            f"{study}: is a mirror, which no search reads; name the study on the machine where it is searched"
        )
    folder = find_folder(study, results)
    if (folder / OWNER).exists():
        raise UsageError(
            f"{folder}: is the mirror of a study, which no search reads; name the study where it is searched"
        )
    holder = holder_of(folder)
    if holder is not None and not _is_here(holder):
        raise UsageError(
            f"{folder.name}: it is searched on {holder.host} by process {holder.pid}; say this command on that machine"
        )
    return folder


def _is_here(holder: Holder) -> bool:
    from ..ledger.lock import boot_id

    return (holder.host, holder.boot_id) == (socket.gethostname(), boot_id())


def _point(
    folder: Path, settings: list[str], pinned: Path | None, trial: int | None
) -> tuple[Mapping[str, Value], list[str]]:
    """The values of the trial that is asked for, which no other has."""
    from ..ledger import STUDY_FILE, attempt_rows, read_study, spec_from_json
    from ..models import find_config
    from ..space import Space
    from ..study.added_tries import read_point

    if pinned is not None and trial is not None:
        raise UsageError("enqueue: other values come --from a file or from a --trial, but got both; leave one out")
    spec: StudySpec = spec_from_json(read_study(folder)["spec"])
    if spec.sampler == "grid":
        raise UsageError(f"{spec.name}: a grid tries every point of its space anyway, and a number says which it is")
    begun = {row.trial: row.params for row in attempt_rows(folder)}
    if trial is not None and trial not in begun:
        raise UsageError(f"--trial: no trial {trial} has begun in {spec.name}; name one of `sparring report`")
    space = Space(spec.space, find_config(spec.model), f"{spec.name}/{STUDY_FILE}")
    params, notes = read_point(space, settings, pinned=pinned, base=begun[trial] if trial is not None else {})
    for number, tried in begun.items():
        if tried == params:
            raise UsageError(f"enqueue: trial {number} has these values already, and would repeat to the last bit")
    return params, notes


def _check_unfinished(folder: Path, trial: int) -> None:
    from ..ledger import attempt_rows, trial_rows

    begun = {row.trial for row in attempt_rows(folder)}
    ended = {row.trial: row.outcome for row in trial_rows(folder)}
    if trial in ended:
        outcome = ended[trial].replace("_", " ")
        raise UsageError(f"--trial {trial}: it has ended already: {outcome}; name one that has not")
    if trial not in begun:
        left = ", ".join(map(str, sorted(begun - ended.keys()))) or "none"
        raise UsageError(f"--trial {trial}: it has not begun; trials that have not ended: {left}")


def _interrupt(folder: Path) -> None:
    """What Ctrl-C does in the search's own terminal."""
    from ..ledger.lock import holder_of

    holder = holder_of(folder)
    if holder is None:
        raise UsageError(f"{folder.name}: nobody searches it now; there is nothing to stop")
    try:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(holder.pid, signal.SIGINT)
    except PermissionError as error:
        raise UsageError(
            f"{folder.name}: process {holder.pid} is another user's; only that user can stop it"
        ) from error
    words = "The search ends after the epochs in training, with checkpoints; the same search command resumes it."
    console.print(words, soft_wrap=True, highlight=False)


def _show_line(inbox: Inbox, study: str, *, clear: bool) -> None:
    waiting = [each for each in inbox.waiting() if each.params is not None]
    for each in waiting if clear else ():
        inbox.remove(each)
    if clear:
        console.print(f"Taken back: {len(waiting)}.", soft_wrap=True, highlight=False)
        return
    for each in waiting:
        console.print(Text(_in_words(each.params or {})), soft_wrap=True, highlight=False)
    if not waiting:
        words = f"Nothing waits in line; say what to try, such as: sparring enqueue {quote(study)} --set KEY=VALUE"
        console.print(Text(words), soft_wrap=True, highlight=False)


def _when(folder: Path, running: str, resting: str) -> str:
    from ..ledger import is_locked

    return running if is_locked(folder) else f"Nobody searches {folder.name} now: {resting[0].lower()}{resting[1:]}"


def _in_words(params: Mapping[str, Value]) -> str:
    from ..display import show

    return ", ".join(f"{name} = {show(value)}" for name, value in params.items())
