"""TensorBoard's view of a study: one run per trial with its scalars and, from its start, its hyperparameters.

Written in TensorBoard's own file format and messages, without TensorFlow, torch or tensorboardX. Nothing reads these
files back: the ledger is the truth, so a full disk costs the pictures and never the search. Look at a study with
``tensorboard --logdir results/STUDY/tensorboard``.

The HParams page shows every metric at the trial's best epoch so far, not at its last (tags ``best/…``), and every trial
has a value for every hyperparameter, because TensorBoard drops runs in which one is missing (tensorboard#2942, #3597).
A conditional one that does not apply shows as ``UNUSED`` or, for a number, as a value below its range, see ``unused``.

The page "Custom Scalars" has the curves in groups, see ``layout.py``.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.record_writer import RecordWriter

from ..ledger.looks import Look, test_name
from ..records import EpochRow, Objective, Outcome, Trial, TrialRow
from ..space.dimension import Dimension
from .events import describe, hparams_event, open_events, set_value, text_event, write_event
from .layout import layout_value, make_layout

_LOGGER = logging.getLogger(__name__)
_COMPLETE, _CLAIM = "complete", "conclusion"
_SUCCESSES = {Outcome.COMPLETED, Outcome.PRUNED}


@dataclass
class _Run:
    """One trial's open event file."""

    folder: Path
    writer: RecordWriter
    values: dict[int, float] = field(default_factory=dict)
    """The objective by epoch, finite ones only."""
    epoch: int = 0


class Board:
    """Writes the event files of one study; only trials in training keep a file open.

    folder: the study's. dimensions: what is searched. metrics: every metric the model emits. tested: those of looks at
    the test rows that there were; the HParams page has them first. warn: called once, with a
    sentence, if the disk refuses; from then on the board does nothing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dimensions: Sequence[Dimension],
        metrics: Sequence[str],
        objective: Objective,
        tested: Collection[str] = (),
        warn: Callable[[str], object] = _LOGGER.warning,
    ) -> None:
        self.folder = Path(folder) / "tensorboard"
        self.dimensions, self.objective, self._warn = tuple(dimensions), objective, warn
        self._sign = objective.sign
        self._shown = [name for name in metrics if name.startswith("val/") or name == objective.metric]
        self._tested = tuple(tested)
        self._layout = make_layout(metrics, objective.metric, tested)
        self._runs: dict[int, _Run] = {}
        self.enabled = True
        with self._tolerate():
            self._write_experiment()

    def start(self, trial: Trial) -> None:
        """Opens a trial's run with its hyperparameters.

        A next attempt continues the open run; an unfinished run of an earlier process is replaced, and its rows are the
        caller's to replay; a complete one is left as it is.
        """
        if not self.enabled or trial.number in self._runs or self.is_complete(trial.number):
            return
        with self._tolerate():
            run = self._folder_of(trial.number)
            shutil.rmtree(run, ignore_errors=True)
            run.mkdir(parents=True)
            writer = open_events(run / f"events.out.tfevents.{int(time.time()):010d}.sparring")
            self._runs[trial.number] = _Run(run, writer)
            start = SessionStartInfo(start_time_secs=time.time())
            for dimension in self.dimensions:
                set_value(start, dimension, trial.params.get(dimension.name))
            write_event(
                writer, hparams_event(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start))
            )
            writer.flush()

    def epoch(self, row: EpochRow) -> None:
        """Writes one epoch's metrics and, if it is the best so far, what HParams shows. Needs an open run."""
        run = self._runs.get(row.trial)
        if not self.enabled or run is None:
            return
        with self._tolerate():
            if row.epoch <= run.epoch:
                # The next attempt repeats epochs after its checkpoint: TensorBoard forgets the old ones from here on.
                write_event(run.writer, Event(session_log=SessionLog(status=SessionLog.START)), step=row.epoch)
                run.values = {epoch: value for epoch, value in run.values.items() if epoch < row.epoch}
            scalars = dict(row.metrics)
            value = row.metrics.get(self.objective.metric, math.nan)
            if math.isfinite(value):
                if all(self._sign * value < self._sign * known for known in run.values.values()):
                    scalars |= {f"best/{name}": row.metrics[name] for name in self._shown if name in row.metrics}
                run.values[row.epoch] = value
            run.epoch = row.epoch
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()])
            write_event(run.writer, Event(summary=summary), step=row.epoch)
            run.writer.flush()

    def end(self, row: TrialRow) -> None:
        """Closes a trial's run with its status. An interrupted one stays incomplete: the next start replaces it."""
        run = self._runs.get(row.trial)
        if not self.enabled or run is None:
            return
        with self._tolerate():
            if row.outcome is not Outcome.INTERRUPTED:
                status = api_pb2.STATUS_SUCCESS if row.outcome in _SUCCESSES else api_pb2.STATUS_FAILURE
                end = SessionEndInfo(status=status, end_time_secs=time.time())
                write_event(
                    run.writer, hparams_event(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end))
                )
            self._runs.pop(row.trial).writer.close()
            if row.outcome is not Outcome.INTERRUPTED:
                (run.folder / _COMPLETE).write_text(f"{row.outcome}\n", encoding="utf-8")

    def look(self, look: Look) -> None:
        """Writes the figures of a look at the test rows, and the ends of their intervals, to the runs of its trials."""
        if not self.enabled:
            return
        with self._tolerate():
            for trial, figures in ((look.trial, look.winner), (0, look.default)):
                run = self._folder_of(trial)
                if not figures or not run.is_dir():
                    continue
                ends = (
                    (name, end, getattr(figure, end)) for name, figure in figures.items() for end in ("low", "high")
                )
                scalars = {name: figure.value for name, figure in figures.items()}
                scalars |= {f"{name} {end}": value for name, end, value in ends if value is not None}
                # TensorBoard reads a run's files by their names' order, so this one comes after the trial's own.
                writer = open_events(run / f"events.out.tfevents.{int(time.time()):010d}.test-{look.number}")
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()])
                write_event(writer, Event(summary=summary), step=look.number)
                writer.close()

    def claim(self, sentences: Sequence[str]) -> None:
        """Writes what the study may claim as a text of its own run, in the place of what it said before."""
        if not self.enabled or not sentences:
            return
        with self._tolerate():
            run = self.folder / _CLAIM
            shutil.rmtree(run, ignore_errors=True)
            run.mkdir(parents=True)
            writer = open_events(run / f"events.out.tfevents.{int(time.time()):010d}.sparring")
            write_event(writer, text_event(_CLAIM, sentences))
            writer.close()

    def is_complete(self, trial: int) -> bool:
        """Whether a trial's run was written to its end."""
        return (self._folder_of(trial) / _COMPLETE).exists()

    def close(self) -> None:
        """Closes what is open; those runs stay incomplete."""
        with self._tolerate():
            while self._runs:
                self._runs.popitem()[1].writer.close()

    def _folder_of(self, trial: int) -> Path:
        return self.folder / f"{trial:05d}"

    @contextmanager
    def _tolerate(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.enabled = False
            while self._runs:
                with suppress(OSError):  # the same full disk again; closing frees the descriptor all the same
                    self._runs.popitem()[1].writer.close()
            self._warn(f"TensorBoard: {self.folder}: {error.strerror or error}; the search continues without it")

    def _write_experiment(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        experiment = api_pb2.Experiment(
            time_created_secs=time.time(),
            hparam_infos=[describe(dimension) for dimension in self.dimensions],
            metric_infos=[
                *(
                    api_pb2.MetricInfo(name=api_pb2.MetricName(tag=name), display_name=name)
                    for name in sorted(self._tested, key=lambda name: name != test_name(self.objective.metric))
                ),
                *(
                    api_pb2.MetricInfo(
                        name=api_pb2.MetricName(tag=f"best/{name}"),
                        display_name=name,
                        dataset_type=api_pb2.DATASET_VALIDATION,
                    )
                    for name in sorted(self._shown, key=lambda name: name != self.objective.metric)
                ),
            ],
        )
        # Written aside and renamed, so that a TensorBoard that is looking never meets half a file.
        path = self.folder / "events.out.tfevents.0000000000.sparring"
        aside = path.with_name(f".{os.getpid()}.tmp")
        writer = open_events(aside)
        write_event(writer, hparams_event(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment)))
        write_event(writer, Event(summary=Summary(value=[layout_value(self._layout)])))
        writer.close()
        aside.replace(path)
