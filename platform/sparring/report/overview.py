"""The studies of a folder, a line each, and one trial of a study with everything that is known of it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..display import clean, clock, show
from ..errors import LedgerError, SparringError, UnknownName
from ..ledger import (
    STUDY_FILE,
    attempt_rows,
    epoch_rows,
    is_locked,
    queued_trials,
    read_study,
    spec_from_json,
    trial_rows,
)
from ..ledger.effort import limit_seconds, read_effort
from ..ledger.notes import Note, notes_of, read_notes
from ..ledger.prospects import prospect
from ..ledger.ranking import best_row, is_ranked
from ..records import QUEUED, EpochRow, Outcome, StudySpec, TrialRow
from ..space.dimension_toml import read_dimension
from ..space.toml_file import table_of
from ..space.tries import try_names
from ..study.fresh_seeds import find_winner
from ..study.study import is_spent

COLUMNS = ("study", "searches", "state", "trials", "best", "forecast", "last written")

BLOCKS = "▁▂▃▄▅▆▇█"
MOST_BLOCKS = 60
"""Epochs that a curve has room for; of more every n-th is drawn."""


@dataclass(frozen=True, kw_only=True)
class ShownTrial:
    """One trial, ended or not."""

    spec: StudySpec
    row: TrialRow
    """Of a trial that has not ended: its parameters and the epochs so far, outcome interrupted."""
    is_ended: bool
    baseline: TrialRow | None
    """Trial 0, unless it is the one shown, or has not ended."""
    epochs: tuple[EpochRow, ...]
    notes: tuple[Note, ...] = ()
    """What people wrote about it."""
    queued: frozenset[int] = frozenset()
    """Trials that somebody has put in line by hand."""

    @property
    def called(self) -> str:
        """Its number and, if it has one, its name."""
        names = {**try_names(self.spec.space, self.queued), 0: "published default"}
        name = names.get(self.row.trial, "")
        return f"trial {self.row.trial}" + (f", {clean(name)}" if name else "")


def list_studies(results: Path, now: float | None = None) -> list[tuple[str, ...]]:
    """Of every study below ``results``, the youngest first, what ``COLUMNS`` names.

    now: seconds since 1970. A study that cannot be read has the reason in the place of its best.
    """
    now = time.time() if now is None else now
    folders = {path.parent: _touched(path.parent) for path in results.glob(f"*/{STUDY_FILE}")}
    return [(*_line(folder), ago(now - folders[folder])) for folder in sorted(folders, key=lambda each: -folders[each])]


def read_trial(folder: Path, trial: int | None = None) -> ShownTrial:
    """The trial of this number, by default the best. Raises UnknownName if the study has none of it."""
    spec = spec_from_json(read_study(folder)["spec"])
    rows = {row.trial: row for row in trial_rows(folder)}
    if trial is None:
        best = find_winner(folder, rows.values())
        if best is None:
            raise UnknownName(f"study {spec.name}: no trial has completed yet; name one with --trial")
        trial = best.trial
    begun = {row.trial: row for row in attempt_rows(folder)}
    if trial not in rows and trial not in begun:
        numbers = sorted({*rows, *begun})
        there = (
            f"0 to {numbers[-1]}" if numbers == list(range(len(numbers))) and numbers else ", ".join(map(str, numbers))
        )
        raise UnknownName(f"--trial: no trial {trial} in study {spec.name}; there are: {there or 'none'}")
    epochs = tuple(sorted(epoch_rows(folder, {trial}), key=lambda row: row.epoch))
    row = rows.get(trial)
    if row is None:
        attempt = begun[trial]
        row = TrialRow(
            trial=trial, attempt=attempt.attempt, seed=attempt.seed, outcome=Outcome.INTERRUPTED, params=attempt.params,
            epochs=epochs[-1].epoch if epochs else 0, metrics=epochs[-1].metrics if epochs else {},
            wall_s=sum(each.wall_s for each in epochs),
        )  # fmt: skip
    baseline = rows.get(0) if trial != 0 else None
    queued = frozenset(number for number, each in begun.items() if each.source == QUEUED)
    return ShownTrial(
        spec=spec,
        row=row,
        is_ended=trial in rows,
        baseline=baseline,
        epochs=epochs,
        queued=queued,
        notes=_notes(folder, trial),
    )


def _notes(folder: Path, trial: int) -> tuple[Note, ...]:
    try:
        return tuple(notes_of(read_notes(folder), trial))
    except LedgerError as error:  # which must not hide the trial
        return (Note(text=str(error)),)


def curve(values: Sequence[float]) -> str:
    """A line of blocks, the highest for the largest value; of many values every n-th. What is not finite is a gap."""
    step = -(-len(values) // MOST_BLOCKS) if values else 1
    drawn = list(values)[::step]
    finite = [value for value in drawn if abs(value) < float("inf")]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((value - low) * scale)] if abs(value) < float("inf") else " " for value in drawn)


def ago(seconds: float) -> str:
    """A time in the past, in its largest unit."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds // length)) > 0:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def facts(shown: ShownTrial) -> list[tuple[str, str]]:
    """What is known of a trial beside its values: how it ended, how long it took, its curve."""
    row, metric = shown.row, shown.spec.objective.metric
    outcome = row.outcome.replace("_", " ") if shown.is_ended else "not ended"
    best = f", best at epoch {row.best_epoch}" if row.best_epoch else ""
    values = [each.metrics[metric] for each in shown.epochs if metric in each.metrics]
    found = [
        ("outcome", outcome),
        ("epochs", f"{row.epochs}{best}"),
        ("time", clock(row.wall_s)),
        ("seed", str(row.seed)),
        ("attempts", str(row.attempt)),
    ]
    if line := curve(values):
        found.append((metric, f"{line}  {show(values[0])} to {show(values[-1])}"))
    found += [("note", clean(note.text)) for note in shown.notes]
    if row.error:
        found.append(("error", clean(row.error.strip().splitlines()[-1])[:160]))
    return found


def _line(folder: Path) -> tuple[str, ...]:
    try:
        document = read_study(folder)
        spec = spec_from_json(document["spec"])
        rows = trial_rows(folder)
        state, left = _state(folder, spec, document.get("epochs", 0), len(rows))
        winner = find_winner(folder, rows)
    except SparringError:
        return (folder.name, "-", "-", "-", f"cannot be read; sparring show {folder.name} says why", "-")
    ranked = [row for row in rows if is_ranked(row)]
    reached = "-" if winner is None else f"{spec.objective.metric} {show(winner.value)}"
    trials = f"{len(ranked)} of {len(rows)} completed"
    forecast = left or _more(folder, spec, rows, best_row(rows, spec.objective))
    return (folder.name, f"{spec.model} on {spec.dataset}", state, trials, reached, forecast)


def _state(folder: Path, spec: StudySpec, epochs: int, ended: int) -> tuple[str, str]:
    """What a study is doing, and how long it will still: running, ended, or stopped before its budget was spent."""
    if not is_locked(folder):
        return ("ended" if is_spent(folder, spec, epochs) else "stopped"), ""
    effort, seconds = read_effort(folder, spec), []
    if math.isfinite(limit_seconds(spec)):
        seconds.append(limit_seconds(spec) - effort.seconds)
    if spec.trials is not None and ended:
        seconds.append((spec.trials - ended) * effort.seconds / ended)
    return "running", f"about {clock(max(min(seconds), 0.0) / spec.slots)} left" if seconds else ""


def _more(folder: Path, spec: StudySpec, rows: Sequence[TrialRow], best: TrialRow | None) -> str:
    """What as many trials again would bring; a dash where that cannot be said."""
    if all(read_dimension(*each, spec.name).is_countable for each in table_of(spec.space, "search").items()):
        return "-"
    known = 1 + len(try_names(spec.space))
    queued = queued_trials(folder)
    drawn = [row for row in rows if row.trial not in queued]
    found = prospect(drawn, spec.objective, known=known, best=best)
    return "-" if found is None else f"{show(found.expected)} with {found.trials} more"


def _touched(folder: Path) -> float:
    """When its ledger was last written, in seconds since 1970."""
    return max(path.stat().st_mtime for path in (folder / STUDY_FILE, folder / "trials", folder) if path.exists())
