"""Codes of samples as a table and a map, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from ...errors import UsageError
from ...models.autoencoder import Autoencoder
from ...models.verbs import Encodes, HasCodes
from ...study.checks import check_writable
from ..drawing.latent_map import draw_map
from ..drawing.style import write_picture
from ..loading.loaded import Loaded
from ..output import open_folder, write_table
from .answer_files import write_answers
from .answers import Answered, Answers, ask
from .samples import NamedRows

MOST_STEPS = 1000


def codes_of(loaded: Loaded, rows: NamedRows) -> Answers:
    """By name, (N, numbers of the code). Raises UsageError for a model without an encoder."""
    model = loaded.model
    if isinstance(model, HasCodes):
        return ask(model.codes, rows.fields)
    if isinstance(model, Encodes):
        encode = model.encode
        return ask(lambda given: {"codes": encode(given, seed=0)["codes"]}, rows.fields)
    raise UsageError(f"encode: the model {loaded.about.model} has no encoder, so samples have no codes")


def run_encode(
    loaded: Loaded, rows: NamedRows, *, between: Sequence[str], steps: int, output: Path | None, console: Console
) -> None:
    """``codes.parquet`` and a map of each code, into ``codes``; with ``between`` also what lies on the way.

    between: the names of two samples, or none. Raises UsageError, before anything is written, for a name that is not
    there, or a model whose codes cannot be decoded alone.
    """
    folder = output or loaded.folder / "codes"
    check_writable(folder, "-o")
    codes = codes_of(loaded, rows)
    way = _way(loaded, rows, codes, between, steps) if between else None
    open_folder(folder)
    columns: dict[str, Sequence[object] | np.ndarray] = {"id": list(rows.ids)}
    if rows.labels:
        columns["label"] = list(rows.labels)
    for name, values in codes.items():
        columns |= {f"{name}_{number + 1}": values[:, number] for number in range(values.shape[1])}
    write_table(folder / "codes.parquet", columns)
    for name, values in codes.items():
        write_picture(folder / f"{name}-map.png", draw_map(values, rows.labels))
    if way is not None:
        write_answers(folder / "between", "between", Answered(answers=way), axes={}, cards={})
        ends = f"{steps} samples from {between[0]} to {between[1]}"
        console.print(f"{ends}: {folder / 'between'}", soft_wrap=True, markup=False)
    console.print(f"Codes of {len(rows):,} samples: {folder}", soft_wrap=True, markup=False)


def _way(loaded: Loaded, rows: NamedRows, codes: Answers, between: Sequence[str], steps: int) -> Answers:
    """What the decoder makes of evenly spaced codes from one sample to another, both ends among them."""
    if not isinstance(loaded.model, Autoencoder):
        raise UsageError(f"--between: the model {loaded.about.model} has no decoder of a code alone; leave it out")
    if len(between) != 2 or not 2 <= steps <= MOST_STEPS:
        raise UsageError(
            f"--between: wants two samples and 2 to {MOST_STEPS:,} --steps, but got {len(between)} and {steps}"
        )
    unknown = [name for name in between if name not in rows.ids]
    if unknown:
        raise UsageError(
            f"--between: no sample {unknown[0]!r} among the {len(rows):,} that are encoded, such as {rows.ids[0]!r}; "
            "see codes.parquet, or choose others with --part"
        )
    first, last = (codes["codes"][rows.ids.index(name)] for name in between)
    path = np.linspace(first, last, steps, dtype=np.float32)
    decoded = loaded.model.decoded(torch.from_numpy(path).to(loaded.device))
    return {name: values.float().cpu().numpy() for name, values in decoded.items()}
