"""Structures and their spectra from the user's files: a folder of ``.xyz`` and ``.txt`` pairs, or one ``.npz``.

A folder, or its direct sub-folders, holds a structure ``STEM.xyz`` (line 1: how many atoms; line 2: a comment; then per
atom: symbol or atomic number, x, y, z in Å; the first atom absorbs) and a spectrum ``STEM.txt`` (two header lines, then
per point: energy in eV, intensity) for every stem. Sub-folders whose names end in ``train``, ``valid`` and ``test`` are
parts of a published split. The structures become wACSF vectors. An ``.npz`` holds ``x`` (structure) and ``y``
(spectrum), one row per sample, and if known ``energy`` (or ``e``) and ``ids``. Byte order marks and Windows line ends
are fine. Nothing unpickles.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from ...errors import DataError
from ..dataset import Dataset
from ..last_read import LastRead
from ..physics.fourier import transform
from ..physics.wacsf import Grid, Structure, describe
from .part_folders import folders_by_part

PERIODIC_TABLE = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv "
    "Ts Og"
)
_NUMBERS = {name: number for number, symbol in enumerate(PERIODIC_TABLE.split(), 1) for name in (symbol, str(number))}
_last_read: LastRead[tuple[list[Structure], list[np.ndarray]]] = LastRead()
_ENERGY_TOLERANCE = 1e-3  # eV; grids written with two digits differ by rounding only


class Options(Grid):
    """The grid of the descriptors, used for a folder only, and the form of the spectra."""

    changes: ClassVar = {**dict.fromkeys(Grid.model_fields, ("structure",)), "fourier": ("spectrum",)}

    fourier: bool = False
    """Spectra as the real part of their Fourier transform, twice as long (``data/physics/fourier.py``)."""


def read(path: Path | None, options: Options) -> Dataset:
    """The set at ``path``, samples sorted by stem; raises DataError, naming file and line, if anything is amiss."""
    if path is None:
        raise DataError("structures and spectra are read from a folder or an .npz, but got no path; give --data-path")
    energy: np.ndarray | None
    parts: Mapping[str, int] = {}
    if path.is_dir():
        try:
            structure, spectrum, ids, energy, parts = _read_folder(path, options)
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
        fields={"structure": structure, "spectrum": transform(spectrum) if options.fourier else spectrum},
        ids=tuple(ids),
        axes={} if energy is None else {"spectrum": energy},
        parts=parts,
    )


def read_structure(path: Path) -> Structure:
    """The atoms of an ``.xyz`` file, the absorber first.

    What follows the announced atoms is not read: published sulphur files repeat the absorber there.
    """
    lines = _lines(path)
    count = int(lines[0]) if lines and lines[0].strip().isdecimal() else 0
    if count < 1:
        raise DataError(f"{path}: line 1 must say how many atoms follow, but got {_shown(lines[:1])}")
    if len(lines) < count + 2:
        follow = max(0, len(lines) - 2)
        raise DataError(f"{path}: line 1 announces {count} atoms, but {follow} follow; the file is cut short")
    numbers, positions = np.empty(count, dtype=np.int64), np.empty((count, 3))
    for row, line in enumerate(lines[2 : count + 2]):
        words = line.split()
        if len(words) < 4:
            raise DataError(f"{path}: line {row + 3} must hold an element, x, y and z, but got {_shown([line])}")
        number = _NUMBERS.get(words[0]) or _NUMBERS.get(words[0].capitalize())
        if number is None:
            raise DataError(
                f"{path}: line {row + 3} must begin with an element's symbol or atomic number, but got {words[0]!r}"
            )
        numbers[row], positions[row] = number, _floats(path, row + 3, words[1:4])
    on_absorber = np.flatnonzero((positions[1:] == positions[0]).all(1))
    if len(on_absorber):
        raise DataError(f"{path}: line {on_absorber[0] + 4} puts an atom onto the absorber of line 3; remove one")
    return Structure(numbers, positions)


def read_spectrum(path: Path) -> np.ndarray:
    """Energy and intensity of a ``.txt`` file, (points, 2); a third column headed ``std`` is passed over."""
    whole = _lines(path)
    lines, width = whole[2:], 3 if whole[:2][-1].endswith(" std") else 2
    if len(lines) < 2:
        raise DataError(f"{path}: two header lines and at least 2 points are needed, but got {len(lines)} points")
    points = np.empty((len(lines), 2))
    for row, line in enumerate(lines):
        words = line.split()
        if len(words) != width:
            raise DataError(f"{path}: line {row + 3} must hold an energy and an intensity, but got {_shown([line])}")
        points[row] = _floats(path, row + 3, words)[:2]
    return points


def _read_folder(path: Path, options: Options) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray, dict[str, int]]:
    """Structures, spectra, ids, energies, and the rows of each part: none unless the folders are parts."""
    folders = [path, *sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))]
    holding = [folder for folder in folders if any(_files(folder, suffix) for suffix in (".xyz", ".txt"))]
    if not holding:
        raise DataError(f"{path}: expected .xyz and .txt files here or one folder below, but found none")
    counts: dict[str, int] = {}
    chosen: list[tuple[str, Path, Path]] = []
    for part, own in folders_by_part(path, holding).items():
        pairs = _pairs(path, own)
        counts[part] = len(pairs)
        chosen += [(f"{part}/{stem}", *files) for stem, files in pairs.items()]
    if not counts:
        chosen = [(stem, *files) for stem, files in _pairs(path, holding).items()]
    structures, points = _last_read.take(
        [file for _, *files in chosen for file in files],
        lambda: ([read_structure(file) for _, file, _ in chosen], [read_spectrum(file) for *_, file in chosen]),
    )
    features = describe(structures, options)
    for (*_, spectrum), other in zip(chosen, points, strict=True):
        _check_grid(spectrum, other[:, 0], chosen[0][2], points[0][:, 0])
    return features, np.stack(points)[:, :, 1], [name for name, *_ in chosen], points[0][:, 0], counts


def _pairs(path: Path, folders: Sequence[Path]) -> dict[str, tuple[Path, Path]]:
    """Structure and spectrum by stem, sorted, of these folders. Raises DataError for one without the other."""
    structures, spectra = (_by_stem(path, folders, suffix) for suffix in (".xyz", ".txt"))
    lonely = [
        f"{len(stems)} {suffix} without {other} ({_listed(stems)})"
        for suffix, other, stems in (
            (".xyz", ".txt", sorted(structures.keys() - spectra.keys())),
            (".txt", ".xyz", sorted(spectra.keys() - structures.keys())),
        )
        if stems
    ]
    if lonely:
        raise DataError(
            f"{path}: every structure STEM.xyz needs a spectrum STEM.txt, but got {' and '.join(lonely)} beside "
            f"{len(structures.keys() & spectra.keys())} pairs; add or remove those files"
        )
    return {stem: (structures[stem], spectra[stem]) for stem in sorted(structures)}


def _check_grid(path: Path, energy: np.ndarray, first: Path, expected: np.ndarray) -> None:
    if len(energy) != len(expected):
        raise DataError(
            f"{path}: all spectra need the same energies, but it has {len(energy)} points and {first.name} "
            f"{len(expected)}; it may be cut short, or interpolate all onto one grid"
        )
    differs = np.flatnonzero(np.abs(energy - expected) > _ENERGY_TOLERANCE)
    if len(differs):
        row = differs[0]
        raise DataError(
            f"{path}: all spectra need the same energies, but line {row + 3} has {energy[row]:g} eV and {first.name} "
            f"{expected[row]:g} eV; interpolate all onto one grid"
        )


def _read_npz(path: Path, options: Options) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray | None]:
    changed = [key for key, info in Grid.model_fields.items() if getattr(options, key) != info.default]
    if changed:
        raise DataError(
            f"{path}: an .npz already holds descriptors, so {', '.join(changed)} cannot be chosen; leave it out or "
            "give the folder of .xyz and .txt files"
        )
    try:
        # Opened here, because np.load leaves a torn file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ("x", "y", "energy", "e", "ids") if key in archive.files}
            keys = archive.files
    except (ValueError, OSError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: expected an .npz of plain arrays (no objects, no pickles), but it cannot be read: {error}"
        ) from error
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


def _by_stem(path: Path, folders: Sequence[Path], suffix: str) -> dict[str, Path]:
    """Files of one kind in ``folders``, all in ``path``; raises DataError where two have one stem."""
    files: dict[str, Path] = {}
    for file in (file for folder in folders for file in _files(folder, suffix)):
        other = files.setdefault(file.stem, file)
        if other != file:
            raise DataError(f"{path}: one {suffix} per stem, but there are {other} and {file}; remove one")
    return files


def _files(folder: Path, suffix: str) -> list[Path]:
    """Files of one kind in a folder; hidden ones are left out."""
    return [
        file
        for file in folder.iterdir()
        if file.suffix.lower() == suffix and not file.name.startswith(".") and file.is_file()
    ]


def _lines(path: Path) -> list[str]:
    """Lines without byte order mark and trailing blank ones; what is no UTF-8 may only be in a comment."""
    return path.read_text(encoding="utf-8-sig", errors="replace").rstrip().split("\n")


def _floats(path: Path, line: int, words: Sequence[str]) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise DataError(f"{path}: line {line} must hold finite numbers, but got {_shown([' '.join(words)])}")
    return numbers


def _shown(lines: Sequence[str]) -> str:
    return repr(lines[0][:60]) if lines else "nothing"


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:3], "…"] if len(names) > 3 else names) or "nothing"
