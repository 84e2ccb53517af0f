"""Studies in one TensorBoard: a run per trial, called ``study/trial-007``, and the best so far of each study.

The event files are made from the ledgers at once, apart from those that a search writes while it runs, and thinned: of
many trials the best and an even share of the others; of an epoch the figures on the validation rows; of many epochs an
even share, the best one and the last. So TensorBoard opens many studies as fast as one. Its "relative" axis is in
seconds of training. What else an epoch measured stands in the studies' own TensorBoards.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow.compute as pc
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

from ...display.events import describe, hparams_event, open_events, set_value, write_event
from ...errors import UsageError
from ...ledger import read_epochs
from ...ledger.looks import test_name
from ...ledger.schema import to_epoch_rows
from ...records import EpochRow, Outcome, TrialRow
from ...space.dimension import Dimension
from .columns import columns_of, value_of
from .pictures import Draw, picture_event, pictures_of
from .progress import AXES, Axis, band_of
from .reading import Compared, Comparison, seeds_of

MOST_RUNS, MOST_FIGURES = 500, 50_000
"""Runs of trials, and figures of epochs, in all."""

MARK = "comparison.json"
"""Says that a folder is a comparison's, which the next one may replace."""

_SUCCESSES = {Outcome.COMPLETED, Outcome.PRUNED}


class Written(NamedTuple):
    """What became of the trials."""

    runs: int
    left_out: int
    """Trials for which there was no room."""
    figures: int
    """Of epochs."""


def write_board(comparison: Comparison, folder: Path, draw: Draw = lambda folder: ()) -> Written:
    """Writes the event files into ``folder``, in the place of an earlier comparison's. draw: pictures of a study.

    Raises UsageError if something else lies there, or it cannot be written.
    """
    check_board(folder)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        about = {"studies": [str(study.folder) for study in comparison.studies]}
        (folder / MARK).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        return _write(comparison, folder, draw)
    except OSError as error:
        raise UsageError(
            f"--tensorboard: {folder} cannot be written: {error.strerror}; write somewhere else"
        ) from error


def check_board(folder: Path) -> None:
    """Raises UsageError if ``folder`` holds something that is no comparison."""
    if folder.exists() and not (folder / MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"--tensorboard: {folder} holds something else, which would be replaced; name a new or an empty folder"
        )


def _write(comparison: Comparison, folder: Path, draw: Draw) -> Written:
    studies, columns = comparison.studies, columns_of(comparison.studies)
    _write_experiment(folder, studies, columns)
    share = max(1, MOST_RUNS // len(studies))
    chosen = {study.label: _chosen(study, share) for study in studies}
    runs = sum(map(len, chosen.values()))
    written = 0
    for study in studies:
        _write_lines(folder / _folder_of(study, studies), study)
        epochs = _epochs(study, [row.trial for row in chosen[study.label]])
        most = max(2, MOST_FIGURES // max(runs, 1) // len(_figures(study)))
        pictures = pictures_of(study.folder, draw)
        for row in chosen[study.label]:
            shown = _thinned(epochs.get(row.trial, []), row.best_epoch, most)
            written += sum(len(epoch.metrics) for epoch, _ in shown)
            _write_trial(folder / _folder_of(study, studies) / _name_of(study, row), study, row, shown, columns)
            if found := pictures.get(row.trial):
                with _events(folder / _folder_of(study, studies) / _name_of(study, row), "pictures") as write:
                    for each in found:
                        write(picture_event(each), row.best_epoch or 0, row.wall_s)
    for group in comparison.groups:
        for several in seeds_of(group):
            _write_bands(folder, several)
    return Written(runs, sum(len(study.rows) for study in studies) - runs, written)


# -- which trials and epochs -------------------------------------------------------------------------------------------


def _chosen(study: Compared, most: int) -> list[TrialRow]:
    """By number: all, or the published default, the best half of ``most`` and an even share of the others."""
    if len(study.rows) <= most:
        return list(study.rows)
    sign = study.spec.objective.sign
    ranked = sorted(study.rows, key=lambda row: (row.trial != 0, math.inf if row.value is None else sign * row.value))
    best, rest = ranked[: -(-most // 2)], ranked[-(-most // 2) :]
    room = most - len(best)
    return sorted([*best, *(rest[n * len(rest) // room] for n in range(room))], key=lambda row: row.trial)


def _epochs(study: Compared, trials: Sequence[int]) -> Mapping[int, list[EpochRow]]:
    """Of each trial its epochs, each by the last attempt that trained it."""
    found: dict[int, dict[int, EpochRow]] = defaultdict(dict)
    keep = pc.field("trial").isin(list(trials)) & pc.field("metric").isin(_figures(study))
    rows = to_epoch_rows(read_epochs(study.folder, keep).table)
    for row in sorted(rows, key=lambda row: row.attempt):
        found[row.trial][row.epoch] = row
    return {trial: [rows[epoch] for epoch in sorted(rows)] for trial, rows in found.items()}


def _thinned(rows: Sequence[EpochRow], best: int | None, most: int) -> list[tuple[EpochRow, float]]:
    """At most ``most`` of them, evenly, the best one and the last among them; each with the seconds up to its end."""
    count, seconds, shown = len(rows), 0.0, []
    kept = {count - 1, *(n * count // max(most - 2, 1) for n in range(most - 2))} if count > most else set(range(count))
    for n, row in enumerate(rows):
        seconds += row.wall_s
        if n in kept or row.epoch == best:
            shown.append((row, seconds))
    return shown


# -- files -------------------------------------------------------------------------------------------------------------


def _folder_of(study: Compared, studies: Sequence[Compared]) -> str:
    """The study's name; with its letter where another has the same."""
    is_alone = [each.folder.name for each in studies].count(study.folder.name) == 1
    return study.folder.name if is_alone else f"{study.label}-{study.folder.name}"


def _name_of(study: Compared, row: TrialRow) -> str:
    """``trial-007``, with as many digits as the study's last trial has, and what the trial is called."""
    digits = max(3, len(str(max(each.trial for each in study.rows))))
    called = study.names.get(row.trial, "")
    return re.sub(r"[^\w.-]+", "-", f"trial-{row.trial:0{digits}d} {called}".strip())


def _write_experiment(folder: Path, studies: Sequence[Compared], columns: Sequence[Dimension]) -> None:
    """The HParams page: the columns, and every figure at a trial's best epoch, those on the test rows first."""
    leading = dict.fromkeys(study.spec.objective.metric for study in studies)
    tested = [test_name(metric) for metric in leading if any(study.tested for study in studies)]
    shown = dict.fromkeys([*leading, *(name for study in studies for name in _figures(study))])
    infos = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=name), display_name=name) for name in tested]
    infos += [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"best/{name}"), display_name=name) for name in shown]
    experiment = api_pb2.Experiment(hparam_infos=[describe(column) for column in columns], metric_infos=infos)
    with _events(folder) as write:
        write(hparams_event(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment)))


def _write_trial(
    folder: Path,
    study: Compared,
    row: TrialRow,
    epochs: Sequence[tuple[EpochRow, float]],
    columns: Sequence[Dimension],
) -> None:
    start = SessionStartInfo()
    for column in columns:
        set_value(start, column, value_of(column, study, row))
    status = api_pb2.STATUS_SUCCESS if row.outcome in _SUCCESSES else api_pb2.STATUS_FAILURE
    with _events(folder) as write:
        write(hparams_event(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start)))
        for epoch, seconds in epochs:
            write(_scalars(epoch.metrics), epoch.epoch, seconds)
        best = {f"best/{name}": row.metrics[name] for name in _figures(study) if name in row.metrics}
        if best and row.value is not None:
            write(_scalars(best), row.best_epoch or 0, row.wall_s)
        if study.best is row and study.tested is not None:
            write(_scalars({test_name(study.spec.objective.metric): study.tested.value}), row.best_epoch or 0)
        end = SessionEndInfo(status=status)
        write(hparams_event(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end)))


def _write_lines(folder: Path, study: Compared) -> None:
    """The best so far of a study, in a run of its own."""
    with _events(folder) as write:
        for axis, line in study.lines.items():
            tag = _tag(study, axis)
            for place, best in zip(line.places.tolist(), line.best.tolist(), strict=True):
                if math.isfinite(best):
                    write(_scalars({tag: best}), round(place), place)


def _write_bands(folder: Path, several: Sequence[Compared]) -> None:
    """Median, lowest and highest over seeds, three runs beside those of the studies, under the same tags."""
    bands = {axis: band_of([study.lines[axis] for study in several]) for axis in AXES}
    name = f"{several[0].folder.name}-and-{len(several) - 1}-more"
    for said in ("median", "low", "high"):
        with _events(folder / name / said) as write:
            for axis, band in bands.items():
                for place, value in zip(band.places.tolist(), getattr(band, said).tolist(), strict=True):
                    write(_scalars({_tag(several[0], axis): value}), round(place), place)


def _tag(study: Compared, axis: Axis) -> str:
    return f"best so far by {axis}/{study.spec.objective.metric}"


def _figures(study: Compared) -> list[str]:
    """Names of what HParams shows: the leading objective, and what was measured on the validation rows."""
    known = dict.fromkeys(name for row in study.rows for name in row.metrics if name.startswith("val/"))
    return list(dict.fromkeys([study.spec.objective.metric, *known]))


def _scalars(figures: Mapping[str, float]) -> Event:
    return Event(summary=Summary(value=[Summary.Value(tag=tag, simple_value=each) for tag, each in figures.items()]))


class _Write(Protocol):
    def __call__(self, event: Event, step: int = 0, seconds: float = 0.0) -> None: ...


@contextmanager
def _events(folder: Path, what: str = "comparison") -> Iterator[_Write]:
    """A run's event file. Gives what writes an event at a step, and at so many seconds on the "relative" axis."""
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    writer = open_events(folder / f"events.out.tfevents.{int(now):010d}.{what}")
    try:
        yield lambda event, step=0, seconds=0.0: write_event(writer, event, step, now + seconds)
    finally:
        writer.close()
