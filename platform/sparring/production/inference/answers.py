"""Sample, reconstruct and predict: what the model answers, as numbers and pictures in a folder.

Arrays are .npz without objects, tables Parquet with the sample's id first, pictures PNG.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data import FieldCard
from ...errors import DataError, UsageError
from ...models.autoencoder import Autoencoder
from ..drawing.pictures import picture
from ..drawing.style import write_picture
from ..loading.loaded import Loaded
from ..output import open_folder, write_table
from .samples import Rows

CHUNK = 1024
"""Rows per call of the model: little memory on any device."""
DRAWN = 16_384
"""Muons drawn at a time: 66 MB per hidden layer of 1,000."""

Answers = dict[str, np.ndarray]
"""By field, (N, …) float32."""


def sample(loaded: Loaded, n: int, *, seed: int = 0, boost: float | None = None) -> Answers:
    """``n`` draws, the same for the same seed. boost: see AuxGAN and AuxAAE; others refuse it with a UsageError."""
    method = loaded.method("sample")
    if n < 1:
        raise UsageError(f"-n: wants at least 1 sample, but got {n}")
    known = inspect.signature(method).parameters
    if boost is not None and "boost" not in known:
        raise UsageError(f"--boost: the model {loaded.about.model} draws without one; leave it out")
    more: dict[str, Any] = {} if boost is None else {"boost": boost}
    if "seed" in known:
        return _arrays(loaded, method(n, seed=seed, **more))
    generator = torch.Generator(loaded.device).manual_seed(seed)
    chunks = [_arrays(loaded, method(min(DRAWN, n - at), generator=generator, **more)) for at in range(0, n, DRAWN)]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def reconstruct(loaded: Loaded, rows: Rows) -> tuple[Answers, Answers]:
    """(what was given, as the model is judged by it; what came back), by field."""
    method = loaded.method("reconstruct")
    taken = [name for name in inspect.signature(method).parameters if name in rows.fields]
    answers = ask(loaded, method, {name: rows.fields[name] for name in taken})
    return _truths(loaded, rows, answers), answers


def predict(loaded: Loaded, rows: Rows, given: Sequence[str]) -> tuple[Answers, Answers]:
    """(the truth of each predicted field, as far as the rows hold it; the predictions), by field."""
    method = loaded.method("predict")
    answers = ask(loaded, method, {name: rows.fields[name] for name in given})
    return _truths(loaded, rows, answers), answers


def ask(loaded: Loaded, method: Callable[..., Any], given: Mapping[str, Tensor]) -> Answers:
    """The method's answers to all rows, by chunks. Raises DataError if one is not finite."""
    count = len(next(iter(given.values())))
    chunks = [
        _arrays(loaded, method(**{name: rows[start : start + CHUNK] for name, rows in given.items()}))
        for start in range(0, count, CHUNK)
    ]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def errors(truths: Answers, answers: Answers) -> Answers:
    """By field, the mean squared error of each sample, (N,) float64, raw units."""
    return {name: _mean_square(answers[name].astype(np.float64) - truth) for name, truth in truths.items()}


def write_answers(
    folder: Path,
    stem: str,
    answers: Answers,
    truths: Answers,
    ids: Sequence[str],
    axes: Mapping[str, np.ndarray],
    deviations: Answers | None = None,
    cards: Mapping[str, FieldCard] | None = None,
) -> list[Path]:
    """``STEM.npz``, ``errors.parquet`` where there is a truth, and a picture of each field; returns the files.

    deviations: of the answers, value by value, where they are means. cards: of the fields, for their units.
    """
    open_folder(folder)
    deviations, cards = deviations or {}, cards or {}
    arrays: dict[str, Any] = {**answers, **{f"true_{name}": truth for name, truth in truths.items()}}
    arrays |= {f"std_{name}": deviation for name, deviation in deviations.items()}
    arrays |= {f"axis_{name}": axes[name] for name in answers if name in axes}
    if ids:
        arrays["ids"] = np.array(ids, dtype=np.str_)
    np.savez_compressed(folder / f"{stem}.npz", **arrays)
    written = [folder / f"{stem}.npz"]
    if truths:
        columns = {f"mse_{name}": values for name, values in errors(truths, answers).items()}
        columns |= {f"std_{name}": np.sqrt(_mean_square(deviations[name])) for name in deviations}
        written.append(write_table(folder / "errors.parquet", {"id": list(ids), **columns}))
    for name, values in answers.items():
        path = folder / f"{name}.png"
        about: dict[str, Any] = {"axis": axes.get(name), "spread": deviations.get(name), "card": cards.get(name)}
        write_picture(path, picture(name, values, truths.get(name), ids=ids, **about))
        written.append(path)
    return written


def write_texts(
    folder: Path,
    name: str,
    values: np.ndarray,
    ids: Sequence[str],
    axis: np.ndarray | None,
    deviations: np.ndarray | None = None,
) -> None:
    """``NAME/ID.txt`` per sample: two lines of header, then axis (or column number) and value, as spectra are read.

    deviations: a third column, under the heading ``std``.
    """
    open_folder(folder / name)
    x = axis if axis is not None and len(axis) == values.shape[1] else np.arange(1, values.shape[1] + 1)
    taken: set[str] = set()
    columns = values[:, :, None] if deviations is None else np.stack([values, deviations], axis=2)
    for row, each in zip(ids, columns, strict=True):
        stem = re.sub(r"[^\w.-]", "_", row).lstrip(".") or "_"
        while stem in taken:
            stem += "_"
        taken.add(stem)
        header = f"{' '.join(row.split())}\naxis {name}{'' if deviations is None else ' std'}"
        np.savetxt(folder / name / f"{stem}.txt", np.column_stack([x, each]), fmt="%.9g", header=header)


def _arrays(loaded: Loaded, answer: Any) -> Answers:
    """A model's answer by field: of one field it may be a bare tensor."""
    fields: Mapping[str, Tensor] = answer if isinstance(answer, Mapping) else {loaded.fields[0]: answer}
    return {name: _finite(name, values) for name, values in fields.items()}


def _finite(name: str, values: Tensor) -> np.ndarray:
    array: np.ndarray = values.detach().float().cpu().numpy()
    if not np.isfinite(array).all():
        raise DataError(f"{name}: the model's answer is not finite; its inputs lie far outside what it was trained on")
    return array


def _mean_square(values: np.ndarray) -> np.ndarray:
    """Of each sample, (N,) float64."""
    means: np.ndarray = np.square(values.astype(np.float64)).reshape(len(values), -1).mean(1)
    return means


def _truths(loaded: Loaded, rows: Rows, answers: Answers) -> Answers:
    """The rows as the figures see them: images of the model's size, tables with the columns that it answers."""
    return {name: _truth(loaded, rows.fields[name], answers[name]) for name in answers if name in rows.fields}


def _truth(loaded: Loaded, rows: Tensor, answer: np.ndarray) -> np.ndarray:
    if isinstance(loaded.model, Autoencoder):
        return np.concatenate([loaded.model.targets(each).float().cpu().numpy() for each in _chunks(rows)])
    array: np.ndarray = rows.float().cpu().numpy()
    return array[:, : answer.shape[1]]


def _chunks(rows: Tensor) -> Iterator[Tensor]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
