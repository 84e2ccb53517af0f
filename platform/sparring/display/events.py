"""TensorBoard's event files and the messages of its HParams page, written without TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
from tensorboard.plugins.text.metadata import create_summary_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from ..records import Value
from ..space.dimension import Dimension

UNUSED = "(unused)"
"""What a conditional text or switch shows where it does not apply."""


def unused(dimension: Dimension) -> Value:
    """What stands for a conditional hyperparameter that does not apply, of the type its column has in HParams.

    Texts and switches: ``UNUSED``. Numbers: a tenth of the low end on a log range, so that log axes keep working;
    otherwise -1, or one span below where the range itself reaches -1.
    """
    if dimension.kind in ("str", "bool"):
        return UNUSED
    ends = [float(end) for end in dimension.edges()]
    if dimension.log:
        low = dimension.low / 10
        return low if low not in ends else low / 10
    return -1.0 if min(ends) > -1 else min(ends) - (max(ends) - min(ends))


def describe(dimension: Dimension) -> api_pb2.HParamInfo:
    """A column of the HParams page."""
    info = api_pb2.HParamInfo(name=dimension.name)
    values: list[Value] = [*dimension.edges(), *([unused(dimension)] if dimension.when else [])]
    if dimension.kind in ("float", "int"):
        info.type = api_pb2.DATA_TYPE_FLOAT64
        if not dimension.choices:
            # Without the stand-in inside the interval, TensorBoard's default filter would hide the runs that show it.
            numbers = [float(value) for value in values]
            info.domain_interval.min_value, info.domain_interval.max_value = min(numbers), max(numbers)
            return info
    elif dimension.kind == "bool" and not dimension.when:
        info.type = api_pb2.DATA_TYPE_BOOL
    else:
        info.type = api_pb2.DATA_TYPE_STRING
        values = [_text(value) for value in values]
    info.domain_discrete.extend(values)
    return info


def set_value(start: SessionStartInfo, dimension: Dimension, value: Value | None) -> None:
    """A run's value in that column; None where the hyperparameter does not apply."""
    value = unused(dimension) if value is None else value
    target = start.hparams[dimension.name]
    if dimension.kind == "bool" and not dimension.when:
        target.bool_value = bool(value)
    elif dimension.kind in ("bool", "str"):
        target.string_value = _text(value)
    else:
        target.number_value = float(value)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def hparams_event(tag: str, data: HParamsPluginData) -> Event:
    """One of the messages from which the HParams page is made."""
    about = metadata.create_summary_metadata(data)
    return Event(summary=Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)]))


def text_event(tag: str, paragraphs: Sequence[str]) -> Event:
    """Paragraphs on the Text page."""
    about = create_summary_metadata(display_name=tag, description="")
    text = TensorProto(dtype=DT_STRING, string_val=["\n\n".join(paragraphs).encode()])
    return Event(summary=Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=text)]))


def open_events(path: Path) -> RecordWriter:
    """A new event file."""
    # TensorBoard's EventFileWriter keeps a thread per file, flushes every two minutes and prints a traceback from that
    # thread when the disk is full; its record format over a plain file fails here, where the error is ours to handle.
    writer = RecordWriter(path.open("wb"))
    write_event(writer, Event(file_version="brain.Event:2"))
    return writer


def write_event(writer: RecordWriter, event: Event, step: int = 0, at: float | None = None) -> None:
    """at: seconds since 1970, by default now."""
    event.wall_time, event.step = time.time() if at is None else at, step
    writer.write(event.SerializeToString())
