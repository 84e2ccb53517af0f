"""Answers as numbers and pictures in a folder.

Arrays are .npz without objects, tables Parquet with the sample's id first, pictures PNG.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...data import FieldCard
from ..drawing.panels import Panel, can_be_drawn, draw_samples
from ..drawing.pictures import picture
from ..drawing.style import write_picture
from ..output import open_folder, write_table
from .answers import Answered

NOWHERE: Mapping[str, np.ndarray] = {}


def write_answers(
    folder: Path,
    stem: str,
    answered: Answered,
    *,
    ids: Sequence[str] = (),
    axes: Mapping[str, np.ndarray],
    cards: Mapping[str, FieldCard],
    titles: Sequence[str] = (),
    far: Mapping[str, np.ndarray] = NOWHERE,
) -> list[Path]:
    """``STEM.npz``, ``errors.parquet`` where there is a truth, and a picture of each field; returns the files.

    ids: the samples' names; a sample that was drawn has none. axes: by field, where its columns lie. cards: of the
    fields, for their units. titles: the samples' names in pictures. far: by field, (N,) bool, samples far from the
    training data; in the .npz ``far_`` and the field's name.
    """
    open_folder(folder)
    written = [folder / f"{stem}.npz"]
    arrays: dict[str, Any] = _arrays(answered, axes) | ({"ids": np.array(ids, dtype=np.str_)} if ids else {})
    arrays |= {f"far_{name}": values for name, values in far.items()}
    np.savez_compressed(written[0], **arrays)
    if answered.truths:
        columns = {f"mse_{name}": values for name, values in answered.errors().items()}
        columns |= {f"std_{name}": values for name, values in answered.deviations_by_sample().items()}
        written.append(write_table(folder / "errors.parquet", {"id": list(ids), **columns}))
    for name, values in answered.answers.items():
        drawn = picture(
            name,
            values,
            answered.truths.get(name),
            ids=titles or ids,
            axis=axes.get(name),
            spread=answered.deviations.get(name),
            card=cards.get(name),
        )
        written.append(folder / f"{name}.png")
        write_picture(written[-1], drawn)
    return written


def write_panels(folder: Path, panels: Sequence[Panel], ids: Sequence[str]) -> None:
    """``panels/ID.png`` per sample, of the fields that are curves."""
    drawn = [panel for panel in panels if can_be_drawn(panel.answers)]
    open_folder(folder / "panels")
    for stem, figure in zip(_stems(ids), draw_samples(drawn, ids), strict=True):
        write_picture(folder / "panels" / f"{stem}.png", figure)


def write_texts(
    folder: Path,
    name: str,
    values: np.ndarray,
    *,
    ids: Sequence[str],
    axis: np.ndarray | None,
    deviations: np.ndarray | None = None,
) -> None:
    """``NAME/ID.txt`` per sample: two lines of header, then axis (or column number) and value, as spectra are read.

    values: (N, columns). axis: (columns,). deviations: (N, columns), a third column, under the heading ``std``.
    """
    open_folder(folder / name)
    x = axis if axis is not None and len(axis) == values.shape[1] else np.arange(1, values.shape[1] + 1)
    columns = values[:, :, None] if deviations is None else np.stack([values, deviations], axis=2)
    for sample_id, stem, sample_columns in zip(ids, _stems(ids), columns, strict=True):
        header = f"{' '.join(sample_id.split())}\naxis {name}{'' if deviations is None else ' std'}"
        rows = np.column_stack([x, sample_columns])
        np.savetxt(folder / name / f"{stem}.txt", rows, fmt="%.9g", header=header)


def _stems(ids: Sequence[str]) -> list[str]:
    """Names of files for samples, each once."""
    taken: dict[str, None] = {}
    for sample_id in ids:
        stem = re.sub(r"[^\w.-]", "_", sample_id).lstrip(".") or "_"
        while stem in taken:
            stem += "_"
        taken[stem] = None
    return list(taken)


def _arrays(answered: Answered, axes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By name in the .npz: answers under their field's, the rest under ``true_``, ``std_`` and ``axis_``."""
    return {
        **answered.answers,
        **{f"true_{name}": truth for name, truth in answered.truths.items()},
        **{f"std_{name}": deviation for name, deviation in answered.deviations.items()},
        **{f"axis_{name}": axes[name] for name in answered.answers if name in axes},
    }
