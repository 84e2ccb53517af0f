"""The files of a pair: a structure in ``.xyz`` and a spectrum in ``.txt``, and where a folder keeps them.

Training and every verb find and read them here, so that a folder from which a model was trained can be predicted from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import DataError
from ..physics.wacsf import Structure
from .part_folders import folders_by_part

PERIODIC_TABLE = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv "
    "Ts Og"
)
_NUMBERS = {name: number for number, symbol in enumerate(PERIODIC_TABLE.split(), 1) for name in (symbol, str(number))}
LONGEST_COUNT = 20
"""Characters of a line that says how many atoms follow."""
HEADERS = 2
"""Header lines that most programs write; among these any line that is no point is one."""
_BEGINS_POINT = re.compile(r"\s*([-+.]*\d|[-+]?(nan|inf)\b)", re.IGNORECASE)
FAR = 20
"""A first energy that lies more than so many steps before the next is none."""


def read_structure(path: Path) -> Structure:
    """The atoms of an ``.xyz`` file, the absorber first.

    What follows the announced atoms is not read: published sulphur files repeat the absorber there. A second frame is
    refused, because nobody says which one is meant.
    """
    lines = _lines(path)
    count = int(lines[0]) if lines and lines[0].strip().isdecimal() and len(lines[0]) < LONGEST_COUNT else 0
    if count < 1:
        raise DataError(f"{path}: line 1 must say how many atoms follow, but got {_shown(lines[:1])}")
    if len(lines) < count + 2:
        follow = max(0, len(lines) - 2)
        raise DataError(f"{path}: line 1 announces {count} atoms, but {follow} follow; the file is cut short")
    if len(lines) > count + 2 and lines[count + 2].strip().isdecimal():
        raise DataError(
            f"{path}: it must hold one structure, but line {count + 3} announces another; write each frame into a file "
            "of its own"
        )
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
    """Energy and intensity of a ``.txt`` file, (points, 2); a third column headed ``std`` is passed over.

    Any number of header lines may stand before the points. One that is two numbers, in the midst of others or far from
    the energies that follow, is refused: it might be a point, and might not.
    """
    lines = _lines(path)
    start = _first_point(lines)
    width = 3 if lines[:start] and lines[start - 1].strip().endswith(" std") else 2
    if len(lines) - start < 2:
        raise DataError(f"{path}: at least 2 points are needed, but got {len(lines) - start}")
    points = np.empty((len(lines) - start, 2))
    for row, line in enumerate(lines[start:]):
        words = line.split()
        if len(words) != width:
            raise DataError(
                f"{path}: line {start + row + 1} must hold an energy and an intensity, but got {_shown([line])}"
            )
        points[row] = _floats(path, start + row + 1, words)[:2]
    doubtful = next((line for line in lines[: min(start, HEADERS)] if _is_point(line)), None)
    steps = np.abs(np.diff(points[:3, 0]))
    if start < HEADERS and len(steps) == 2 and steps[0] > FAR * steps[1]:
        doubtful = lines[start]
    if doubtful is not None:
        raise DataError(
            f"{path}: a line of the header may not be two numbers, but got {_shown([doubtful])}; remove it, or put a # "
            "before it"
        )
    return points


def _first_point(lines: Sequence[str]) -> int:
    """The first line of the points: after the first two, any line that begins as a number is one, a torn one too."""
    for row, line in enumerate(lines):
        if row >= HEADERS and _BEGINS_POINT.match(line):
            return row
        if _is_point(line) and all(map(_is_point, lines[row : HEADERS + 1])):
            return row
    return len(lines)


def folders_of(path: Path) -> list[Path]:
    """The folder and its direct sub-folders, in order; hidden ones are left out."""
    return [path, *sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))]


def files_by_stem(path: Path, folders: Sequence[Path], suffix: str) -> dict[str, Path]:
    """Files of one kind in ``folders``, all in ``path``; raises DataError where two have one stem."""
    files: dict[str, Path] = {}
    for file in (file for folder in folders for file in files_of(folder, suffix)):
        other = files.setdefault(file.stem, file)
        if other != file:
            raise DataError(f"{path}: one {suffix} per stem, but there are {other} and {file}; remove one")
    return files


def named_files(path: Path, suffix: str) -> dict[str, Path]:
    """Files of one kind in ``path`` and its direct sub-folders, by the names that a data set read from it has for rows.

    Raises DataError where two have one name.
    """
    holding = [folder for folder in folders_of(path) if files_of(folder, suffix)]
    parts = folders_by_part(path, holding)
    if not parts:
        return files_by_stem(path, holding, suffix)
    return {
        f"{part}/{stem}": file
        for part, folders in parts.items()
        for stem, file in files_by_stem(path, folders, suffix).items()
    }


def files_of(folder: Path, suffix: str) -> list[Path]:
    """Files of one kind in a folder, sorted; hidden ones are left out, such as macOS's ``._NAME`` on shared disks."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() == suffix and not file.name.startswith(".") and file.is_file()
    )


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


def _is_number(words: Sequence[str]) -> bool:
    """Whether there are words, and all of them numbers."""
    try:
        return bool(words) and all(map(math.isfinite, map(float, words)))
    except ValueError:
        return False


def _is_point(line: str) -> bool:
    words = line.split()
    return len(words) == 2 and _is_number(words)


def _shown(lines: Sequence[str]) -> str:
    return repr(lines[0][:60]) if lines else "nothing"
