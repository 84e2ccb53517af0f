"""The samples a verb works on: rows of the model's own data set, of another one, or files of structures and spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data import Dataset, Member, load_dataset, member_rows, read_card, split_rows
from ...data.dataset import PARTS
from ...data.physics.fourier import transform
from ...data.physics.wacsf import Grid, describe
from ...data.readers.spectra import read_spectrum, read_structure
from ...data.splits import SPLIT, SPLIT_SEED
from ...errors import DataError, UnknownName, UsageError
from ...models.config import missing_fields
from ..loading.loaded import Loaded

MOST = 10_000
"""Rows that are worked on unless the user asks for another number: enough for figures of three digits."""
HELD_OUT = ("test", "valid")
"""The parts to look at where nobody names one and published figures are of test rows; not every split has any."""
ENERGY_TOLERANCE = 1e-2
"""Of a step between two energies: what files that write two digits differ by."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Samples by field, on the model's device, and what they are called."""

    ids: tuple[str, ...]
    fields: Mapping[str, Tensor]
    axes: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By field, where its columns lie."""
    is_own: bool = True
    """Are they of the data set the model was trained on, unchanged?"""
    part: str | None = None
    """Of their data set's split: train, valid or test."""

    def __len__(self) -> int:
        return len(self.ids)


def read_rows(
    loaded: Loaded,
    *,
    part: str | tuple[str, ...] | None = None,
    n: int | None = None,
    dataset: str | None = None,
    data_path: Path | None = None,
    options: Mapping[str, Any] | None = None,
    flag: str = "--data-path",
    part_flag: str = "--part",
) -> Rows:
    """At most ``n`` samples (10,000) with the model's fields.

    part: train, valid or test, or several, of which the first that has rows is taken; by default what validated the
    model, and of another data set every row, shuffled. The model's own data set is found where it was, unless
    ``data_path`` says where it lies now. options: of the reader, over the card's and, of the model's own data set, over
    those it was trained on. flag, part_flag: by which the user says ``data_path`` and ``part``.
    """
    if n is not None and n < 1:
        raise UsageError(f"--rows: wants at least 1 row, but got {n}")
    parts = (part,) if isinstance(part, str) else part or ()
    for each in parts:
        if each not in PARTS:
            raise UnknownName(f"{part_flag}: no part {each!r}; there are: {', '.join(PARTS)}")
    data = _load(loaded, dataset, data_path, options or {}, flag)
    is_own = data.sha256 == loaded.about.sha256
    if dataset is None and not is_own and not isinstance(part, str):
        raise DataError(
            f"data set {data.name}: not the data the model was trained on, so its validation rows may have trained it; "
            "name the part you want with --part"
        )
    parts = parts or (("valid",) if is_own else ())
    kind, member = (loaded.about.split, loaded.about.member) if dataset is None or is_own else (SPLIT, None)
    found, index = _index(data, kind, member, parts, part_flag)
    index = index[: n or MOST]
    wanted = loaded.fields
    _check(loaded, data, wanted)
    return Rows(
        ids=tuple(data.ids[row] for row in index),
        fields={name: torch.from_numpy(data.fields[name][index]).to(loaded.device) for name in wanted},
        axes={name: data.axes[name] for name in wanted if name in data.axes},
        is_own=is_own,
        part=found,
    )


def read_structures(loaded: Loaded, place: Path) -> Rows:
    """``.xyz`` files, one or a folder's, as the descriptors the model was trained on; the first atom absorbs."""
    files = _files(place, ".xyz", "--structures")
    card = read_card(loaded.about.dataset)
    options = {**card.options, **loaded.about.data}
    grid = Grid(**{name: options[name] for name in Grid.model_fields if name in options})
    features = describe([read_structure(file) for file in files], grid)
    return _as_rows(loaded, "structure", files, features, place)


def read_spectra(loaded: Loaded, place: Path) -> Rows:
    """``.txt`` files of energy and intensity, one or a folder's, on the energies the model was trained on."""
    files = _files(place, ".txt", "--spectra")
    axis = np.array(loaded.about.axes.get("spectrum", ()))
    spectra = []
    for file in files:
        points = read_spectrum(file)
        if len(axis) and (len(axis) != len(points) or _differ(axis, points[:, 0])):
            raise DataError(
                f"{file}: the model reads spectra of {len(axis)} points from {axis[0]:g} to {axis[-1]:g}, but got "
                f"{len(points)} from {points[0, 0]:g} to {points[-1, 0]:g}; interpolate onto those"
            )
        spectra.append(points[:, 1])
    if len({len(each) for each in spectra}) > 1:
        raise DataError(f"{place}: all spectra need as many points; interpolate them onto one grid")
    rows = np.stack(spectra)
    is_transformed = {**read_card(loaded.about.dataset).options, **loaded.about.data}.get("fourier", False)
    return _as_rows(loaded, "spectrum", files, transform(rows) if is_transformed else rows, place)


def _load(
    loaded: Loaded, dataset: str | None, data_path: Path | None, options: Mapping[str, Any], flag: str
) -> Dataset:
    about = loaded.about
    if dataset is not None and dataset != about.dataset:
        return load_dataset(dataset, data_path, options, flag=flag)
    before = Path(about.data_path) if about.data_path else None
    return load_dataset(about.dataset, data_path or before, {**about.data, **options}, flag=flag)


def _index(
    data: Dataset, kind: str, member: Member | None, parts: Sequence[str], flag: str
) -> tuple[str | None, np.ndarray]:
    """(the first of ``parts`` that has rows, its rows); of no parts all rows, shuffled."""
    if not parts:
        return None, np.random.RandomState(SPLIT_SEED).permutation(len(data)).astype(np.int64)
    split = split_rows(len(data), kind, SPLIT_SEED, data.parts)
    rows = split if member is None else member_rows(split, member, SPLIT_SEED)
    for part in parts:
        if len(index := getattr(rows, part)):
            return part, index
    raise UsageError(f"{flag}: the split {kind} of {data.name} has no {' or '.join(parts)} rows; use {flag} valid")


def _check(loaded: Loaded, data: Dataset, wanted: Sequence[str]) -> None:
    missing = missing_fields(loaded.about.model, wanted, data.fields)
    if missing:
        raise UsageError(f"data set {data.name}: the model {missing}; choose another")
    for name in wanted:
        _check_shape(loaded, name, data.shapes[name], f"data set {data.name}")


def _check_shape(loaded: Loaded, name: str, shape: tuple[int, ...], where: str) -> None:
    trained = tuple(loaded.about.shapes[name])
    # Images of any size and colour are brought to the model's (models/blocks/images.py).
    is_image = name == "image" and len(trained) == len(shape) == 3
    if shape != trained and not is_image:
        raise UsageError(f"{where}: {name}: the model was trained on samples of shape {trained}, but got {shape}")


def _as_rows(loaded: Loaded, name: str, files: Sequence[Path], values: np.ndarray, place: Path) -> Rows:
    if name not in loaded.fields:
        raise UsageError(f"{place}: the model {loaded.about.model} reads {', '.join(loaded.fields)}, not a {name}")
    _check_shape(loaded, name, values.shape[1:], str(place))
    rows = torch.from_numpy(values.astype(np.float32)).to(loaded.device)
    return Rows(ids=tuple(file.stem for file in files), fields={name: rows}, is_own=False)


def _files(place: Path, suffix: str, flag: str) -> list[Path]:
    if place.is_file():
        return [place]
    found = sorted(file for file in place.glob(f"*{suffix}") if file.is_file()) if place.is_dir() else []
    if not found:
        raise UsageError(f"{flag}: wants a {suffix} file or a folder of them, but {place} holds none")
    return found


def _differ(axis: np.ndarray, other: np.ndarray) -> bool:
    step = float(np.abs(np.diff(axis)).min()) if len(axis) > 1 else 1.0
    return bool((np.abs(axis - other) > ENERGY_TOLERANCE * step).any())
