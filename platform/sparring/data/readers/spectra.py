"""Structures and their spectra from the user's files: a folder of pairs, or one ``.npz``.

A folder, or its direct sub-folders, holds a structure ``STEM.xyz`` (line 1: how many atoms; line 2: a comment; then per
atom: symbol or atomic number, x, y, z in Å; the first atom absorbs) and a spectrum ``STEM.txt`` (header lines, then per
point: energy in eV, intensity) for every stem, or either in another form that ``pair_files.py`` knows. One without the
other is left out and counted. Sub-folders whose names end in ``train``, ``valid`` and ``test`` are parts of a published
split. The structures become wACSF vectors. An ``.npz`` holds ``x`` (structure) and ``y`` (spectrum), one row per
sample, and if known ``energy`` (or ``e``) and ``ids``. Byte order marks and Windows line ends are fine. Nothing
unpickles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...errors import DataError
from ..dataset import Dataset
from ..last_read import LastRead
from ..physics.wacsf import Grid, Structure, describe
from .npz import TORN, read_members, torn
from .pair_files import (
    PairForm,
    Source,
    holding,
    read_spectra,
    read_structure,
    resolved,
    spectra_by_stem,
    structures_by_stem,
)
from .part_folders import folders_by_part

_last_read: LastRead[tuple[list[Structure], list[np.ndarray]]] = LastRead()
_WAY_OUT = "such as by --set 'data.energies=[FIRST,LAST,POINTS]'"
_ENERGY_TOLERANCE = 1e-3  # eV; grids written with two digits differ by rounding only


class Options(Grid, PairForm):
    """The grid of the descriptors and the form of the files, used for a folder only, and the form of the spectra."""

    changes: ClassVar = dict.fromkeys(Grid.model_fields, ("structure",))

    strict: bool = False
    """Is a structure without a spectrum, or the reverse, refused? False leaves it out and says how many there are."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set at ``path``, samples sorted by stem; raises DataError, naming file and line, if anything is amiss."""
    if path is None:
        raise DataError("structures and spectra are read from a folder or an .npz, but got no path; give --data-path")
    energy: np.ndarray | None
    parts: Mapping[str, int] = {}
    notes: list[str] = []
    if path.is_dir():
        try:
            structure, spectrum, ids, energy, parts = _read_folder(path, options, notes)
        except OSError as error:
            raise DataError(f"{error.filename or path}: cannot be read: {error.strerror}") from error
    elif path.suffix.lower() == ".npz":
        structure, spectrum, ids, energy = _read_npz(path, options)
    else:
        raise DataError(f"{path}: expected a folder of .xyz and .txt files or one .npz, but got neither")
    if energy is not None and len(energy) != spectrum.shape[1]:
        raise DataError(f"{path}: needs one energy per point, but got {len(energy)} for {spectrum.shape[1]} points")
    return Dataset(
        name=path.name,
        fields={"structure": structure, "spectrum": spectrum},
        ids=tuple(ids),
        axes={} if energy is None else {"spectrum": energy},
        parts=parts,
        notes=tuple(notes),
    )


def _read_folder(
    path: Path, options: Options, notes: list[str]
) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray, dict[str, int]]:
    """Structures, spectra, ids, energies, and the rows of each part: none unless the folders are parts.

    notes: takes a sentence on what was left out.
    """
    given = PairForm.model_validate({name: getattr(options, name) for name in PairForm.model_fields})
    form = resolved(path, given)
    if form.structures is None or form.spectra is None:
        lacking = (
            "structures (.xyz, .cif, POSCAR)" if form.structures is None else "spectra (.txt, .nor, .xmu, .dat, .prj)"
        )
        raise DataError(
            f"{path}: expected .xyz and .txt files, or others of a kind that is read, here or one folder below, but "
            f"found no {lacking}"
        )
    folders = holding(path, form)
    counts: dict[str, int] = {}
    chosen: list[tuple[str, Path, Source]] = []
    for part, own in folders_by_part(path, folders).items():
        pairs = _pairs(path, own, form, options.strict, notes)
        counts[part] = len(pairs)
        chosen += [(f"{part}/{stem}", *files) for stem, files in pairs.items()]
    if not counts:
        chosen = [(stem, *files) for stem, files in _pairs(path, folders, form, options.strict, notes).items()]
    structures, points = _last_read.take(
        [file for _, structure, spectrum in chosen for file in (structure, spectrum.path)],
        lambda: (
            [read_structure(file, form) for _, file, _ in chosen],
            read_spectra([source for *_, source in chosen], form),
        ),
        form,
    )
    features = describe(structures, options)
    for (*_, spectrum), other in zip(chosen, points, strict=True):
        _check_grid(spectrum.path, other[:, 0], chosen[0][2].path, points[0][:, 0])
    return features, np.stack(points)[:, :, 1], [name for name, *_ in chosen], points[0][:, 0], counts


def _pairs(
    path: Path, folders: Sequence[Path], form: PairForm, strict: bool, notes: list[str]
) -> dict[str, tuple[Path, Source]]:
    """Structure and spectrum by stem, sorted, of these folders. Raises DataError if there is no pair.

    strict: refuses one without the other too. notes: takes a sentence on those that are left out.
    """
    structures, spectra = structures_by_stem(path, folders, form), spectra_by_stem(path, folders, form)
    pairs = sorted(structures.keys() & spectra.keys())
    lonely = [
        f"{len(stems)} {kind} without {other} ({_listed(stems)})"
        for kind, other, stems in (
            (form.structures, form.spectra, sorted(structures.keys() - spectra.keys())),
            (form.spectra, form.structures, sorted(spectra.keys() - structures.keys())),
        )
        if stems
    ]
    if lonely and (strict or not pairs):
        raise DataError(
            f"{path}: every structure STEM{form.structures} needs a spectrum STEM{form.spectra}, but got "
            f"{' and '.join(lonely)} beside {len(pairs)} pairs; add or remove those files"
            + (", or give --set data.strict=false" if pairs else "")
        )
    if lonely:
        notes.append(f"{path}: {len(pairs)} pairs are taken, and left out are {' and '.join(lonely)}")
    return {stem: (structures[stem], spectra[stem]) for stem in pairs}


def _check_grid(path: Path, energy: np.ndarray, first: Path, expected: np.ndarray) -> None:
    if len(energy) != len(expected):
        raise DataError(
            f"{path}: all spectra need the same energies, but it has {len(energy)} points and {first.name} "
            f"{len(expected)}; it may be cut short, or interpolate all onto one grid, {_WAY_OUT}"
        )
    differs = np.flatnonzero(np.abs(energy - expected) > _ENERGY_TOLERANCE)
    if len(differs):
        row = differs[0]
        raise DataError(
            f"{path}: all spectra need the same energies, but point {row + 1} lies at {energy[row]:g} eV and "
            f"in {first.name} at {expected[row]:g} eV; interpolate all onto one grid, {_WAY_OUT}"
        )


def _read_npz(path: Path, options: Options) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray | None]:
    own = {**Grid.model_fields, **PairForm.model_fields}  # and strict: whatever lies in one file is in pairs
    changed = [key for key, info in own.items() if getattr(options, key) != info.default]
    if changed:
        raise DataError(
            f"{path}: an .npz already holds descriptors, so {', '.join(changed)} cannot be chosen; leave it out or "
            "give the folder of .xyz and .txt files"
        )
    try:
        # Opened here, because np.load leaves a torn file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            keys = archive.files
            arrays = read_members(path, archive.zip, [key for key in ("x", "y", "energy", "e", "ids") if key in keys])
    except TORN as error:
        raise torn(path, error) from error
    for key in ("x", "y"):
        if key not in arrays:
            raise DataError(f"{path}: expected arrays x (structure) and y (spectrum), but got {_listed(keys)}")
        if arrays[key].ndim != 2 or arrays[key].dtype.kind not in "fiu" or not arrays[key].shape[1]:
            raise DataError(
                f"{path}: {key} must be a table of real numbers, one row per sample, but got shape "
                f"{arrays[key].shape} of {arrays[key].dtype}"
            )
    energy = arrays.get("energy", arrays.get("e"))
    if energy is not None and (energy.ndim != 1 or energy.dtype.kind not in "fiu"):
        raise DataError(f"{path}: energy must be one row of numbers, but got shape {energy.shape} of {energy.dtype}")
    ids = arrays.get("ids")
    names = [f"row-{row + 1}" for row in range(len(arrays["x"]))] if ids is None else [str(name) for name in ids.flat]
    return arrays["x"], arrays["y"], names, energy


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:3], "…"] if len(names) > 3 else names) or "nothing"
