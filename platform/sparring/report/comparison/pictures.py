"""Pictures of trials on TensorBoard's page Images. Who can ask a model draws them; here they are written."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_BLOB_SEQUENCE, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.image.metadata import create_summary_metadata


class Picture(Protocol):
    """Of one trial: what is shown, and a PNG."""

    @property
    def trial(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def png(self) -> bytes: ...


Draw = Callable[[Path], Iterable[Picture]]
"""The pictures of the study in a folder."""


def pictures_of(folder: Path, draw: Draw) -> Mapping[int, list[Picture]]:
    """By trial."""
    found: dict[int, list[Picture]] = defaultdict(list)
    for picture in draw(folder):
        found[picture.trial].append(picture)
    return found


def picture_event(picture: Picture) -> Event:
    """As TensorBoard reads it: width, height and the file."""
    with Image.open(io.BytesIO(picture.png)) as read:
        size = [str(side).encode() for side in read.size]
    about = create_summary_metadata(picture.name, "the same validation samples in every run, at the trial's best epoch")
    about.data_class = DATA_CLASS_BLOB_SEQUENCE
    values = [*size, picture.png]
    tensor = TensorProto(dtype=DT_STRING, string_val=values,
                         tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(values))]))  # fmt: skip
    return Event(summary=Summary(value=[Summary.Value(tag=f"samples/{picture.name}", metadata=about, tensor=tensor)]))
