"""The samples a verb works on: rows of the model's own data set, of another one, or files of structures and spectra."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...data import Dataset, Member, load_dataset, member_rows, read_card, split_dataset
from ...data.dataset import PARTS
from ...data.physics.wacsf import Grid, describe
from ...data.readers import pair_files
from ...data.readers.pair_files import PairForm, named_spectra, named_structures, read_structure
from ...data.splits import SPLIT, SPLIT_SEED
from ...errors import DataError, UnknownName, UsageError, names_hint
from ...models.config import missing_fields
from ...models.forms import check_intensities
from ..loading.loaded import Loaded

MOST = 10_000
"""Rows that a verb works on unless the user says how many; enough for figures of three digits."""
HELD_OUT = ("test", "valid")
"""Parts that trained nothing. Published figures are of test rows, but not every split has any."""
ENERGY_TOLERANCE = 1e-2
"""Share of a step by which energies may differ, since some files write only two digits."""


@dataclass(frozen=True, kw_only=True)
class NamedRows:
    """Samples by field, on the model's device, and what they are called."""

    ids: tuple[str, ...]
    fields: Mapping[str, Tensor]
    axes: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By field, where its columns lie."""
    labels: tuple[str, ...] = ()
    """The class of each, where the data set says one."""
    is_own: bool = True
    """Are they of the data set the model was trained on, unchanged?"""
    part: str | None = None
    """The part of their data set's split: train, valid or test."""

    def __len__(self) -> int:
        return len(self.ids)


def read_rows(
    loaded: Loaded,
    *,
    part: str | tuple[str, ...] | None = None,
    n: int | None = None,
    dataset: str | None = None,
    data_path: Path | None = None,
    options: Mapping[str, object] | None = None,
    flag: str = "--data-path",
    part_flag: str = "--part",
) -> NamedRows:
    """At most ``n`` samples (None: 10,000) with the model's fields.

    part: train, valid or test, or several of which the first that has rows is taken. None takes what validated the
    model, and of another data set all rows, shuffled.
    dataset: another data set than the model's own. data_path: where it lies, if not where it was in training.
    options: for the data set's reader. They replace the card's, and those of the training.
    flag, part_flag: the flags by which the user says ``data_path`` and ``part``.
    Raises UsageError, UnknownName or DataError if there are no such samples, or if the model cannot read them.
    """
    if n is not None and n < 1:
        raise UsageError(f"--rows: wants at least 1 row, but got {n}")
    parts = (part,) if isinstance(part, str) else part or ()
    for name in parts:
        if name not in PARTS:
            raise UnknownName(f"{part_flag}: no part {name!r}; {names_hint(name, PARTS)}")
    data = _load(loaded, dataset, data_path, options or {}, flag)
    is_own = data.sha256 == loaded.about.sha256
    if dataset is None and not is_own and not isinstance(part, str):
        raise DataError(
            f"data set {data.name}: not the data the model was trained on, so its validation rows may have trained it; "
            "name the part you want with --part"
        )
    parts = parts or (("valid",) if is_own else ())
    dealt = (loaded.about.split, loaded.about.member) if dataset is None or is_own else (SPLIT, None)
    part, index = _index(data, *dealt, parts, part_flag)
    index = index[: n or MOST]
    wanted = _fields(loaded, data)
    return NamedRows(
        ids=tuple(data.ids[row] for row in index),
        fields={name: torch.from_numpy(values[index]).to(loaded.device) for name, values in wanted.items()},
        axes={name: data.axes[name] for name in wanted if name in data.axes},
        labels=tuple(data.labels[row] for row in index) if data.labels else (),
        is_own=is_own,
        part=part,
    )


def number_of_class(loaded: Loaded, name: str, data_path: Path | None = None) -> int:
    """The place of a class of the model's own data set among all of them, in alphabetical order: ``label`` in training.

    Raises UnknownName, with the classes that there are, if the set has no such class, DataError if it is not at hand.
    """
    classes = sorted(set(_load(loaded, None, data_path, {}, "--data-path").labels))
    if name not in classes:
        raise UnknownName(f"--label: no class {name!r} in {loaded.about.dataset}; {names_hint(name, classes)}")
    return classes.index(name)


def read_structures(loaded: Loaded, path: Path) -> NamedRows:
    """Structures as the descriptors that the model was trained on, the absorber chosen as in training.

    path: an ``.xyz``, ``.cif`` or POSCAR file, or a folder of them as training reads it. Raises UsageError or DataError
    if the model cannot read them.
    """
    options = reader_options(loaded)
    grid = Grid.model_validate({key: options[key] for key in Grid.model_fields if key in options})
    form = _form(options)
    files = named_structures(path, form)
    if not files:
        raise UsageError(f"--structures: wants a .xyz, .cif or POSCAR file or a folder of them, but {path} holds none")
    features = describe([read_structure(file, form) for file in files.values()], grid)
    return _as_rows(loaded, "structure", files, features, path)


def read_spectra(loaded: Loaded, path: Path) -> NamedRows:
    """Spectra on the energies that the model was trained on.

    path: a file of energies and intensities of a kind that training reads, such as a ``.txt``, or a folder of them.
    Raises UsageError or DataError if the model cannot read them, for instance because they lie on other energies.
    """
    options = reader_options(loaded)
    form = _form(options)
    files = named_spectra(path, form)
    if not files:
        kinds = ".txt, _conv.txt, .nor, .xmu, .dat or .prj"
        raise UsageError(f"--spectra: wants a {kinds} file or a folder of them, but {path} holds none")
    points = pair_files.read_spectra(files.values(), form)
    for source, each in zip(files.values(), points, strict=True):
        _check_axis(loaded, "spectrum", each[:, 0], str(source.path))
    if len({len(each) for each in points}) > 1:
        raise DataError(f"{path}: all spectra need as many points; interpolate them onto one grid")
    rows = np.stack([each[:, 1] for each in points])
    return _as_rows(loaded, "spectrum", files, rows, path)


def _form(options: Mapping[str, object]) -> PairForm:
    return PairForm.model_validate({key: options[key] for key in PairForm.model_fields if key in options})


def reader_options(loaded: Loaded) -> dict[str, object]:
    """The reader's in training: those that were given over the card's, as far as that is at hand."""
    try:
        card = read_card(loaded.about.dataset).options
    except UnknownName:
        card = {}
    return {**card, **loaded.about.data}


def _load(
    loaded: Loaded, dataset: str | None, data_path: Path | None, options: Mapping[str, object], flag: str
) -> Dataset:
    about = loaded.about
    if dataset is not None and dataset != about.dataset:
        return load_dataset(dataset, data_path, options, flag=flag)
    before = Path(about.data_path) if about.data_path else None
    return load_dataset(about.dataset, data_path or before, {**about.data, **options}, flag=flag, may_fetch=False)


def _index(
    data: Dataset, split_kind: str, member: Member | None, parts: Sequence[str], flag: str
) -> tuple[str | None, np.ndarray]:
    """(the first of ``parts`` that has rows, its rows); without parts (None, all rows, shuffled)."""
    if not parts:
        return None, np.random.RandomState(SPLIT_SEED).permutation(len(data)).astype(np.int64)
    split = split_dataset(data, split_kind)
    rows = split if member is None else member_rows(split, member, SPLIT_SEED)
    for part in parts:
        if len(index := getattr(rows, part)):
            return part, index
    named = " or ".join(parts)
    raise UsageError(f"{flag}: the split {split_kind} of {data.name} has no {named} rows; use {flag} valid")


def _fields(loaded: Loaded, data: Dataset) -> dict[str, np.ndarray]:
    """The model's fields, their columns in its order; raises UsageError or DataError if it cannot read them."""
    missing = missing_fields(loaded.about.model, loaded.fields, data.fields)
    if missing:
        raise UsageError(f"data set {data.name}: the model {missing}; choose another")
    where = f"data set {data.name}"
    fields = {name: _by_name(loaded, data, name) for name in loaded.fields}
    for name, values in fields.items():
        _check_shape(loaded, name, values.shape[1:], where)
        if name == "image" and values.ndim == 4:
            check_intensities(values, where)
        if name in data.axes:
            _check_axis(loaded, name, data.axes[name], where)
    return fields


def _by_name(loaded: Loaded, data: Dataset, name: str) -> np.ndarray:
    """A field, its columns found by the names that they had in training; of a file without names, as it lies."""
    trained, found = loaded.about.columns.get(name, ()), data.columns.get(name, ())
    if not trained or not found or trained == found or data.sha256 == loaded.about.sha256:
        return data.fields[name]
    lacking = next((column for column in trained if column not in found), None)
    if lacking is not None:
        others = ", ".join(column for column in found if column not in trained) or "none"
        raise DataError(
            f"data set {data.name}: {name}: the model was trained on a column {lacking!r}, but there is none of this "
            f"name; columns that it does not know: {others}; call them as they were called in training"
        )
    return data.fields[name][:, [found.index(column) for column in trained]]


def _check_shape(loaded: Loaded, name: str, shape: tuple[int, ...], where: str) -> None:
    trained = tuple(loaded.about.shapes[name])
    # Images of any size and colour are brought to the model's (models/blocks/images.py).
    is_image = name == "image" and len(trained) == len(shape) == 3
    if shape != trained and not is_image:
        raise UsageError(f"{where}: {name}: the model was trained on samples of shape {trained}, but got {shape}")


def _check_axis(loaded: Loaded, name: str, other: np.ndarray, where: str) -> None:
    """Raises DataError if the columns of a field lie elsewhere than in training."""
    axis = np.array(loaded.about.axes.get(name, ()))
    if len(axis) and (len(axis) != len(other) or _differ(axis, other)):
        raise DataError(
            f"{where}: {name}: the model reads {len(axis)} points from {axis[0]:g} to {axis[-1]:g}, but got "
            f"{len(other)} from {other[0]:g} to {other[-1]:g}; interpolate onto those"
        )


def _as_rows(loaded: Loaded, name: str, files: Collection[str], values: np.ndarray, path: Path) -> NamedRows:
    if name not in loaded.fields:
        raise UsageError(f"{path}: the model {loaded.about.model} reads {', '.join(loaded.fields)}, not a {name}")
    _check_shape(loaded, name, values.shape[1:], str(path))
    rows = torch.from_numpy(values.astype(np.float32)).to(loaded.device)
    return NamedRows(ids=tuple(files), fields={name: rows}, is_own=False)


def _differ(axis: np.ndarray, other: np.ndarray) -> bool:
    step = float(np.abs(np.diff(axis)).min()) if len(axis) > 1 else 1.0
    return bool((np.abs(axis - other) > ENERGY_TOLERANCE * step).any())
