"""What the kept trials of a study make of the same few validation samples, as PNG pictures.

The samples are the first of the split's, so they are the same for every trial and every study of the same data.
A search keeps the weights of the published default and of its winner (of several objectives: of the front), each of its
best epoch; so these are the trials that can be asked, and that is the epoch at which they are.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ...errors import SparringError
from ...ledger.weights import WEIGHTS, WeightsFolder
from ..drawing.pictures import SHOWN_CURVES, picture
from ..drawing.style import write_picture
from ..loading.loaded import Loaded
from ..loading.study_winner import read_winner
from .answers import Answers, predict, reconstruct, sample
from .commands import axes_of, cards_of
from .samples import NamedRows, read_rows

DRAWN = 2000
"""Samples that a generator draws, whose histograms are compared with as many validation rows."""


class Kept(NamedTuple):
    """A picture of a trial."""

    trial: int
    name: str
    """What is shown, such as ``predicted spectrum``."""
    png: bytes


def draw_kept(folder: Path, complain: Callable[[str], object] = lambda words: None) -> Iterator[Kept]:
    """The pictures of a study's kept trials; none where its data are not at hand or its weights were not kept.

    complain: hears why a trial has none, a sentence each.
    """
    for trial in WeightsFolder(folder / WEIGHTS).trials:
        try:
            loaded = read_winner(folder, trial=trial)
            for name, png in pictures_of(loaded, rows_to_draw(loaded)):
                yield Kept(trial, name, png)
        except (SparringError, OSError) as error:  # no data here, or weights of another version
            complain(f"{folder.name}: no pictures of trial {trial}: {error}")


def rows_to_draw(loaded: Loaded) -> NamedRows:
    """The first validation samples that a picture shows; of what only draws, as many as its histograms compare."""
    # Of more curves than a sheet holds it would show the best and the worst, which differ from trial to trial.
    channels = max(shape[1] if len(shape) == 2 else 1 for shape in loaded.about.shapes.values())
    return read_rows(loaded, part="valid", n=max(1, SHOWN_CURVES // channels) if _is_asked(loaded) else DRAWN)


def pictures_of(loaded: Loaded, rows: NamedRows) -> Iterator[tuple[str, bytes]]:
    """(what is shown, PNG) of every field that the model answers."""
    for name, truths, answers in _ask(loaded, rows):
        for field, values in answers.items():
            yield f"{name} {field}", drawn_png(loaded, rows, field, values, truths.get(field))


def drawn_png(
    loaded: Loaded, rows: NamedRows, field: str, values: np.ndarray, truth: np.ndarray | None = None
) -> bytes:
    """A picture of a field's values, beside the truth where there is one."""
    named = rows.ids if _is_asked(loaded) and truth is not None else ()
    axis, card = axes_of(loaded, rows).get(field), cards_of(loaded).get(field)
    drawn = picture(field, values, truth, ids=named, axis=axis, card=card)
    file = io.BytesIO()
    write_picture(file, drawn)
    png = file.getvalue()
    return png if isinstance(drawn, Image.Image) else fewer_colours(png)


def _is_asked(loaded: Loaded) -> bool:
    return hasattr(loaded.model, "predict") or hasattr(loaded.model, "reconstruct")


def _ask(loaded: Loaded, rows: NamedRows) -> Iterator[tuple[str, Answers, Answers]]:
    """(what was asked, the truths, the answers): predictions from each field, else what comes back, else draws."""
    if hasattr(loaded.model, "predict"):
        for given in loaded.fields:
            truths, answers = predict(loaded, rows, (given,))
            yield f"from {given}:", truths, {name: values for name, values in answers.items() if name != given}
    elif hasattr(loaded.model, "reconstruct"):
        yield "came back:", *reconstruct(loaded, rows)
    else:
        drawn = sample(loaded, len(rows))
        yield "drawn:", {name: np.asarray(rows.fields[name].cpu()) for name in drawn}, drawn


def fewer_colours(png: bytes) -> bytes:
    """The same picture in 256 colours; curves then take a quarter."""
    with Image.open(io.BytesIO(png)) as read:
        file = io.BytesIO()
        read.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()
